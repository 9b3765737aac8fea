"""Drifting: a generator whose samples move towards photos in a frozen network's features, where a discriminator may join."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gan_lab.errors import UserError
from gan_lab.losses import Hinge, drifting_loss
from gan_lab.losses.drifting import TEMPERATURES
from gan_lab.models.adversarial import AdversarialLoss, AdversarialModule
from gan_lab.models.base import Loss, OptimizerFactory, Terms
from gan_lab.models.batches import Batch
from gan_lab.models.class_rows import check_classes, join_names
from gan_lab.models.photo_clusters import KEPT, PhotoFeatures, describe_photos, find_clusters
from gan_lab.models.probe import Probe
from gan_lab.models.validation import ComparesSets, compare_samples
from gan_lab.networks import ClusterChoice, ExponentialMovingAverage, FeatureGroups, evaluation_mode
from gan_lab.networks.cluster_choice import DIMENSIONS
from gan_lab.options import check_weights, check_whole
from gan_lab.rng import draw_seeded_noise

log = logging.getLogger(__name__)

#: How often a photo is kept at most, each time cut and mirrored anew.
TIMES = 4


class Drifting(ComparesSets, AdversarialModule):
    """Move samples along the field in which photos attract and other samples repel.

    With a discriminator the two take turns as well: the field says where samples lie among photos, and the discriminator
    what is wrong at a place.

    Args:
        generator: G(z) -> [N, C, H, W] in [-1, 1]; has `latents`, the length of z.
        features: images to groups of features, frozen; see `gan_lab.networks.FeatureGroups`.
        optimizer: makes the optimiser from G's parameters.
        discriminator: judges the stages of `features`; see `gan_lab.networks.FeatureDiscriminator`. None for none.
        discriminator_optimizer: makes D's optimiser from its parameters.
        adversarial: the loss of both sides, averaged over the stages; hinge unless given.
        lambda_adversarial: weight of G's side beside the drifting loss.
        samples: that G makes in an iteration, whatever the number of photos in a batch.
        clusters: that these samples are of; as many of each, and they move among the photos of their own. Where the
            generator has none, all are of one.
        photos: towards which samples move in an iteration, likewise.
        memory: images of training photos whose features are kept; the first ones of the training stream.
        temperatures: see `gan_lab.losses.drifting`.
        ema_half_life: samples after which a weight's share in the averaged generator has halved; None for no averaging.
        conditional: draw a class on request: clusters are looked for in each class.
        classes: how many there are; 0 for none.
        class_names: their names, in the labels' order.
        options: of `ComparesSets` and `ManualModule`.

    Raises:
        UserError: samples or photos that cannot be divided so, a temperature that is not above 0, fewer kept images than
            photos, a weight below 0, a discriminator without an optimiser, penalties, a loss that compares, or no classes or
            clusters for a conditional model.

    Source: Deng et al. 2026, arXiv:2602.04770; Sauer et al. 2021, arXiv:2111.01007, for D.
    Differs from paper: clusters, within classes if any; a classifier's features of pixels, not an autoencoder's of latents; D.
    """

    augmentable = False
    batch_kind = "images"
    task = "generation"
    first_optimizer = "optimizer"

    def __init__(
        self,
        generator: nn.Module,
        features: FeatureGroups,
        optimizer: OptimizerFactory,
        discriminator: nn.Module | None = None,
        discriminator_optimizer: OptimizerFactory | None = None,
        adversarial: AdversarialLoss | None = None,
        lambda_adversarial: float = 0.2,
        samples: int = 64,
        clusters: int = 4,
        photos: int = 256,
        memory: int = 4096,
        temperatures: Sequence[float] = TEMPERATURES,
        ema_half_life: float | None = 10_000,
        conditional: bool = False,
        classes: int = 0,
        class_names: list[str] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(adversarial=adversarial or Hinge(), **options)
        check_classes(conditional, classes, otherwise="model=drifting")
        self.generator = generator
        if conditional and self.choice is None:
            raise UserError(
                "model.generator.clusters=0: a class is drawn by its clusters; give as many as classes at least"
            )
        #: Sets of samples that move each among its own photos; a micro-batch has one at least.
        self.sets = self.micro_batches if self.choice is None else check_whole("model.clusters", clusters, at_least=1)
        if self.sets % self.micro_batches:
            raise UserError(
                f"model.micro_batches={self.micro_batches}: does not divide model.clusters={clusters}; give a divisor of it"
            )
        for name, number in {"samples": samples, "photos": photos}.items():
            if number % self.sets or number < 2 * self.sets:
                raise UserError(
                    f"model.{name}={number}: cannot be shared evenly, two each at least, by {self.sets} sets (model.clusters, "
                    "or model.micro_batches without); give a multiple"
                )
        if not temperatures or min(temperatures) <= 0:
            raise UserError(f"model.temperatures={list(temperatures)}: needs numbers above 0, one at least")
        if memory < photos:
            raise UserError(f"model.memory={memory}: is less than model.photos={photos}; give as many at least")
        check_weights(lambda_adversarial=lambda_adversarial)
        if discriminator is not None and discriminator_optimizer is None:
            raise UserError(
                "model.discriminator_optimizer=null: the discriminator needs one; give it, or model.discriminator=null"
            )
        if self.penalties:
            raise UserError(
                f"model.penalties={list(self.penalties)}: drifting's discriminator is held by its spectral norm alone; "
                "leave them out"
            )
        if self.adversarial.relativistic:
            raise UserError(
                f"model.adversarial={type(self.adversarial).__name__}: compares a sample with its photo, and here it has "
                "none; take gan_lab.losses.Hinge"
            )
        self.discriminator = discriminator
        self.discriminator_optimizer = discriminator_optimizer
        self.lambda_adversarial = lambda_adversarial
        self.features = features
        self.optimizer = optimizer
        self.samples = samples
        self.photos = photos
        self.memory = memory
        self.temperatures = tuple(temperatures)
        self.seen: PhotoFeatures | None = None
        self.generator_ema = ExponentialMovingAverage(generator, ema_half_life) if ema_half_life else None
        self.latents = int(generator.latents)  # type: ignore[arg-type]
        self.conditional = conditional
        self.classes = classes
        self.class_names = list(class_names or [])

    @property
    def choice(self) -> ClusterChoice | None:
        """Return which cluster of photos a latent vector of the generator stands for; None where it has none."""
        return getattr(self.generator, "choice", None)

    # ------------------------------------------------------------------------------------------------ the method

    def step(self, batch: Batch) -> Terms:
        generator_optimizer, *discriminator_optimizer = self.optimizer_list()
        update = self.minimize(generator_optimizer, self.generator_loss, self.draw_inputs())
        terms = update.terms

        for optimizer in discriminator_optimizer:  # one, or none
            with torch.no_grad():
                stages = self.extract_stages(batch["image"])
            inputs = pair_stages(stages, list(update.outputs.values()))
            terms |= self.minimize(optimizer, self.discriminator_loss, inputs).terms

        if self.generator_ema is not None and update.stepped:
            self.generator_ema.update(self.generator, images=self.samples * self.trainer.world_size)
        return terms

    def draw_inputs(self) -> Batch:
        """Make the random choices of one step: clusters, latents [sets, N, latents] in them, and rows [sets, M] of photos.

        The clusters' classes come as labels, int64 [sets, N].
        """
        assert self.seen is not None
        z = torch.randn(self.samples, self.latents, device=self.device)
        clusters = torch.zeros(self.sets, dtype=torch.int64)
        label = torch.zeros(self.samples, dtype=torch.int64, device=self.device)
        if self.choice is not None:
            counts = self.seen.count().float()
            again = int((counts > 0).sum()) < self.sets
            clusters = torch.multinomial(counts, self.sets, replacement=again)
            own = clusters.to(self.device).repeat_interleave(self.samples // self.sets)
            z, label = self.choice.turn(z, own), self.choice.owners[own]
        each = (self.sets, self.samples // self.sets)
        rows = self.seen.draw(clusters, self.photos // self.sets)
        return {"z": z.unflatten(0, each), "label": label.unflatten(0, each), "rows": rows}

    def extract_stages(self, images: Tensor) -> list[Tensor]:
        """Return the stages of the frozen network for images [N, C, H, W] in [-1, 1]."""
        with self.full_precision():
            stages: list[Tensor] = self.features.extract_stages(images)
            return stages

    def generator_loss(self, inputs: Batch) -> Loss:
        """Return how far samples are from where the field drives them, and what D says of them; see `draw_inputs`.

        The samples' stages are handed on to D's turn: they are the costly part of an iteration.
        """
        assert self.seen is not None
        sets = inputs["z"].shape[:2]
        fake = self.generator(inputs["z"].flatten(0, 1), inputs["label"].flatten())
        stages = self.extract_stages(fake)
        with self.full_precision():
            groups = [group.unflatten(1, sets).flatten(0, 1) for group in self.features.group(fake, stages)]
            drifting, drift = drifting_loss(groups, self.seen.take(inputs["rows"]), self.temperatures)
            if self.discriminator is None:
                return Loss(drifting, {"loss_g": drifting, "drift": drift})
            adversarial = average([self.adversarial.generator(logits) for logits in self.discriminator(stages)])
        total = drifting + self.lambda_adversarial * adversarial
        terms = {"loss_g": total, "drift": drift, "loss_drifting": drifting, "loss_adversarial": adversarial}
        return Loss(total, terms, {f"stage_{index}": stage for index, stage in enumerate(stages)})

    def discriminator_loss(self, inputs: Batch) -> Loss:
        """Tell photos' stages from those of as many samples; see `pair_stages`."""
        assert self.discriminator is not None
        real, fake = ([inputs[f"{side}_{index}"] for index in range(len(inputs) // 2)] for side in ("real", "fake"))
        with self.full_precision():
            pairs = list(zip(self.discriminator(real), self.discriminator(fake), strict=True))
            loss = average([self.adversarial.discriminator(*pair) for pair in pairs])
            figures = [self.measure_discriminator(*pair)[0] for pair in pairs]
        return Loss(loss, {"loss_d": loss} | {name: average([each[name] for each in figures]) for name in figures[0]})

    def configure_optimizers(self) -> list[Optimizer]:
        optimizers = [self.optimizer(self.generator.parameters())]
        if self.discriminator is not None:
            assert self.discriminator_optimizer is not None
            optimizers.append(self.discriminator_optimizer(self.discriminator.parameters()))
        return optimizers

    def on_fit_start(self) -> None:
        """Keep the features of training photos, and find their clusters, unless the run has found them before."""
        super().on_fit_start()
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        start = time.monotonic()
        photos = sum(data.counts().values())
        most = min(self.memory, TIMES * photos)
        if photos > self.memory * self.trainer.world_size:
            log.warning(
                "model.memory=%d: samples move towards the first images of the stream alone, of %d photos; give more",
                self.memory, photos,
            )  # fmt: skip
        parts: list[list[Tensor]] = []
        labels: list[Tensor] = []
        with torch.no_grad():
            for batch in data.read_first_batches(most):
                parts.append([group.to(KEPT) for group in self.features(batch["image"].to(self.device))])
                labels.append(batch["label"].to(self.device) if self.conditional else torch.zeros_like(batch["label"]))
        groups = [torch.cat(group, dim=1) for group in zip(*parts, strict=True)]
        label = torch.cat(labels).to(self.device)
        choice = self.choice
        if choice is None:
            centres, owners = torch.zeros(1, DIMENSIONS, device=self.device), label.new_zeros(1)
        elif len(choice.centres):  # of an earlier start
            centres, owners = choice.centres, choice.owners[: len(choice.centres)]
        else:  # all processes go by those of the first one
            self.check_labels(label)
            found = find_clusters(describe_photos(groups), label, choice.clusters)
            centres, owners = self.trainer.strategy.broadcast(found)
        self.seen = PhotoFeatures(groups, label, centres, owners)
        counts = self.trainer.strategy.broadcast(self.seen.count())
        for module in self.modules():  # the averaged generator has a choice, too
            if isinstance(module, ClusterChoice) and not len(module.centres):
                module.set_clusters(centres, owners, counts.to(self.device))
        log.info(
            "drifting: kept the features of %d images of %d photos in %.0f s, in %d clusters of %d to %d",
            counts.sum(), photos, time.monotonic() - start, len(counts), counts.min(), counts.max(),
        )  # fmt: skip

    def check_labels(self, label: Tensor) -> None:
        """Check that the images whose features are kept show all classes.

        Raises:
            UserError: they do not.
        """
        missing = sorted(set(range(self.classes if self.conditional else 0)) - set(label.tolist()))
        if missing:
            names = join_names([self.class_names[number] for number in missing])
            raise UserError(
                f"model.memory={self.memory}: the {len(label)} images whose features are kept show no {names}; give more, or "
                "data.balance=true, which lets the classes take turns"
            )

    # ------------------------------------------------------------------------------------------------ using it

    @property
    def sampler(self) -> nn.Module:
        """Return the generator to make images with: the averaged one where there is one."""
        return self.generator if self.generator_ema is None else self.generator_ema

    @torch.no_grad()
    def generate(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Return images [N, C, H, W] in [-1, 1] for z [N, latents] and, of a conditional model, labels int64 [N]."""
        with evaluation_mode(self.sampler):
            return self.render(z, label)

    def render(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Return the images of `generate`, with a graph back to z; the networks' mode does not change."""
        images: Tensor = self.sampler(z, label if self.conditional else None).float()
        return images

    def keep_cluster(self, z: Tensor, like: Tensor) -> Tensor:
        """Return z [N, latents] in the clusters of other latents, [N, latents] or [latents]; as it is without clusters."""
        return z if self.choice is None else self.choice.keep(z, like)

    def sample_grid(self, batch: Batch) -> tuple[Tensor, int]:
        z = draw_seeded_noise(64, self.latents).to(self.device)
        return self.generate(z, torch.arange(64, device=self.device) % max(1, self.classes)), 8

    def validate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Return how as many samples compare with held-out images; see `compare_samples`."""
        return compare_samples(self, batches)

    def probe(self, batch: Batch) -> list[Probe]:
        """Show as many samples as there are photos, from seeded noise."""
        real = batch["image"].to(self.device)
        label = batch["label"].to(self.device) if self.conditional else None
        made = self.generate(draw_seeded_noise(len(real), self.latents).to(self.device), label)
        return [Probe(made, real, judge=None if self.discriminator is None else self.judge)]

    def judge(self, images: Tensor) -> Tensor:
        """Return D's mean logit [N] of each image [N, C, H, W] in [-1, 1], over all places and stages."""
        assert self.discriminator is not None
        with evaluation_mode(self.discriminator):
            logits = self.discriminator(self.extract_stages(images))
        return torch.stack([each.float().mean(dim=(1, 2, 3)) for each in logits]).mean(dim=0)


def pair_stages(photos: Sequence[Tensor], made: Sequence[Tensor]) -> Batch:
    """Return as many rows of the stages of photos as of those of samples, as "real_0", "fake_0" and so on."""
    rows = min(len(photos[0]), len(made[0]))
    sides = {"real": photos, "fake": made}
    return {f"{side}_{index}": stage[:rows] for side, stages in sides.items() for index, stage in enumerate(stages)}


def average(values: Sequence[Tensor]) -> Tensor:
    """Return the mean of scalars."""
    return torch.stack(list(values)).mean()
