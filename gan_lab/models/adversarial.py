"""What methods with a discriminator share: the adversarial loss, the penalties, and the augmentation of what D sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gan_lab.augment import Adaptive, FollowsProgress
from gan_lab.errors import UserError
from gan_lab.losses import NonSaturating, Wasserstein
from gan_lab.models.base import ManualModule, Terms
from gan_lab.networks import evaluation_mode
from gan_lab.options import check_weights
from gan_lab.schedules import Schedule

#: Images to logits.
Judge = Callable[[Tensor], Tensor]


class AdversarialLoss(Protocol):
    """The two sides of an adversarial game; see `gan_lab.losses.adversarial`.

    Attributes:
        boundary: the logit at which D is undecided.
        relativistic: whether only differences of logits count, so that G's turn needs D(real) as well.
    """

    boundary: float
    relativistic: bool

    def discriminator(self, logits_real: Tensor, logits_fake: Tensor) -> Tensor: ...

    def generator(self, logits_fake: Tensor, logits_real: Tensor | None = None) -> Tensor: ...


class Penalty(Protocol):
    """A penalty on D's gradient, run in fp32: `weight * every` times its scalar joins D's loss in each `every`-th iteration."""

    weight: float
    every: int

    def __call__(self, discriminator: Judge, real: Tensor, fake: Tensor) -> Tensor: ...


class AdversarialModule(ManualModule):
    """A method in which one or two generators and discriminators take turns.

    Args:
        adversarial: the loss of both sides; non-saturating cross-entropy unless given.
        penalties: penalties on D's gradient by name, added up; each runs in fp32, uncompiled, and is logged by its name. A
            yaml that builds on another puts null in the place of one to leave it out.
        penalty_schedule: factor on their weights as a function of the share of the budget spent, in [0, 1].
        augment: what is done to every image, real or fake, before D sees it in either turn; images [N, C, H, W] to the
            same, differentiable. Its parts may be `FollowsProgress` or `Adaptive`; see `gan_lab.augment`.
        options: of `ManualModule`.

    Raises:
        UserError: a penalty is to be taken less than once an iteration, or has a weight below 0; the method takes no `augment`.
    """

    #: Whether the method takes `augment`.
    augmentable: ClassVar[bool] = True
    #: Whether the generators draw the ground alone and keep the product as it is; see `gan_lab.models.foreground`.
    attends: bool = False

    def __init__(
        self,
        *,
        adversarial: AdversarialLoss | None = None,
        penalties: Mapping[str, Penalty | None] | None = None,
        penalty_schedule: Schedule | None = None,
        augment: nn.Module | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if augment is not None and not self.augmentable:
            raise UserError(
                "model.augment: this method's discriminator compares images that would have to change alike; leave it out"
            )
        self.adversarial: AdversarialLoss = adversarial or NonSaturating()
        self.penalties = {name: penalty for name, penalty in (penalties or {}).items() if penalty is not None}
        for name, penalty in self.penalties.items():
            check_weights(**{f"penalties.{name}.weight": penalty.weight})
            if penalty.every < 1:
                raise UserError(
                    f"model.penalties.{name}.every={penalty.every}: needs a whole number of iterations, at least 1"
                )
        self.penalty_schedule = penalty_schedule
        self.augment = augment

    def apply_augment(self, images: Tensor) -> Tensor:
        """Return images as D sees them, in either turn; what is shown or measured never passes here."""
        if self.augment is None:
            return images
        for part in self.augment.modules():
            if isinstance(part, FollowsProgress):
                part.progress = self.progress
        augmented: Tensor = self.augment(images)
        return augmented

    def compute_penalty(self, judge: Judge, real: Tensor, fake: Tensor) -> tuple[Tensor, Terms]:
        """Return the weighted sum of the penalties that are due in this iteration, and each of them unweighted.

        Each costs a pass of its own through D: it differentiates by its images, in fp32, where D's turn computes in the
        run's precision and without a graph to the images.

        Args:
            judge: D, not compiled: a compiled call has no double backward.
            real: [N, C, H, W] in [-1, 1], as D sees them.
            fake: likewise.

        Returns:
            Scalar, 0 where none is due; `penalty_<name>` -> scalar for each that is.

        Source: Karras et al. 2020, arXiv:1912.04958, section 3.1 (lazy: every n-th time, n times as heavy).
        Differs from paper: joins the loss of that iteration, and is no update of its own with other betas.
        """
        factor = 1.0 if self.penalty_schedule is None else self.penalty_schedule(self.progress)
        total, terms = torch.zeros((), device=real.device), {}
        for name, penalty in self.penalties.items():
            if self.is_due(penalty.every):
                terms[f"penalty_{name}"] = penalty(judge, real, fake)
                total = total + factor * penalty.weight * penalty.every * terms[f"penalty_{name}"]
        return total, terms

    def compute_adversarial_term(self, judge: Judge, fake: Tensor, real: Tensor) -> Tensor:
        """Return G's adversarial loss, a scalar; D judges the real images as well only for a loss that compares.

        Args:
            judge: D, with the augmentation.
            fake: [N, C, H, W], with G's graph.
            real: likewise; its row is the fake's partner.
        """
        logits_real = None
        if self.adversarial.relativistic:
            with torch.no_grad():
                logits_real = judge(real)
        return self.adversarial.generator(judge(fake), logits_real)

    def measure_discriminator(self, logits_real: Tensor, logits_fake: Tensor) -> tuple[Terms, Tensor]:
        """Return figures of how well D tells real from fake, and its margin on each real image; detached, fp32.

        A relativistic loss judges by pairs: the accuracy is the share of pairs in the right order, and the cross-entropy
        that of telling which of two is real.

        Args:
            logits_real: D(real), any shape.
            logits_fake: D(fake); the same shape for a relativistic loss.

        Returns:
            `accuracy_d`, `cross_entropy_d`, `logits_real` and `logits_fake`, scalars. The margin, of the shape of
            `logits_real`: how far D puts each real image above its boundary; above its fake for a relativistic loss, above
            the mean fake for a critic, whose zero means nothing.
        """
        boundary, relativistic = self.adversarial.boundary, self.adversarial.relativistic
        real, fake = logits_real.detach().float() - boundary, logits_fake.detach().float() - boundary
        on_real, on_fake = (real - fake, fake - real) if relativistic else (real, fake)
        figures = {
            "accuracy_d": 0.5 * ((on_real > 0).float().mean() + (on_fake < 0).float().mean()),
            "cross_entropy_d": 0.5 * (F.softplus(-on_real).mean() + F.softplus(on_fake).mean()),
            "logits_real": real.mean() + boundary,
            "logits_fake": fake.mean() + boundary,
        }
        return figures, real - fake.mean() if isinstance(self.adversarial, Wasserstein) else on_real

    def adapt_augment(self, margin: Tensor) -> Terms:
        """Let an adaptive augmentation see D's margin on real images after D's turn; return its strength, if there is one.

        Args:
            margin: as `measure_discriminator` returns it, of the whole batch.
        """
        terms: Terms = {}
        for part in self.augment.modules() if self.augment is not None else ():
            if isinstance(part, Adaptive) and part.adaptive:
                part.observe(margin, self.count_images(margin))
                if self.rollbacks:  # the run has failed with less
                    part.p.clamp_(min=min(0.5, 0.1 * self.rollbacks))
                terms["augment_p"] = part.p.to(margin.device).detach().clone()
        return terms


def make_judge(
    discriminator: nn.Module, label: Tensor | None = None, enter: Callable[[Tensor], Tensor] | None = None
) -> Judge:
    """Return a discriminator as a `Probe` has it: in evaluation mode, without augmentation.

    Args:
        discriminator: called with images, and with labels if given.
        label: int64 [N]; None for none.
        enter: what is done to the images first.
    """

    def judge(images: Tensor) -> Tensor:
        images = images if enter is None else enter(images)
        with evaluation_mode(discriminator):
            # `.forward`: a compiled call would be compiled once more for evaluation
            logits: Tensor = discriminator.forward(images) if label is None else discriminator.forward(images, label)
            return logits.float()

    return judge
