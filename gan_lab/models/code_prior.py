"""A prior over the codes of a VQ-VAE: what makes a model that reconstructs one that generates."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim import Optimizer

from gan_lab.models.base import Loss, OptimizerFactory, Terms
from gan_lab.models.batches import Batch
from gan_lab.models.probe import Probe
from gan_lab.models.validation import ComparesSets, compare_samples, make_mean
from gan_lab.models.vq_vae import VQVAE
from gan_lab.networks import CodeTransformer, evaluation_mode
from gan_lab.rng import draw_seeded_noise


class CodePrior(ComparesSets):
    """Learn which codes follow one another in the grids of a trained VQ-VAE; draw new grids, and decode them.

    A latent z has a number for each place of the grid. Which code a place gets is read off the probabilities of all codes,
    the likeliest first, at the share of a normal distribution that lies within |z|. So z makes an image, whatever others
    are drawn with it; z of 0 takes the likeliest code everywhere, and z that are bound in size draw from the likeliest
    codes alone, as nucleus sampling does (Holtzman et al. 2020, arXiv:1904.09751).

    Args:
        autoencoder: a trained VQ-VAE; frozen, and part of the checkpoint. The train command takes it from `codes`.
        transformer: makes what predicts each code from those before it, of the number of codes and of places in a grid.
        optimizer: makes the optimiser of the transformer.
        codes: the run or checkpoint that the autoencoder is from. Nothing reads it once the run has begun.
        options: of `ComparesSets` and `ManualModule`.

    Source: van den Oord et al. 2017, arXiv:1711.00937, section 4.2, its prior; with a transformer in the place of
    PixelCNN as in Esser et al. 2021, arXiv:2012.09841, section 3.2, eq. 9.
    """

    batch_kind = "images"
    task = "generation"
    first_optimizer = "optimizer"

    def __init__(
        self,
        autoencoder: VQVAE,
        transformer: Callable[..., CodeTransformer],
        optimizer: OptimizerFactory,
        codes: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.autoencoder = autoencoder.requires_grad_(False)
        self.transformer = transformer(codes=autoencoder.quantizer.codes, places=math.prod(autoencoder.sides))
        self.optimizer = optimizer
        self.codes = codes
        self.latents = self.transformer.places

    # ------------------------------------------------------------------------------------------------ the method

    def step(self, batch: Batch) -> Terms:
        (optimizer,) = self.optimizer_list()
        return self.minimize(optimizer, self.loss, {"codes": self.read_codes(batch["image"])}).terms

    def read_codes(self, image: Tensor) -> Tensor:
        """Return the codes of images [N, C, H, W], int64 [N, places], row by row."""
        return self.autoencoder.encode(image).flatten(1)

    def loss(self, inputs: Batch) -> Loss:
        """Return the mean negative log-likelihood of a code, given those before it, in nats."""
        logits = self.transformer(inputs["codes"])
        loss = functional.cross_entropy(logits.float().flatten(0, 1), inputs["codes"].flatten())
        return Loss(loss, {"loss": loss})

    def configure_optimizers(self) -> list[Optimizer]:
        return [self.optimizer(self.transformer.parameters())]

    # ------------------------------------------------------------------------------------------------ using it

    @torch.no_grad()
    def generate(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Return images [N, C, H, W] in [-1, 1] for z [N, latents]; labels are not used."""
        # in float32, whatever the decoder computes in: a code that tips over changes all those after it
        with evaluation_mode(self.transformer), self.full_precision():
            shares = z_to_share(z)
            codes = self.transformer.sample(len(z), lambda place, logits: pick_codes(logits, shares[:, place]))
        return self.autoencoder.decode(codes.unflatten(1, self.autoencoder.sides))

    @torch.no_grad()
    def encode(self, image: Tensor) -> Tensor:
        """Return latents [N, latents] float32 whose images are the reconstructions of images [N, C, H, W] in [-1, 1]."""
        codes = self.read_codes(image)
        with evaluation_mode(self.transformer), self.full_precision():
            return share_to_z(find_shares(self.transformer(codes), codes)).float()

    def sample_grid(self, batch: Batch) -> tuple[Tensor, int]:
        return self.generate(draw_seeded_noise(64, self.latents).to(self.device)), 8

    def validate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Return the loss on held-out images, and how as many samples compare with them; see `compare_samples`."""
        kept, mean = list(batches), make_mean(self.device)
        for batch in kept:
            with evaluation_mode(self.transformer):
                loss = self.loss({"codes": self.read_codes(batch["image"].to(self.device))})
            mean.update(loss.total, weight=len(batch["image"]))
        return {"val/loss": float(mean.compute())} | compare_samples(self, kept)

    def probe(self, batch: Batch) -> list[Probe]:
        """Show as many samples as there are photos, from seeded noise."""
        real = batch["image"].to(self.device)
        return [Probe(self.generate(draw_seeded_noise(len(real), self.latents).to(self.device)), real)]


def z_to_share(z: Tensor) -> Tensor:
    """Return the share of a normal distribution that lies within |z|, in float64: of normal z it is uniform in [0, 1]."""
    return torch.special.erf(z.double().abs() / math.sqrt(2))


def share_to_z(share: Tensor) -> Tensor:
    """Return the z from 0 up within which a share below 1 of a normal distribution lies; of it `z_to_share` gives the share."""
    return torch.special.erfinv(share) * math.sqrt(2)


def pick_codes(logits: Tensor, share: Tensor) -> Tensor:
    """Return the codes int64 [N] at shares float64 [N] of the probability of logits [N, codes], the likeliest first."""
    ordered, order = logits.double().softmax(dim=1).sort(dim=1, descending=True, stable=True)
    rank = torch.searchsorted(ordered.cumsum(dim=1), share[:, None].contiguous(), right=True)
    return order.gather(1, rank.clamp(max=logits.shape[1] - 1))[:, 0]


def find_shares(logits: Tensor, codes: Tensor) -> Tensor:
    """Return shares float64 [N, places] at which codes int64 [N, places] are picked of logits [N, places, codes].

    The middle of each one's range: another order of the sums, in which the logits come out a little other, picks it too.
    """
    ordered, order = logits.double().softmax(dim=2).sort(dim=2, descending=True, stable=True)
    rank = (order == codes[..., None]).int().argmax(dim=2, keepdim=True)
    share = ordered.cumsum(dim=2).gather(2, rank) - ordered.gather(2, rank) / 2
    return share[..., 0].clamp(max=1 - torch.finfo(share.dtype).eps)
