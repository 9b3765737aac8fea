"""CycleGAN: translate between two sets of photos that have no pairs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gan_lab.losses import LeastSquares, PerceptualFeatures, l1, make_perceptual, weighted_l1
from gan_lab.models.adversarial import AdversarialLoss, AdversarialModule, Penalty, make_judge
from gan_lab.models.base import Loss, OptimizerFactory, Terms
from gan_lab.models.batches import Batch, skip_repeats, spread_samples
from gan_lab.models.foreground import compute_foreground_terms, get_masks, has_attention
from gan_lab.models.probe import Probe
from gan_lab.models.validation import ComparesSets, make_mean
from gan_lab.networks import ExponentialMovingAverage, call_jointly, evaluation_mode
from gan_lab.options import check_weights

Direction = Literal["AB", "BA"]


class ImagePool:
    """Keep past fakes and hand D a mix of them and new ones.

    Source: Shrivastava et al. 2017, arXiv:1612.07828, section 2.3; Zhu et al. 2017, section 4 (50 images).
    """

    def __init__(self, size: int = 50) -> None:
        self.size = size
        self.images: Tensor | None = None

    def query(self, fresh: Tensor) -> Tensor:
        """Return [N, C, H, W]: per image, at even odds the fresh one or an older one that the fresh one replaces."""
        if self.size == 0:
            return fresh
        out = []
        for image in fresh.detach().split(1):
            if self.images is None or len(self.images) < self.size:
                self.images = image.clone() if self.images is None else torch.cat([self.images, image])
                out.append(image)
                continue
            keep, index = torch.randint(2, ()), int(torch.randint(self.size, ()))
            if keep:
                out.append(image)
            else:
                out.append(self.images[index : index + 1].clone())
                self.images[index : index + 1] = image
        return torch.cat(out)


class CycleGAN(ComparesSets, AdversarialModule):
    """Learn G_AB and G_BA such that each undoes the other and fools the other side's discriminator.

    Args:
        generator: makes one generator: image [N, C, H, W] in [-1, 1] to the same; called twice.
        discriminator: makes one discriminator; called twice.
        generator_optimizer: makes the optimiser of both generators.
        discriminator_optimizer: makes the optimiser of both discriminators.
        adversarial: least squares unless given.
        penalties, augment: of either D; see `AdversarialModule`.
        lambda_cycle: weight of the cycle term.
        lambda_identity: weight of the identity term, as a share of `lambda_cycle`; it keeps colours where they are.
        lambda_foreground: weight, as a share of `lambda_cycle`, of the mean absolute difference between a photo and its
            translation where the product is, by the batch's masks: the product stays itself and the ground may change. Of
            generators with attention, the cross-entropy between the ground and where they draw is added to it.
        lambda_ground: weight of the cycle term where no product is found, as a share; 1 as in the paper. A ground that is
            exchanged cannot come back but by signs hidden in the new one, which are seen as a grid: below 1 it need not.
        lambda_perceptual: weight, as a share of `lambda_cycle`, of the distance in a frozen network's features between a photo
            and what comes back through the cycle; where `lambda_ground` is below 1, of the product alone.
        perceptual: whose: "efficientnet_lite0", "vgg19", which needs its file, or "auto": VGG19's where `vgg19_weights`
            names it.
        vgg19_weights: path of torchvision's VGG19 state dict.
        pool_size: past fakes that each D is shown.
        ema_half_life: images after which a weight's share in the averaged generators has halved; None for no averaging, as
            in the paper.
        options: of `AdversarialModule` and `ComparesSets`.

    Raises:
        UserError: a weight is below 0; `lambda_perceptual` is above 0 and the network's weights are not there.

    Source: Zhu et al. 2017, arXiv:1703.10593, eq. 3 and section 5.2 (identity).
    """

    batch_kind = "unpaired"
    directions = ("AB", "BA")
    task = "translation"

    def __init__(
        self,
        generator: Callable[[], nn.Module],
        discriminator: Callable[[], nn.Module],
        generator_optimizer: OptimizerFactory,
        discriminator_optimizer: OptimizerFactory,
        adversarial: AdversarialLoss | None = None,
        penalties: Mapping[str, Penalty | None] | None = None,
        lambda_cycle: float = 10.0,
        lambda_identity: float = 0.5,
        lambda_foreground: float = 0.0,
        lambda_ground: float = 1.0,
        lambda_perceptual: float = 0.0,
        perceptual: PerceptualFeatures = "auto",
        vgg19_weights: str | None = None,
        augment: nn.Module | None = None,
        pool_size: int = 50,
        ema_half_life: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(adversarial=adversarial or LeastSquares(), penalties=penalties, augment=augment, **options)
        check_weights(lambda_cycle=lambda_cycle, lambda_identity=lambda_identity)
        check_weights(
            lambda_foreground=lambda_foreground, lambda_ground=lambda_ground, lambda_perceptual=lambda_perceptual
        )
        self.generator_AB, self.generator_BA = generator(), generator()
        self.discriminator_A, self.discriminator_B = discriminator(), discriminator()
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer = discriminator_optimizer
        self.lambda_cycle = lambda_cycle
        self.lambda_identity = lambda_identity
        self.lambda_foreground = lambda_foreground
        self.lambda_ground = lambda_ground
        self.lambda_perceptual = lambda_perceptual
        self.perceptual = make_perceptual(perceptual, vgg19_weights) if lambda_perceptual > 0 else None
        self.attends = has_attention(self.generator_AB, lambda_foreground)
        self.generator_AB_ema = ExponentialMovingAverage(self.generator_AB, ema_half_life) if ema_half_life else None
        self.generator_BA_ema = ExponentialMovingAverage(self.generator_BA, ema_half_life) if ema_half_life else None
        self.pool_A, self.pool_B = ImagePool(pool_size), ImagePool(pool_size)

    # ------------------------------------------------------------------------------------------------ the method

    def step(self, batch: Batch) -> Terms:
        generator_optimizer, discriminator_optimizer = self.optimizer_list()
        inputs = {"real_A": batch["A"], "real_B": batch["B"]}
        if self.lambda_foreground > 0 or self.lambda_ground != 1:
            inputs |= get_masks(batch, "AB")

        update = self.minimize(generator_optimizer, self.generator_loss, inputs)
        if self.generator_AB_ema is not None and self.generator_BA_ema is not None and update.stepped:
            images = self.count_images(batch["A"])
            self.generator_AB_ema.update(self.generator_AB, images)
            self.generator_BA_ema.update(self.generator_BA, images)

        inputs["fake_A"] = self.pool_A.query(update.outputs["fake_A"])
        inputs["fake_B"] = self.pool_B.query(update.outputs["fake_B"])
        judgement = self.minimize(discriminator_optimizer, self.discriminator_loss, inputs)
        return update.terms | judgement.terms | self.adapt_augment(judgement.outputs["margin"])

    def generator_loss(self, inputs: Batch) -> Loss:
        """Fool both discriminators, come back through the cycle, and leave images of the target domain alone."""
        real_A, real_B = inputs["real_A"], inputs["real_B"]
        fake_B, attention_A, idt_B = self.translate_and_keep(self.generator_AB, real_A, real_B)
        fake_A, attention_B, idt_A = self.translate_and_keep(self.generator_BA, real_B, real_A)
        rec_A, rec_B = self.generator_BA(fake_B), self.generator_AB(fake_A)

        judge_A = lambda images: self.discriminator_A(self.apply_augment(images))  # noqa: E731
        judge_B = lambda images: self.discriminator_B(self.apply_augment(images))  # noqa: E731
        terms = {
            "loss_g_AB": self.compute_adversarial_term(judge_B, fake_B, real_B),
            "loss_g_BA": self.compute_adversarial_term(judge_A, fake_A, real_A),
            "loss_cycle_A": self.cycle_loss(rec_A, real_A, inputs.get("mask_A")),
            "loss_cycle_B": self.cycle_loss(rec_B, real_B, inputs.get("mask_B")),
        }
        loss = terms["loss_g_AB"] + terms["loss_g_BA"]
        loss = loss + self.lambda_cycle * (terms["loss_cycle_A"] + terms["loss_cycle_B"])
        if idt_A is not None and idt_B is not None:
            terms |= {"loss_identity_A": l1(idt_A, real_A), "loss_identity_B": l1(idt_B, real_B)}
            identity = terms["loss_identity_A"] + terms["loss_identity_B"]
            loss = loss + self.lambda_cycle * self.lambda_identity * identity
        if self.perceptual is not None:
            terms["loss_perceptual_A"] = self.perceptual(self.keep_ground(rec_A, real_A, inputs.get("mask_A")), real_A)
            terms["loss_perceptual_B"] = self.perceptual(self.keep_ground(rec_B, real_B, inputs.get("mask_B")), real_B)
            perceptual = terms["loss_perceptual_A"] + terms["loss_perceptual_B"]
            loss = loss + self.lambda_cycle * self.lambda_perceptual * perceptual
        if self.lambda_foreground > 0:
            foreground = compute_foreground_terms("A", fake_B, real_A, inputs["mask_A"], attention_A)
            foreground |= compute_foreground_terms("B", fake_A, real_B, inputs["mask_B"], attention_B)
            terms |= foreground
            loss = loss + self.lambda_cycle * self.lambda_foreground * torch.stack(list(foreground.values())).sum()
        return Loss(loss, terms, {"fake_A": fake_A.float(), "fake_B": fake_B.float()})

    def translate_and_keep(
        self, generator: nn.Module, source: Tensor, target: Tensor
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Return the translation of `source`, its attention where there is any, and G(target) for the identity term."""
        batches = [source, target] if self.lambda_identity > 0 else [source]
        if self.attends:
            (fake, attention), *identity = call_jointly(generator, *batches, return_attention=True)
            return fake, attention, identity[0][0] if identity else None
        fake, *identity = call_jointly(generator, *batches)
        return fake, None, identity[0] if identity else None

    def cycle_loss(self, rec: Tensor, real: Tensor, product: Tensor | None) -> Tensor:
        """Return the mean absolute difference after the way there and back; where no product is, with a weight of its own."""
        if self.lambda_ground == 1 or product is None:
            return l1(rec, real)
        return weighted_l1(rec, real, self.lambda_ground + (1 - self.lambda_ground) * product)

    def keep_ground(self, rec: Tensor, real: Tensor, product: Tensor | None) -> Tensor:
        """Return the reconstruction; with `lambda_ground` below 1, its ground is replaced by the photo's own."""
        if self.lambda_ground == 1 or product is None:
            return rec
        return real + product * (rec - real)

    def discriminator_loss(self, inputs: Batch) -> Loss:
        """Tell real from (pooled) fake on either side; halved, which slows D against G as the authors do."""
        loss = torch.zeros((), device=inputs["real_A"].device)
        terms: Terms = {}
        margins: list[Tensor] = []
        for side, discriminator in (("A", self.discriminator_A), ("B", self.discriminator_B)):
            real, fake = self.apply_augment(inputs[f"real_{side}"]), self.apply_augment(inputs[f"fake_{side}"])
            logits_real, logits_fake = call_jointly(discriminator, real, fake)
            loss_side = 0.5 * self.adversarial.discriminator(logits_real, logits_fake)
            # `.forward`: a compiled call has no double backward
            penalty, penalties = self.compute_penalty(discriminator.forward, real, fake)
            loss = loss + loss_side + penalty
            figures, margin = self.measure_discriminator(logits_real, logits_fake)
            terms |= {f"{name}_{side}": term for name, term in penalties.items()}
            terms[f"loss_d_{side}"] = loss_side
            terms |= {f"{name}_{side}": figures[name] for name in ("accuracy_d", "cross_entropy_d")}
            margins.append(margin.reshape(len(real), -1))
        return Loss(loss, terms, {"margin": torch.cat(margins, dim=1)})

    def configure_optimizers(self) -> list[Optimizer]:
        generators = itertools.chain(self.generator_AB.parameters(), self.generator_BA.parameters())
        discriminators = itertools.chain(self.discriminator_A.parameters(), self.discriminator_B.parameters())
        return [self.generator_optimizer(generators), self.discriminator_optimizer(discriminators)]

    def rank_state(self) -> dict[str, Any]:
        pools = {"pool_A": self.pool_A.images, "pool_B": self.pool_B.images}
        return {name: None if images is None else images.cpu() for name, images in pools.items()}

    def load_rank_state(self, state: dict[str, Any]) -> None:
        for name, pool in (("pool_A", self.pool_A), ("pool_B", self.pool_B)):
            pool.images = None if state[name] is None else state[name].to(self.device)

    # ------------------------------------------------------------------------------------------------ using it

    @torch.no_grad()
    def translate(self, image: Tensor, direction: Direction = "AB") -> Tensor:
        """Return images [N, C, H, W] in [-1, 1] of the other domain, by the averaged generator where there is one."""
        generator = self.translator(direction)
        with evaluation_mode(generator):
            return generator(image).float().clamp(-1, 1)

    def translator(self, direction: str) -> nn.Module:
        """Return the network that translates: the averaged generator where there is one."""
        if direction == "AB":
            return self.generator_AB_ema or self.generator_AB
        return self.generator_BA_ema or self.generator_BA

    def sample_grid(self, batch: Batch) -> tuple[Tensor, int]:
        """Rows of A, fake B, back to A | B, fake A, back to B."""
        shown = spread_samples({side: batch[side] for side in "AB"}, 6)
        real_A, real_B = shown["A"].to(self.device), shown["B"].to(self.device)
        fake_B, fake_A = self.translate(real_A, "AB"), self.translate(real_B, "BA")
        rec_A, rec_B = self.translate(fake_B, "BA"), self.translate(fake_A, "AB")
        rows = torch.stack([real_A, fake_B, rec_A, real_B, fake_A, rec_B], dim=1)
        return rows.flatten(0, 1), 6

    def validate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Return the cycle error (L1 in [-1, 1]), and the kernel distance of translations to their domain both ways."""
        cycle = {side: make_mean(self.device) for side in "AB"}
        distances = {side: self.start_comparison() for side in "AB"}
        for batch in skip_repeats(batches):
            for side, other, there, back in (("A", "B", "AB", "BA"), ("B", "A", "BA", "AB")):
                real = batch[side].to(self.device)
                if not len(real):
                    continue
                fake = self.translate(real, there)  # type: ignore[arg-type]
                cycle[side].update((self.translate(fake, back) - real).abs().flatten(1).mean(dim=1))  # type: ignore[arg-type]
                distances[side].add(real, real=True)
                distances[other].add(fake, real=False)
        figures = {"val/cycle": sum(float(errors.compute()) for errors in cycle.values()) / 2}
        if min(distance.smallest for distance in distances.values()) < 2:
            return figures  # a single image has no distribution
        distance_AB, distance_BA = (distances[target].measure_kid() for target in "BA")
        figures |= {f"{self.kid_name}_AB": distance_AB, f"{self.kid_name}_BA": distance_BA}
        return figures | {self.kid_name: (distance_AB + distance_BA) / 2}

    def probe(self, batch: Batch) -> list[Probe]:
        """Show the translations both ways, by the side that they are to look like."""
        real_A, real_B = batch["A"].to(self.device), batch["B"].to(self.device)
        fake_A, fake_B = self.translate(real_B, "BA"), self.translate(real_A, "AB")
        return [
            Probe(fake_A, real_A, source=real_B, judge=make_judge(self.discriminator_A), side="_A"),
            Probe(fake_B, real_B, source=real_A, judge=make_judge(self.discriminator_B), side="_B"),
        ]
