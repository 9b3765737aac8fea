"""What autoencoders share: how a reconstruction is judged, pictures of it, and figures over held-out images."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gan_lab import metrics
from gan_lab.errors import UserError
from gan_lab.losses import PerceptualFeatures, binary_cross_entropy, l1, make_perceptual, mse, ssim_loss
from gan_lab.models.base import Loss, ManualModule, Monitor, OptimizerFactory, Terms
from gan_lab.models.batches import Batch, spread_samples
from gan_lab.models.validation import make_mean
from gan_lab.networks import evaluation_mode
from gan_lab.options import check_weights

Pixelwise = Literal["mse", "l1", "bce"]
_PIXELWISE: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = MappingProxyType(
    {"mse": mse, "l1": l1, "bce": binary_cross_entropy}
)


class Autoencoder(ManualModule):
    """Encode images and decode them again, under a weighted sum of reconstruction terms.

    A term whose weight is 0 is not computed.

    Args:
        encoder: takes images [N, C, H, W] in [-1, 1].
        decoder: gives such images.
        optimizer: makes the optimiser of both.
        reconstruction: the pixelwise term, a mean over values: "mse" (a Gaussian decoder), "l1" (a Laplacian one), or
            "bce" (cross-entropy of values mapped to [0, 1]: the continuous Bernoulli without its constant, and no
            likelihood).
        lambda_reconstruction: its weight.
        lambda_ssim: weight of 1 - SSIM.
        lambda_perceptual: weight of the distance between features.
        perceptual: whose: "efficientnet_lite0", "vgg19", which needs its file, or "auto": VGG19's where `vgg19_weights`
            names it, else EfficientNet-Lite0's.
        vgg19_weights: path of that file; None looks under TORCH_HOME.
        options: of `ManualModule`.

    Raises:
        UserError: there is no such `reconstruction`; `lambda_perceptual` is above 0 and the network's weights are not there.
    """

    batch_kind = "images"
    first_optimizer = "optimizer"

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        optimizer: OptimizerFactory,
        *,
        reconstruction: Pixelwise = "mse",
        lambda_reconstruction: float = 1.0,
        lambda_ssim: float = 0.0,
        lambda_perceptual: float = 0.0,
        perceptual: PerceptualFeatures = "vgg19",  # which a run that does not say so has always had; the yamls say auto
        vgg19_weights: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        check_weights(
            lambda_reconstruction=lambda_reconstruction, lambda_ssim=lambda_ssim, lambda_perceptual=lambda_perceptual
        )
        if reconstruction not in _PIXELWISE:
            raise UserError(f"model.reconstruction={reconstruction}: needs one of {', '.join(_PIXELWISE)}")
        self.encoder = encoder
        self.decoder = decoder
        self.optimizer = optimizer
        self.pixelwise = _PIXELWISE[reconstruction]
        self.lambda_reconstruction = lambda_reconstruction
        self.lambda_ssim = lambda_ssim
        self.lambda_perceptual = lambda_perceptual
        self.perceptual = make_perceptual(perceptual, vgg19_weights) if lambda_perceptual > 0 else None

    # ------------------------------------------------------------------------------------------------ for a method

    @property
    def monitor(self) -> Monitor:
        """Return the objective."""
        return "val/loss", "min"

    @abstractmethod
    def loss(self, inputs: Batch) -> Loss:
        """Return the objective of encoder and decoder."""

    @abstractmethod
    def make_held_out_inputs(self, image: Tensor, seed: int) -> Batch:
        """Return inputs of `loss` for held-out images [N, C, H, W]. Uses no global generator."""

    @abstractmethod
    def reconstruct(self, image: Tensor) -> Tensor:
        """Return an image's latents decoded, [N, C, H, W] in [-1, 1]. Uses no random numbers."""

    def reconstruction_loss(self, rec: Tensor, image: Tensor) -> tuple[Tensor, Terms]:
        """Return the weighted sum of the terms that have a weight, and the terms themselves; in fp32."""
        rec, image = rec.float(), image.float()
        terms: dict[str, tuple[float, Tensor]] = {}
        with self.full_precision():
            if self.lambda_reconstruction > 0:
                terms["loss_reconstruction"] = (self.lambda_reconstruction, self.pixelwise(rec, image))
            if self.lambda_ssim > 0:
                terms["loss_ssim"] = (self.lambda_ssim, ssim_loss(rec, image))
        if self.perceptual is not None:
            terms["loss_perceptual"] = (self.lambda_perceptual, self.perceptual(rec, image))
        loss = sum((weight * term for weight, term in terms.values()), torch.zeros((), device=rec.device))
        return loss, {name: term for name, (_, term) in terms.items()}

    def configure_optimizers(self) -> Optimizer | list[Optimizer]:
        return self.optimizer([*self.encoder.parameters(), *self.decoder.parameters()])

    # ------------------------------------------------------------------------------------------------ using it

    def sample_grid(self, batch: Batch) -> tuple[Tensor, int]:
        """Two rows of photos above their reconstructions."""
        real = spread_samples({"image": batch["image"]}, 16)["image"].to(self.device)
        real = real[: len(real) - len(real) % min(8, len(real))]  # whole rows, so that each has its own below it
        rec = self.reconstruct(real)
        pairs = torch.cat([torch.cat([real[i : i + 8], rec[i : i + 8]]) for i in range(0, len(real), 8)])
        return pairs, min(8, len(real))

    def validate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Return the loss and its parts."""
        means: dict[str, metrics.WeightedMean] = {}
        for index, batch in enumerate(batches):
            image = batch["image"].to(self.device)
            with evaluation_mode(self.encoder, self.decoder):
                loss = self.loss(self.make_held_out_inputs(image, index))
            for name, term in loss.terms.items():
                if f"val/{name}" not in means:
                    means[f"val/{name}"] = make_mean(self.device)
                means[f"val/{name}"].update(term, weight=len(image))
        return {name: float(mean.compute()) for name, mean in means.items()}
