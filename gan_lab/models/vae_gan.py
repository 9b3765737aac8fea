"""The variational autoencoder whose pictures a discriminator judges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gan_lab.errors import UserError
from gan_lab.losses import feature_matching
from gan_lab.models.adversarial import AdversarialLoss, AdversarialModule, Penalty, make_judge
from gan_lab.models.base import Loss, Monitor, OptimizerFactory, Terms
from gan_lab.models.batches import Batch
from gan_lab.models.probe import Probe
from gan_lab.models.vae import VAE, reparametrise
from gan_lab.networks import call_jointly
from gan_lab.options import check_weights


class VAEGAN(AdversarialModule, VAE):
    """Train a VAE against a discriminator, which judges its reconstructions and its samples.

    D's features take over from pixels what is alike, so that a reconstruction may be sharp where it cannot be exact.

    Args:
        encoder: image to (mu, logvar), each [N, latents].
        decoder: z [N, latents] to image in [-1, 1]; has `latents`.
        discriminator: D(x) -> logits, and on request its features.
        optimizer: makes the optimiser of encoder and decoder.
        discriminator_optimizer: likewise for D.
        adversarial: non-saturating cross-entropy unless given.
        penalties: penalties on D's gradient by name, of photos and samples; each runs in fp32, uncompiled.
        lambda_adversarial: weight of fooling D with reconstructions and samples.
        lambda_feature_matching: weight of the distance between D's features of photo and reconstruction.
        options: of `VAE`, `Autoencoder` and `ManualModule`.

    Source: Larsen et al. 2016, arXiv:1512.09300, algorithm 1.
    Differs from paper: encoder and decoder share an optimiser, so that fooling D moves the encoder as well, as in
    pix2pix; features of all of D's stages, by their absolute difference; beside them a pixelwise term, if it has a weight.
    """

    augmentable = False

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        discriminator: nn.Module,
        optimizer: OptimizerFactory,
        discriminator_optimizer: OptimizerFactory,
        adversarial: AdversarialLoss | None = None,
        penalties: Mapping[str, Penalty | None] | None = None,
        lambda_adversarial: float = 0.01,
        lambda_feature_matching: float = 1.0,
        **options: Any,
    ) -> None:
        super().__init__(
            encoder=encoder,
            decoder=decoder,
            optimizer=optimizer,
            adversarial=adversarial,
            penalties=penalties,
            **options,
        )
        check_weights(lambda_adversarial=lambda_adversarial, lambda_feature_matching=lambda_feature_matching)
        self.discriminator = discriminator
        self.discriminator_optimizer = discriminator_optimizer
        if self.adversarial.relativistic:
            raise UserError(
                "model.adversarial: a relativistic loss goes by pairs of a photo and a picture, and here a photo has two, its "
                "reconstruction and a sample; take NonSaturating, Hinge or LeastSquares"
            )
        self.lambda_adversarial = lambda_adversarial
        self.lambda_feature_matching = lambda_feature_matching

    @property
    def monitor(self) -> Monitor:
        """Return the kernel distance of samples: D moves, and its features with it, so the loss says nothing of progress."""
        return self.kid_name, "min"

    # ------------------------------------------------------------------------------------------------ the method

    def step(self, batch: Batch) -> Terms:
        optimizer, discriminator_optimizer = self.optimizer_list()
        inputs = self.draw_inputs(batch)
        if self.micro_batches == 1:  # made once, before either update switches parameters off, and used in both
            inputs |= self.make_images(inputs)
        terms = self.minimize(discriminator_optimizer, self.discriminator_loss, inputs).terms
        return terms | self.minimize(optimizer, self.autoencoder_loss, inputs).terms

    def draw_inputs(self, batch: Batch) -> Batch:
        """Add the latents of the samples to a VAE's inputs, and places for the images."""
        inputs = super().draw_inputs(batch)
        return inputs | {"z": torch.randn_like(inputs["noise"])} | dict.fromkeys(("rec", "sample", "mu", "logvar"))

    def make_images(self, inputs: Batch) -> Batch:
        """Return reconstructions and samples [N, C, H, W], and the (mu, logvar) [N, latents] behind the former."""
        mu, logvar = self.encoder(inputs["image"])
        rec, sample = call_jointly(self.decoder, reparametrise(mu, logvar, inputs["noise"]), inputs["z"])
        return {"rec": rec, "sample": sample, "mu": mu, "logvar": logvar}

    def discriminator_loss(self, inputs: Batch) -> Loss:
        """Tell photos from reconstructions and from samples, plus the penalty."""
        if inputs["rec"] is None:
            with torch.no_grad():
                inputs = inputs | self.make_images(inputs)
        image, rec, sample = inputs["image"], inputs["rec"].detach(), inputs["sample"].detach()
        logits_real, *logits = call_jointly(self.discriminator, image, rec, sample)
        logits_fake = torch.cat(logits)
        loss = self.adversarial.discriminator(logits_real, logits_fake)
        figures, _ = self.measure_discriminator(logits_real, logits_fake)
        # `.forward`: a compiled call has no double backward
        penalty, penalties = self.compute_penalty(self.discriminator.forward, image, sample)
        return Loss(loss + penalty, {"loss_d": loss} | figures | penalties)

    def autoencoder_loss(self, inputs: Batch) -> Loss:
        """Bound the evidence, come close to the photo in D's features, and fool D."""
        if inputs["rec"] is None:
            inputs = inputs | self.make_images(inputs)
        bound = self.elbo_loss(inputs, inputs["rec"], inputs["mu"], inputs["logvar"])
        loss, terms = bound.total, dict(bound.terms)
        if self.lambda_feature_matching > 0:
            with torch.no_grad():
                _, features_real = self.discriminator(inputs["image"], return_features=True)
            logits_rec, features_rec = self.discriminator(inputs["rec"], return_features=True)
            terms["loss_feature_matching"] = feature_matching(features_real, features_rec)
            loss = loss + self.lambda_feature_matching * terms["loss_feature_matching"]
            logits: list[Tensor] = [logits_rec, self.discriminator(inputs["sample"])]
        else:
            logits = call_jointly(self.discriminator, inputs["rec"], inputs["sample"])
        terms["loss_g_adversarial"] = self.adversarial.generator(torch.cat(logits))
        loss = loss + self.lambda_adversarial * terms["loss_g_adversarial"]
        return Loss(loss, terms | {"loss": loss})

    def configure_optimizers(self) -> list[Optimizer]:
        autoencoder = self.optimizer([*self.encoder.parameters(), *self.decoder.parameters()])
        return [autoencoder, self.discriminator_optimizer(self.discriminator.parameters())]

    def probe(self, batch: Batch) -> list[Probe]:
        return [replace(probe, judge=make_judge(self.discriminator)) for probe in super().probe(batch)]
