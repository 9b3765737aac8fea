"""CUT: translate one way between two sets of photos that have no pairs, held to the input by its own patches."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gan_lab.errors import UserError
from gan_lab.losses import LeastSquares, patch_nce
from gan_lab.models.adversarial import AdversarialLoss, AdversarialModule, make_judge
from gan_lab.models.base import Loss, OptimizerFactory, Terms
from gan_lab.models.batches import Batch, skip_repeats, spread_samples
from gan_lab.models.foreground import compute_foreground_terms, get_masks, has_attention
from gan_lab.models.probe import Probe
from gan_lab.models.validation import ComparesSets
from gan_lab.networks import (
    ExponentialMovingAverage,
    HasEncoder,
    PatchProjector,
    call_jointly,
    evaluation_mode,
)
from gan_lab.options import check_weights


class CUT(ComparesSets, AdversarialModule):
    """Learn G from A to B such that it fools B's discriminator and each patch of G(a) can be recognised by a's own patch.

    There is no way back, and no second pair of networks.

    Args:
        generator: G(image) -> image, both [N, C, H, W] in [-1, 1]; `encode(image)` gives its encoder's feature maps,
            `return_features=True` gives them beside the image, and `feature_channels` says their channels. Without batch
            norm: A and B share a call.
        discriminator: D(image) -> logits.
        generator_optimizer: makes the optimiser of G and of the patches' projector.
        discriminator_optimizer: likewise for D.
        adversarial: least squares unless given.
        lambda_nce: weight of the contrastive term.
        identity: take the contrastive term of G(b) and b as well, which keeps colours where they are; half of the weight
            each. FastCUT goes without, and with `lambda_nce=10`.
        patches: places of a feature map that are compared.
        temperature: of the contrastive term.
        lambda_foreground: weight of the mean absolute difference between a photo and its translation where the product is,
            by the batch's masks: the product stays itself and the ground may change. 10 is a strong hold. Of a generator
            with attention, the cross-entropy between the ground and where it draws is added to it.
        augment: see `AdversarialModule`.
        ema_half_life: as in `GAN`; None for no averaging, as in the paper.
        options: of `AdversarialModule` and `ComparesSets`.

    Source: Park et al. 2020, arXiv:2007.15651, eq. 5 and appendix C. Differs from paper: `lambda_foreground`.
    """

    batch_kind = "unpaired"
    task = "translation"
    directions = ("AB",)

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        generator_optimizer: OptimizerFactory,
        discriminator_optimizer: OptimizerFactory,
        adversarial: AdversarialLoss | None = None,
        lambda_nce: float = 1.0,
        identity: bool = True,
        patches: int = 256,
        temperature: float = 0.07,
        lambda_foreground: float = 0.0,
        augment: nn.Module | None = None,
        ema_half_life: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(adversarial=adversarial or LeastSquares(), augment=augment, **options)
        check_weights(lambda_nce=lambda_nce, lambda_foreground=lambda_foreground)
        if not isinstance(generator, HasEncoder):
            name = type(generator).__name__
            raise UserError(
                f"model.generator: {name} has no encoder whose features CUT could compare; use ResnetGenerator"
            )
        self.generator = generator
        self.discriminator = discriminator
        self.generator_ema = ExponentialMovingAverage(generator, ema_half_life) if ema_half_life else None
        if patches < 2:
            raise UserError(f"model.patches={patches}: needs at least 2, for a patch is compared with the others")
        self.projector = PatchProjector(generator.feature_channels, patches=patches)
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer = discriminator_optimizer
        self.lambda_nce = lambda_nce
        self.identity = identity
        self.temperature = temperature
        self.lambda_foreground = lambda_foreground
        self.attends = has_attention(generator, lambda_foreground)
        self.asked = {"return_attention": True} if self.attends else {}

    # ------------------------------------------------------------------------------------------------ the method

    def step(self, batch: Batch) -> Terms:
        generator_optimizer, discriminator_optimizer = self.optimizer_list()
        inputs = {"real_A": batch["A"], "real_B": batch["B"]}
        if self.lambda_foreground > 0:
            inputs |= get_masks(batch, "A")

        update = self.minimize(generator_optimizer, self.generator_loss, inputs)
        if self.generator_ema is not None and update.stepped:
            self.generator_ema.update(self.generator, images=self.count_images(batch["A"]))

        inputs["fake_B"] = update.outputs["fake_B"]
        judgement = self.minimize(discriminator_optimizer, self.discriminator_loss, inputs)
        return update.terms | judgement.terms | self.adapt_augment(judgement.outputs["margin"])

    def generator_loss(self, inputs: Batch) -> Loss:
        """Fool D, and let each patch of an output be recognised among the others by its input's own patch."""
        real_A, real_B = inputs["real_A"], inputs["real_B"]
        images = torch.cat([real_A, real_B]) if self.identity else real_A
        outputs, own, *attention = self.generator(images, return_features=True, **self.asked)
        fake_B = outputs[: len(real_A)]
        judge = lambda images: self.discriminator(self.apply_augment(images))  # noqa: E731
        terms = {"loss_g": self.compute_adversarial_term(judge, fake_B, real_B)}

        places = self.projector.places(own)
        with torch.no_grad():
            key = self.projector(own, places)
        query = self.projector(self.generator.encode(outputs), places)
        for name, rows in (("loss_nce_A", slice(0, len(real_A))), ("loss_nce_B", slice(len(real_A), len(images)))):
            if rows.start < rows.stop:
                parts = [patch_nce(q[rows], k[rows], self.temperature) for q, k in zip(query, key, strict=True)]
                terms[name] = torch.stack(parts).mean()
        contrast = torch.stack([term for name, term in terms.items() if name.startswith("loss_nce")]).mean()
        loss = terms["loss_g"] + self.lambda_nce * contrast
        if self.lambda_foreground > 0:
            attention_A = attention[0][: len(real_A)] if attention else None
            foreground = compute_foreground_terms("A", fake_B, real_A, inputs["mask_A"], attention_A)
            terms |= foreground
            loss = loss + self.lambda_foreground * torch.stack(list(foreground.values())).sum()
        return Loss(loss, terms, {"fake_B": fake_B.float()})

    def discriminator_loss(self, inputs: Batch) -> Loss:
        """Tell real from fake; halved, as the authors do."""
        real, fake = self.apply_augment(inputs["real_B"]), self.apply_augment(inputs["fake_B"])
        logits_real, logits_fake = call_jointly(self.discriminator, real, fake)
        loss = 0.5 * self.adversarial.discriminator(logits_real, logits_fake)
        figures, margin = self.measure_discriminator(logits_real, logits_fake)
        # `.forward`: a compiled call has no double backward
        penalty, penalties = self.compute_penalty(self.discriminator.forward, real, fake)
        return Loss(loss + penalty, {"loss_d": loss} | figures | penalties, {"margin": margin})

    def configure_optimizers(self) -> list[Optimizer]:
        generator = itertools.chain(self.generator.parameters(), self.projector.parameters())
        return [self.generator_optimizer(generator), self.discriminator_optimizer(self.discriminator.parameters())]

    # ------------------------------------------------------------------------------------------------ using it

    @torch.no_grad()
    def translate(self, image: Tensor, direction: str = "AB") -> Tensor:
        """Return images [N, C, H, W] in [-1, 1] of domain B, by the averaged generator where there is one.

        Raises:
            UserError: the direction is not AB, the only one that is learnt.
        """
        if direction not in self.directions:
            raise UserError(
                f"direction={direction}: cut translates from A to B alone; swap the folders to train B to A"
            )
        generator = self.translator(direction)
        with evaluation_mode(generator):
            return generator(image).float().clamp(-1, 1)

    def translator(self, direction: str) -> nn.Module:
        """Return the network that translates: the averaged generator where there is one."""
        return self.generator_ema or self.generator

    def sample_grid(self, batch: Batch) -> tuple[Tensor, int]:
        """Rows of A, fake B | B, and what G leaves of it."""
        shown = spread_samples({side: batch[side] for side in "AB"}, 8)
        real_A, real_B = shown["A"].to(self.device), shown["B"].to(self.device)
        rows = torch.stack([real_A, self.translate(real_A), real_B, self.translate(real_B)], dim=1)
        return rows.flatten(0, 1), 4

    def validate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Return the kernel distance of translations to their domain; nothing where there is but one image."""
        comparison = self.start_comparison()
        for batch in skip_repeats(batches):
            real_A, real_B = batch["A"].to(self.device), batch["B"].to(self.device)
            if len(real_B):
                comparison.add(real_B, real=True)
            if len(real_A):
                comparison.add(self.translate(real_A), real=False)
        return {self.kid_name: comparison.measure_kid()} if comparison.smallest > 1 else {}

    def probe(self, batch: Batch) -> list[Probe]:
        """Show the translations by the side that they are to look like."""
        real_A, real_B = batch["A"].to(self.device), batch["B"].to(self.device)
        return [Probe(self.translate(real_A), real_B, source=real_A, judge=make_judge(self.discriminator))]
