"""The variational autoencoder."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from gan_lab.losses import kl_divergence, l1
from gan_lab.models.base import Batch, Loss, ManualModule, OptimizerFactory, Terms, evaluating
from gan_lab.models.gan import random_vgg_distance, seeded_noise


class VAE(ManualModule):
    """Encode images into a normal distribution over latents, decode samples of it.

    Args:
        encoder: image to (mu, logvar), each [N, latents].
        decoder: z [N, latents] to image in [-1, 1]; has `latents`.
        optimizer: makes the optimiser of both.
        reconstruction: "mse" (a Gaussian decoder) or "l1" (a Laplacian one), as a mean over values.
        lambda_kl: weight of the KL term (a sum over latents) against it. With "mse" it stands for a decoder variance of
            lambda_kl * C*H*W / 2; larger gives better samples, smaller better reconstructions.
        options: of `ManualModule`.

    Source: Kingma & Welling 2014, arXiv:1312.6114, eq. 10; the weight is Higgins et al. 2017 (beta-VAE), eq. 4.
    """

    batch_kind = "images"
    task = "generation"
    monitor = ("val/loss", "min")

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        optimizer: OptimizerFactory,
        reconstruction: Literal["mse", "l1"] = "mse",
        lambda_kl: float = 2.5e-4,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.encoder = encoder
        self.decoder = decoder
        self.optimizer = optimizer
        self.reconstruction: Callable[[Tensor, Tensor], Tensor] = F.mse_loss if reconstruction == "mse" else l1
        self.lambda_kl = lambda_kl
        self.latents = int(decoder.latents)  # type: ignore[arg-type]

    # ------------------------------------------------------------------------------------------------ the method

    def step(self, batch: Batch) -> Terms:
        image = batch["image"]
        noise = torch.randn(len(image), self.latents, device=image.device)
        (optimizer,) = self.optimizer_list()
        return self.minimize(optimizer, self.loss, {"image": image, "noise": noise}).terms

    def loss(self, draw: Batch) -> Loss:
        """Return the weighted negative evidence lower bound, with z = mu + sigma * noise."""
        mu, logvar = self.encoder(draw["image"])
        z = mu + draw["noise"] * (0.5 * logvar).exp()
        rec = self.decoder(z)
        reconstruction = self.reconstruction(rec.float(), draw["image"].float())
        kl = kl_divergence(mu.float(), logvar.float())
        loss = reconstruction + self.lambda_kl * kl
        return loss, {"loss": loss.detach(), "loss_reconstruction": reconstruction.detach(), "kl": kl.detach()}

    def configure_optimizers(self) -> Optimizer:
        return self.optimizer([*self.encoder.parameters(), *self.decoder.parameters()])

    # ------------------------------------------------------------------------------------------------ using it

    @torch.no_grad()
    def generate(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Return images [N, C, H, W] in [-1, 1] for z [N, latents]; labels are not used."""
        with evaluating(self.decoder):
            return self.decoder(z).float()

    @torch.no_grad()
    def reconstruct(self, image: Tensor) -> Tensor:
        """Return what decoding the mean of an image's latents gives, [N, C, H, W] in [-1, 1]."""
        with evaluating(self.encoder, self.decoder):
            return self.decoder(self.encoder(image)[0]).float()

    def sample_grid(self, batch: Batch) -> tuple[Tensor, int]:
        """Two rows of photos above their reconstructions, then four rows of samples; without photos the samples alone."""
        if not batch:
            return self.generate(seeded_noise(32, self.latents).to(self.device)), 8
        real = batch["image"][:16].to(self.device)
        real = real[: len(real) - len(real) % min(8, len(real))]  # whole rows, so that each has its own below it
        rec = self.reconstruct(real)
        pairs = torch.cat([torch.cat([real[i : i + 8], rec[i : i + 8]]) for i in range(0, len(real), 8)])
        columns = min(8, len(real))
        samples = self.generate(seeded_noise(4 * columns, self.latents).to(self.device))
        return torch.cat([pairs, samples]), columns

    def validate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Return the loss with seeded noise, its parts, and the kernel distance of samples in a random embedding."""
        totals: dict[str, list[Tensor]] = {}
        kept = []
        for index, batch in enumerate(batches):
            kept.append(batch)
            image = batch["image"].to(self.device)
            noise = seeded_noise(len(image), self.latents, seed=index).to(self.device)
            with evaluating(self.encoder, self.decoder):
                _, terms = self.loss({"image": image, "noise": noise})[:2]
            for name, term in terms.items():
                totals.setdefault(f"val/{name}", []).append(term * len(image))
        count = sum(len(batch["image"]) for batch in kept)
        figures = {name: float(torch.stack(parts).sum()) / count for name, parts in totals.items()}
        return figures | random_vgg_distance(self, kept)
