"""What every method with a discriminator shares: the losses' and penalties' interfaces, and the terms that are made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gan_lab.errors import UserError
from gan_lab.losses import Wasserstein, attention_loss, masked_l1
from gan_lab.models.base import Batch, ManualModule, Terms, check_weights, evaluating

Judge = Callable[[Tensor], Tensor]


class Adversarial(Protocol):
    """The two sides of an adversarial game.

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


def named_penalties(penalties: Mapping[str, Penalty | None] | None) -> dict[str, Penalty]:
    """Return the penalties that are set: a yaml that builds on another may have put null in the place of one.

    Raises:
        UserError: one is to be taken less than once an iteration, or never, or has a weight below 0.
    """
    named = {name: penalty for name, penalty in (penalties or {}).items() if penalty is not None}
    for name, penalty in named.items():
        check_weights(**{f"penalties.{name}.weight": penalty.weight})
        if penalty.every < 1:
            raise UserError(
                f"model.penalties.{name}.every={penalty.every}: needs a whole number of iterations, at least 1"
            )
    return named


def penalty_terms(
    model: ManualModule,
    penalties: Mapping[str, Penalty],
    judge: Judge,
    real: Tensor,
    fake: Tensor,
    factor: float = 1.0,
) -> tuple[Tensor, Terms]:
    """Return the weighted sum of the penalties that are due in this iteration, and each of them unweighted.

    Args:
        model: knows the iteration.
        penalties: name -> penalty.
        judge: images -> logits; not compiled: a compiled call has no double backward.
        real: [N, C, H, W] in [-1, 1].
        fake: likewise.
        factor: on every weight.

    Returns:
        Scalar, 0 where none is due; `penalty_<name>` -> scalar for each that is.

    Source: Karras et al. 2020, arXiv:1912.04958, section 3.1 (lazy: every n-th time, n times as heavy).
    Differs from paper: joins the loss of that iteration, and is no update of its own with other betas.
    """
    due = {name: penalty for name, penalty in penalties.items() if model.every(penalty.every)}
    terms = {name: penalty(judge, real, fake) for name, penalty in due.items()}
    weighted = [factor * penalty.weight * penalty.every * terms[name] for name, penalty in due.items()]
    return sum(weighted, torch.zeros((), device=real.device)), {f"penalty_{name}": term for name, term in terms.items()}


def generator_term(adversarial: Adversarial, judge: Judge, fake: Tensor, real: Tensor) -> Tensor:
    """Return G's adversarial loss; D judges the real images as well, without gradient, only for a loss that compares.

    Args:
        adversarial: the loss.
        judge: images -> logits.
        fake: [N, C, H, W], with G's graph.
        real: likewise; its row is the fake's partner.
    """
    if not adversarial.relativistic:
        return adversarial.generator(judge(fake))
    with torch.no_grad():
        logits_real = judge(real)
    return adversarial.generator(judge(fake), logits_real)


def each(network: nn.Module, *batches: Tensor, label: Tensor | None = None, **options: Any) -> list[Any]:
    """Return what a network makes of several batches of one size: in one call, which is faster, where that is the same.

    Batch norm would mix the batches. Spectral norm needs the single call when compiled: its power iteration changes in
    place what the backward pass of an earlier call has kept.

    Args:
        network: called with a batch, and with labels if given.
        batches: [N, C, H, W] each.
        label: int64 [N], the same for every batch; None for none.
        options: of the call; where one makes the network return several tensors, a tuple of them stands for each batch.
    """
    labels = () if label is None else (label,)
    if any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in network.modules()):
        return [network(batch, *labels, **options) for batch in batches]
    out = network(torch.cat(batches), *(one.repeat(len(batches)) for one in labels), **options)
    if isinstance(out, tuple):
        return list(zip(*(part.chunk(len(batches)) for part in out), strict=True))
    return list(out.chunk(len(batches)))


def masks_of(batch: Batch, sides: str) -> Batch:
    """Return where the product is on the photos of these domains.

    Raises:
        UserError: the data have not looked for it.
    """
    names = [f"mask_{side}" for side in sides]
    if any(name not in batch for name in names):
        raise UserError(
            "model.lambda_foreground, model.lambda_ground: the data give no masks of the product; set data.masks=true"
        )
    return {name: batch[name] for name in names}


def foreground_terms(side: str, fake: Tensor, real: Tensor, product: Tensor, drawn: Tensor | None) -> Terms:
    """Return what holds the product, by name.

    Args:
        side: of the photos, "A" or "B".
        fake: their translations, [N, C, H, W].
        real: the photos.
        product: 1 where it is on them, [N, 1, H, W].
        drawn: where a generator with attention draws, logits [N, 1, H, W].
    """
    terms = {f"loss_foreground_{side}": masked_l1(fake, real, product)}
    if drawn is not None:
        terms[f"loss_attention_{side}"] = attention_loss(drawn, product)
    return terms


def check_attention(generator: nn.Module, lambda_foreground: float) -> bool:
    """Return whether a generator has attention.

    Raises:
        UserError: and nothing tells it where to look. It would copy its input: what is copied comes back through a cycle, or
            is told by its patches, without being learnt (seen: within 500 iterations).
    """
    attends = bool(getattr(generator, "attention", False))
    if attends and lambda_foreground == 0:
        raise UserError(
            "model.generator.attention=true: without masks it learns to copy the whole photo; add model.lambda_foreground=1"
        )
    return attends


@torch.no_grad()
def drawn_apart(generator: nn.Module, image: Tensor) -> tuple[Tensor, Tensor]:
    """Return what a generator with attention draws of images [N, C, H, W], in [-1, 1], and the share of it that is taken.

    The share is [N, 1, H, W] in [0, 1]; where it is small the picture means little.
    """
    with evaluating(generator):
        out, logits = generator(image, return_attention=True)
    share = logits.float().sigmoid()
    return (image + (out.float() - image) / share.clamp(min=0.05)).clamp(-1, 1), share


def detached(terms: Terms) -> Terms:
    """Return the terms without their graphs, as they are logged."""
    return {name: term.detach() for name, term in terms.items()}


def certainty(adversarial: Adversarial, logits_real: Tensor, logits_fake: Tensor) -> Tensor:
    """Return how far D is on the right side with each real image, detached fp32: above the boundary, or above its fake.

    Args:
        adversarial: the loss that gives the logits their meaning.
        logits_real: D(real), any shape.
        logits_fake: D(fake), the same shape.
    """
    real, fake = logits_real.detach().float(), logits_fake.detach().float()
    if isinstance(adversarial, Wasserstein):  # a critic's zero means nothing: the mean fake takes its place
        return real - fake.mean()
    return real - fake if adversarial.relativistic else real - adversarial.boundary


def discriminator_terms(
    logits_real: Tensor, logits_fake: Tensor, boundary: float = 0.0, relativistic: bool = False
) -> Terms:
    """Return D's accuracy and cross-entropy and its mean logits, all detached.

    Args:
        logits_real: D(real), any shape.
        logits_fake: D(fake), the same shape.
        boundary: the logit at which D is undecided.
        relativistic: judge D by pairs, as its loss does: the accuracy is the share of pairs in the right order, and the
            cross-entropy that of telling which of two is real.
    """
    real, fake = logits_real.detach().float() - boundary, logits_fake.detach().float() - boundary
    # of a pair, D says how much more real one is: the right order is told from the wrong one at a difference of 0
    on_real, on_fake = (real - fake, fake - real) if relativistic else (real, fake)
    return {
        "accuracy_d": 0.5 * ((on_real > 0).float().mean() + (on_fake < 0).float().mean()),
        "cross_entropy_d": 0.5 * (F.softplus(-on_real).mean() + F.softplus(on_fake).mean()),
        "logits_real": real.mean() + boundary,
        "logits_fake": fake.mean() + boundary,
    }


def tell_progress(augment: nn.Module | None, progress: float) -> None:
    """Tell every part of an augmentation that asks for it how much of the budget is spent, in [0, 1]."""
    for part in _parts(augment):
        if hasattr(part, "progress"):
            part.progress = progress


def adapt(model: ManualModule, augment: nn.Module | None, sure: Tensor) -> Terms:
    """Let an adaptive augmentation see how sure D is of real images; return its strength, if there is one.

    Args:
        model: knows how many images a step stands for, and how often the run has failed.
        augment: see `GAN`.
        sure: of `certainty`.
    """
    terms: Terms = {}
    for part in _parts(augment):
        if getattr(part, "adaptive", False):
            part.observe(sure, model.images_seen(sure))
            if model.rollbacks:  # the run has failed with less
                part.p.clamp_(min=min(0.5, 0.1 * model.rollbacks))
            terms["augment_p"] = torch.as_tensor(part.p, device=sure.device).detach().clone()
    return terms


def _parts(augment: nn.Module | None) -> list[Any]:
    return [] if augment is None else list(augment.modules())


def judge_of(
    discriminator: nn.Module, label: Tensor | None = None, enter: Callable[[Tensor], Tensor] | None = None
) -> Callable[[Tensor], Tensor]:
    """Return a discriminator as a `Probe` has it.

    Args:
        discriminator: called with images, and with labels if given.
        label: int64 [N]; None for none.
        enter: what is done to the images first.
    """

    def judge(images: Tensor) -> Tensor:
        images = images if enter is None else enter(images)
        with evaluating(discriminator):
            # `.forward`: a compiled call would be compiled once more for evaluation
            logits: Tensor = discriminator.forward(images) if label is None else discriminator.forward(images, label)
            return logits.float()

    return judge
