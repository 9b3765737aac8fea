"""The methods: one LightningModule per family."""

from gan_lab.models.adversarial import AdversarialModule
from gan_lab.models.base import Loss, ManualModule
from gan_lab.models.code_prior import CodePrior
from gan_lab.models.cut import CUT
from gan_lab.models.cyclegan import CycleGAN
from gan_lab.models.divergence import TrainingDivergedError
from gan_lab.models.drifting import Drifting
from gan_lab.models.enhancer import Enhancer
from gan_lab.models.gan import GAN
from gan_lab.models.probe import Probe
from gan_lab.models.vae import VAE
from gan_lab.models.vae_gan import VAEGAN
from gan_lab.models.vq_vae import VQVAE
from gan_lab.schedules import burn_in, cosine, linear_decay

__all__ = [
    "CUT",
    "GAN",
    "VAE",
    "VAEGAN",
    "VQVAE",
    "AdversarialModule",
    "CodePrior",
    "CycleGAN",
    "Drifting",
    "Enhancer",
    "Loss",
    "ManualModule",
    "Probe",
    "TrainingDivergedError",
    "burn_in",
    "cosine",
    "linear_decay",
]

#: What a configuration may describe, one in a checkpoint from elsewhere among them; see gan_lab/config/targets.py.
LOADABLE = frozenset(
    {
        "CUT",
        "GAN",
        "VAE",
        "VAEGAN",
        "VQVAE",
        "CodePrior",
        "CycleGAN",
        "Drifting",
        "Enhancer",
        "burn_in",
        "cosine",
        "linear_decay",
    }
)
