"""The variational autoencoder."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from gan_lab.errors import UserError
from gan_lab.losses import free_bits, kl_per_latent
from gan_lab.models.autoencoder import Autoencoder
from gan_lab.models.base import Loss, OptimizerFactory, Terms
from gan_lab.models.batches import Batch
from gan_lab.models.probe import Probe
from gan_lab.models.validation import ComparesSets, compare_samples
from gan_lab.networks import HasLatents, evaluation_mode
from gan_lab.options import check_weights
from gan_lab.rng import draw_seeded_noise

#: Nats above which a latent counts as used; a posterior that is its prior carries none.
ACTIVE = 0.01


class VAE(Autoencoder, ComparesSets):
    """Encode images into a normal distribution over latents, decode samples of it.

    `active_units` among the logged terms is the share of latents whose KL is above 0.01 nats: near 0 the posterior has
    collapsed to the prior. Then lower `lambda_kl`, or give `kl_warm_up` or `free_bits`.

    Args:
        encoder: image to (mu, logvar), each [N, latents].
        decoder: z [N, latents] to image in [-1, 1]; has `latents`.
        optimizer: makes the optimiser of both.
        lambda_kl: weight of the KL term (a sum over latents) against the reconstruction. With "mse" of weight 1 it
            stands for a decoder variance of lambda_kl * C*H*W / 2; larger gives better samples, smaller better
            reconstructions.
        kl_warm_up: share of the budget over which the weight rises linearly from 0; 0 for none. Validation always
            takes the whole weight.
        free_bits: nats of each latent that cost nothing (its mean over a micro-batch); 0 for none.
        options: of `Autoencoder` and `ComparesSets`.

    Raises:
        UserError: `kl_warm_up` is no share, or `free_bits` below 0.

    Source: Kingma & Welling 2014, arXiv:1312.6114, eq. 10; the weight is Higgins et al. 2017 (beta-VAE), eq. 4; its
    warm-up Bowman et al. 2016, arXiv:1511.06349, section 3.1; free bits Kingma et al. 2016, arXiv:1606.04934, C.8.
    """

    task = "generation"

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        optimizer: OptimizerFactory,
        lambda_kl: float = 2.5e-4,
        kl_warm_up: float = 0.0,
        free_bits: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(encoder, decoder, optimizer, **options)
        check_weights(lambda_kl=lambda_kl)
        if not 0 <= kl_warm_up <= 1:
            raise UserError(f"model.kl_warm_up={kl_warm_up}: needs a share of the budget, from 0 (none) to 1")
        if free_bits < 0:
            raise UserError(f"model.free_bits={free_bits}: needs nats of each latent, 0 for none")
        self.lambda_kl = lambda_kl
        self.kl_warm_up = kl_warm_up
        self.free_bits = free_bits
        self.latents = int(decoder.latents)  # type: ignore[arg-type]
        coded = int(encoder.latents) if isinstance(encoder, HasLatents) else self.latents
        if coded != self.latents:
            raise UserError(
                f"model.decoder.latents={self.latents}: the encoder gives {coded} (model.encoder.latents); give both the same"
            )

    # ------------------------------------------------------------------------------------------------ the method

    def step(self, batch: Batch) -> Terms:
        (optimizer,) = self.optimizer_list()
        return self.minimize(optimizer, self.loss, self.draw_inputs(batch)).terms

    def draw_inputs(self, batch: Batch) -> Batch:
        """Make the random choices of one step, and fix the weight of its KL term."""
        image = batch["image"]
        noise = torch.randn(len(image), self.latents, device=image.device)
        return {"image": image, "noise": noise, "kl_weight": self.kl_weight()}

    def kl_weight(self) -> float:
        """Return the weight of the KL term at this point of the budget."""
        return self.lambda_kl if self.progress >= self.kl_warm_up else self.lambda_kl * self.progress / self.kl_warm_up

    def loss(self, inputs: Batch) -> Loss:
        """Return the weighted negative evidence lower bound, with z = mu + sigma * noise.

        Inputs without `kl_weight` have the whole one.
        """
        mu, logvar = self.encoder(inputs["image"])
        return self.elbo_loss(inputs, self.decoder(reparametrise(mu, logvar, inputs["noise"])), mu, logvar)

    def elbo_loss(self, inputs: Batch, rec: Tensor, mu: Tensor, logvar: Tensor) -> Loss:
        """Return the weighted negative evidence lower bound of a reconstruction."""
        reconstruction, terms = self.reconstruction_loss(rec, inputs["image"])
        kl = kl_per_latent(mu, logvar)
        loss = reconstruction + inputs.get("kl_weight", self.lambda_kl) * free_bits(kl, self.free_bits)
        terms |= {"kl": kl.detach().sum(), "active_units": (kl.detach() > ACTIVE).float().mean()}
        return Loss(loss, terms | {"loss": loss})

    # ------------------------------------------------------------------------------------------------ using it

    @torch.no_grad()
    def generate(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Return images [N, C, H, W] in [-1, 1] for z [N, latents]; labels are not used."""
        with evaluation_mode(self.decoder):
            return self.render(z)

    def render(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Return the images of `generate`, with a graph back to z; the networks' mode does not change."""
        images: Tensor = self.decoder(z).float()
        return images

    @torch.no_grad()
    def encode(self, image: Tensor) -> Tensor:
        """Return the mean of the latents of images [N, C, H, W] in [-1, 1]: [N, latents] float32."""
        with evaluation_mode(self.encoder):
            mu: Tensor = self.encoder(image)[0]
            return mu.float()

    @torch.no_grad()
    def reconstruct(self, image: Tensor) -> Tensor:
        """Return the mean of an image's latents decoded, [N, C, H, W] in [-1, 1]."""
        return self.generate(self.encode(image))

    def sample_grid(self, batch: Batch) -> tuple[Tensor, int]:
        """Two rows of photos above their reconstructions, then four rows of samples; without photos the samples alone."""
        if not batch:
            return self.generate(draw_seeded_noise(32, self.latents).to(self.device)), 8
        pairs, columns = super().sample_grid(batch)
        samples = self.generate(draw_seeded_noise(4 * columns, self.latents).to(self.device))
        return torch.cat([pairs, samples]), columns

    def validate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Return the loss with seeded noise, its parts, and how samples compare with held-out images."""
        kept = list(batches)
        return super().validate(kept) | compare_samples(self, kept)

    def probe(self, batch: Batch) -> list[Probe]:
        """Show as many samples as there are photos, from seeded noise."""
        real = batch["image"].to(self.device)
        return [Probe(self.generate(draw_seeded_noise(len(real), self.latents).to(self.device)), real)]

    def make_held_out_inputs(self, image: Tensor, seed: int) -> Batch:
        return {"image": image, "noise": draw_seeded_noise(len(image), self.latents, seed=seed).to(image.device)}


def reparametrise(mu: Tensor, logvar: Tensor, noise: Tensor) -> Tensor:
    """Return z = mu + sigma * noise, all [N, latents]. Source: Kingma & Welling 2014, arXiv:1312.6114, section 2.4."""
    return mu + noise * (0.5 * logvar).exp()
