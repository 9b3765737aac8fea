"""The datamodule behind every `data=`: splits of photos in, the batches that a model needs out."""

from __future__ import annotations

import itertools
import logging
import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader

from gan_lab.data.geometry import Augmentation
from gan_lab.data.photos import list_first_paths
from gan_lab.data.record import PhotoRecord
from gan_lab.data.resizing import DECODED_MARGIN, count_most_pixels, find_reading_sizes
from gan_lab.data.roles import NEEDS, RoleChoice, Roles, Scan
from gan_lab.data.store import PhotoStore, Unreadable
from gan_lab.data.stream import PositionBatches
from gan_lab.data.table import Numbers, PhotoTable, spread_rows
from gan_lab.data.views import (
    BalancedImageView,
    Degradation,
    ImageView,
    PairView,
    UnpairedView,
    View,
    collate,
    list_degradations,
    make_grey_copy,
)
from gan_lab.data.workers import MOST_WORKERS, WatchedLoader, choose_workers, start_worker
from gan_lab.errors import UserError
from gan_lab.options import (
    ImageSize,
    check_choice,
    check_image_size,
    check_path,
    check_share,
    check_whole,
    format_value,
    split_sides,
)

log = logging.getLogger(__name__)

SPLITS = ("train", "val", "test")
#: Facts of the data that a run's configuration records for the model's yaml; a datamodule finds them anew.
FACTS = ("classes", "class_names")
#: Options that name a place to write to, or say how much of a machine is taken: a configuration from elsewhere does not choose
#: them.
PLACES = ("index", "cache", "cache_mb", "num_workers", "worker_timeout")


@runtime_checkable
class CountsIterations(Protocol):
    """A model that knows how many batches it has consumed.

    Attributes:
        iteration: how many.
    """

    iteration: int


class ImageDataModule(LightningDataModule):
    """Feed a model with the view of the photos that it needs.

    Training order and randomness depend on (seed, position) alone, so a resumed run sees what it would have seen.
    Validation and test photos are cut in the middle, and their degradations depend on `split_seed` alone: figures of
    runs with several seeds are taken on the same pixels.

    Attributes:
        pairs: the values that `pair` may have.
        record: of the photos of the run that goes on, or is evaluated; given before the data are prepared.
        image_size: of the images: the side of squares, or (height, width), in pixels.
        trained_on: how many photos are left out of validation and test because they are trained on, or were.
        split_by: the rule by which photos are split; None where they come split.

    Args:
        image_size: side of the square images, in pixels; or [height, width].
        channels: 3 for RGB, 1 for grey.
        batch_size: images (or pairs) in a batch of one device.
        num_workers: processes that prepare batches; "auto" chooses.
        worker_timeout: seconds that one of them may take for a batch before the run ends and names it; None for any time.
        batch_kind: the view that the model takes: "images", "paired" or "unpaired".
        pair: how "paired" makes its pairs from single photos: "degrade" or "grey_to_colour".
        degradation: uint8 [H, W, C], generator -> uint8 [H, W, C]; needed by `pair="degrade"`.
        validation_degradation: another one for validation and test, or a list that takes turns over the photos.
        fit: "crop" cuts an image of that size out of the photo; "pad" keeps all of it, on white. Neither distorts it.
        shorter_side: size to which photos are reduced before an image is cut out, in pixels of the shorter side of a photo of
            the image's aspect ratio; others are reduced to just cover that one. None: a little more than the image's own. A
            larger one makes the image a part of the photo.
        masks: hand out where the product is, too ("unpaired" alone).
        balance: in training, show a photo of each class in turn, so that rare classes are seen as often; with "images" alone.
            False: each photo is shown as often as another.
        flip, crop, scale, rotation: see `Augmentation`; training only.
        domain: "A" or "B": take this domain as single photos, where the data are two domains.
        class_a, class_b: two class names that serve as the two domains.
        seed: of the order and of every draw in training; not negative.
        split_seed: of who is in which split, and of the draws in validation and test.
        cache_mb: room for decoded photos, shared by all workers of a process; 0 decodes each time.
        cache: where that room is: None, in memory; a folder: in files there, which all processes of a machine share, and
            which the next start finds filled.
        max_unreadable: the share of unreadable images, of all that there are, beyond which the run stops.
        max_pixels: a photo that would be kept with more, at the size that it is brought to, is left out, and said: what is
            long and thin is enlarged to many times its pixels. None: 32 times those of a photo of the image's aspect ratio.
        limit: train on so many photos (of each domain) alone, evenly spread over all; None: on all.
    """

    pairs: tuple[str, ...] = ("degrade", "grey_to_colour")
    split_by: str | None = None

    def __init__(
        self,
        *,
        image_size: ImageSize,
        channels: int = 3,
        batch_size: int = 16,
        num_workers: int | str = "auto",
        worker_timeout: float | None = 600.0,
        batch_kind: str = "images",
        pair: str = "degrade",
        degradation: Degradation | None = None,
        validation_degradation: Degradation | Sequence[Degradation] | None = None,
        fit: str = "crop",
        shorter_side: int | None = None,
        masks: bool | float = False,
        balance: bool = False,
        flip: float = 0.5,
        crop: bool = True,
        scale: Sequence[float] = (1.0, 1.0),
        rotation: float = 0.0,
        domain: str | None = None,
        class_a: str | None = None,
        class_b: str | None = None,
        seed: int = 0,
        split_seed: int = 0,
        cache_mb: int = 2048,
        cache: str | Path | None = None,
        max_unreadable: float = 0.05,
        max_pixels: int | None = None,
        limit: int | None = None,
    ) -> None:
        super().__init__()
        self.image_size = check_image_size("data.image_size", image_size, at_least=8)
        height, width = split_sides(self.image_size)
        self.channels = check_choice("data.channels", channels, (1, 3))
        self.batch_size = check_whole("data.batch_size", batch_size, at_least=1)
        self.num_workers = num_workers
        if num_workers != "auto":
            check_whole("data.num_workers", num_workers, at_least=0, at_most=MOST_WORKERS)
        if worker_timeout is not None and not worker_timeout > 0:
            raise UserError(f"data.worker_timeout={worker_timeout}: needs seconds above 0, or null for any time")
        self.worker_timeout = worker_timeout
        self.batch_kind = check_choice("data.batch_kind", batch_kind, tuple(NEEDS))
        self.pair = check_choice("data.pair", pair, self.pairs)
        self.degradations = list_degradations("degradation", degradation)
        self.validation_degradations = list_degradations("validation_degradation", validation_degradation)
        self.fit = check_choice("data.fit", fit, ("crop", "pad"))
        if shorter_side is not None and check_whole("data.shorter_side", shorter_side, at_least=8) < min(height, width):
            raise UserError(
                f"data.shorter_side={shorter_side}: is below data.image_size={format_value(self.image_size)}; give more, or "
                "null"
            )
        self.shorter_side = shorter_side
        self.masks = bool(masks)
        self.balance = check_choice("data.balance", balance, (True, False))
        if balance and batch_kind != "images":
            raise UserError(
                f"data.balance=true: classes take turns where single photos are shown, and the model takes {batch_kind} ones; "
                "leave it out"
            )
        self.augmentation = Augmentation(flip, crop, tuple(scale), rotation)
        self.role_choice = RoleChoice(
            batch_kind, check_choice("data.domain", domain, (None, "A", "B")), (class_a, class_b)
        )
        self.seed = check_whole("data.seed", seed, at_least=0)
        self.split_seed = check_whole("data.split_seed", split_seed, at_least=0)
        self.cache_mb = check_whole("data.cache_mb", cache_mb, at_least=0)
        self.cache = check_path("data.cache", cache)
        if self.cache is not None and self.cache.exists() and not self.cache.is_dir():
            raise UserError(f"data.cache={self.cache}: is not a folder; name another one, or null for memory")
        self.max_unreadable = check_share("data.max_unreadable", max_unreadable)
        self.max_pixels = count_most_pixels(self.image_size, shorter_side)
        if max_pixels is not None:
            self.max_pixels = check_whole("data.max_pixels", max_pixels, at_least=height * width)
        self.limit = None if limit is None else check_whole("data.limit", limit, at_least=1)
        self.classes = 0
        self.class_names: list[str] = []
        self.record: PhotoRecord | None = None
        self.trained_on = 0
        self._photos = PhotoRecord.collect([])
        self._found = ""
        self._views: dict[str, View] = {}
        self._stores: dict[str, dict[str, PhotoStore]] = {}

    @property
    def places(self) -> str:
        """Return the options that say where the photos are, for messages."""
        return "data.class_a, data.class_b" if any(self.role_choice.classes) else "data.root"

    @abstractmethod
    def _scan(self) -> Scan:
        """Look at the data; read headers at most, and pixels only to find near-duplicates."""

    def prepare(self, *, training: bool = True) -> None:
        """Look at the data and check that they can feed the model; a second call does nothing.

        Args:
            training: refuse data that do not fill one batch; evaluation can do with less.

        Raises:
            UserError: they cannot; the message says what the model needs and what there is.
        """
        if self._views:
            return
        scan = self._scan()
        if training and "train" not in scan.splits:
            raise UserError(
                f"{scan.given}: {scan.found} has no photos to train on, or too few that are readable; add some"
            )
        self._found = scan.found
        self._photos = PhotoRecord.of_splits(scan.splits)
        self.class_names = list(scan.class_names)
        self.classes = len(self.class_names)
        budget = self.cache_mb * 2**20
        for split in SPLITS:
            twin = next((done for done in self._stores if scan.splits[done] is scan.splits.get(split)), None)
            if twin is not None:  # validation and test on the same photos: one cache serves both
                self._stores[split] = self._stores[twin]
            elif split in scan.splits:
                roles = self._leave_out_strips(split, self.role_choice.choose(scan.splits[split], scan), scan)
                if split == "train" and self.limit is not None:
                    roles = {role: table.take(spread_rows(len(table), self.limit)) for role, table in roles.items()}
                stores = self._open_stores(roles, budget, scan.unreadable)
                budget -= sum(store.cached_bytes for store in stores.values())
                if split == "train" or all(map(len, stores.values())):  # a rare class may be in no other split
                    self._stores[split] = stores
        if training:
            self._check_batch_size()
            if self.balance and not self.classes:
                raise UserError(
                    f"data.balance=true: there are no classes to show in turn in {self._found}; sort the photos "
                    "into one folder per class, name a column of labels with data.label_column, or give data.balance=false"
                )
        self._views = {
            split: self._make_view(stores, training=split == "train") for split, stores in self._stores.items()
        }

    def make_record(self) -> PhotoRecord:
        """Return which photos are trained on and which are held out, those of the former record included."""
        self.prepare()
        return self._photos if self.record is None else self._photos.join(self.record)

    def setup(self, stage: str) -> None:
        """Look at the data, where the command has not done so (Lightning's hook)."""
        self.prepare()

    @property
    def splits(self) -> tuple[str, ...]:
        """Return the names of the splits that there are, once the data are prepared."""
        return tuple(self._views)

    def describe(self) -> str:
        """Return the data in one or two lines, for the log."""
        counts = " / ".join(self._describe_count(split) for split in SPLITS)
        classes = f", {self.classes} classes ({', '.join(self.class_names[:12])})" if self.classes else ""
        cached = sum(store.cached_bytes for store in self._list_stores())
        height, width = split_sides(self.image_size)
        place = f" in {self.cache}" if self.cache and cached else ""
        full = "" if self._caches_all() else ", full: the rest is decoded each time"
        cache = f"{math.ceil(cached / 2**20)} MB{place}{full}"
        return (
            f"{self._found}: {counts} samples to train / validate / test{classes}\n"
            f"{self.batch_kind} batches of {self.batch_size}, {self.channels}x{height}x{width}, "
            f"{self._count_workers()} workers, decoded cache {cache}"
        )

    def counts(self, split: str = "train") -> dict[str, int]:
        """Return how many photos a split has, by role: "image", "lq" and "gt", or "A" and "B"; {} without the split."""
        return {role: len(store) for role, store in self._stores.get(split, {}).items()}

    def iterations_per_epoch(self, world_size: int = 1) -> int:
        """Return how many iterations show as many samples as there are for training, rounded up."""
        self.prepare()
        return math.ceil(len(self._views["train"]) / (self.batch_size * world_size))

    def train_dataloader(self) -> DataLoader[Any]:
        """Return the infinite training stream, from the iteration that the model has reached."""
        self.prepare()
        rank, world_size = self._find_rank()
        batches = PositionBatches(self.batch_size, self._find_iteration, rank=rank, world_size=world_size)
        return self._make_loader(
            self._views["train"], batch_sampler=batches, persistent_workers=self._count_workers() > 0
        )

    def read_first_batches(self, images: int) -> Iterator[dict[str, Tensor]]:
        """Yield the first batches of the training stream, with `images` images at least, wherever the training is in it."""
        self.prepare()
        rank, world_size = self._find_rank()
        batches = PositionBatches(self.batch_size, rank=rank, world_size=world_size)
        loader = self._make_loader(self._views["train"], batch_sampler=batches)
        yield from itertools.islice(loader, math.ceil(images / self.batch_size))

    def val_dataloader(self) -> DataLoader[Any] | list[Any]:
        """Return the validation photos, in order, all of them on every rank; an empty list where there are none."""
        return self.still_dataloader("val")

    def test_dataloader(self) -> DataLoader[Any] | list[Any]:
        """Return the test photos, in order, all of them on every rank; an empty list where there are none."""
        return self.still_dataloader("test")

    def still_dataloader(self, split: str) -> DataLoader[Any] | list[Any]:
        """Return the photos of any split, the training photos too, in order and cut as in validation; [] for none."""
        self.prepare()
        if split not in self._views:
            return []
        view = self._make_view(self._stores["train"], training=False) if split == "train" else self._views[split]
        return self._make_loader(view, batch_size=self.batch_size, sampler=range(len(view)))

    # ---- the data as the model needs them

    def _describe_count(self, split: str) -> str:
        counts = self.counts(split)
        if "A" in counts:
            return f"{counts['A']} A, {counts['B']} B"
        return str(len(self._views[split])) if split in self._views else "0"

    def _check_batch_size(self) -> None:
        counts = self.counts()
        if self.batch_size > min(counts.values()):
            have = " and ".join(f"{count} of {role}" if role in "AB" else str(count) for role, count in counts.items())
            raise UserError(
                f"data.batch_size={self.batch_size}: is more than there are images to train on ({have}, in {self._found}); "
                f"give at most {min(counts.values())}"
            )

    def _leave_out_strips(self, split: str, roles: Roles, scan: Scan) -> Roles:
        """Return the tables without the photos that would take more than `max_pixels`; a pair goes as a whole."""
        kept = {role: self._find_sizes(table).prod(axis=1) <= self.max_pixels for role, table in roles.items()}
        if "lq" in roles:
            kept["lq"] = kept["gt"]
        names = [name for role, table in roles.items() if role != "lq" for name in table.take(~kept[role]).names]
        if not names:
            return roles
        log.warning(
            "data.max_pixels=%d: %d of the %s photos are so long and thin that they would be kept with more, and are left "
            "out: %s", self.max_pixels, len(names), split, list_first_paths(names),
        )  # fmt: skip
        if split == "train" and not all(rows.any() for rows in kept.values()):
            raise UserError(
                f"data.max_pixels={self.max_pixels}: all photos of {scan.found} would be kept with more; give more, or other "
                "photos"
            )
        return {role: table.take(kept[role]) for role, table in roles.items()}

    def _find_sizes(self, table: PhotoTable) -> Numbers:
        """Return the width and height, [N, 2], at which photos are kept."""
        return find_reading_sizes(table.sizes, self.image_size, self.fit, self.shorter_side)

    def _open_stores(self, roles: Roles, budget: int, unreadable: Unreadable) -> dict[str, PhotoStore]:
        """Return the stores of the tables; pairs share one reading size."""
        stores: dict[str, PhotoStore] = {}
        for role in sorted(roles):  # "gt" before "lq", which follows its sizes
            like = roles["gt" if role == "lq" else role]
            stores[role] = PhotoStore(
                roles[role],
                self._find_sizes(like),
                self.channels,
                unreadable,
                fit=self.fit,
                at_least=round(DECODED_MARGIN * max(split_sides(self.image_size))),
                cache_bytes=budget,
                folder=self.cache,
            )
            budget -= stores[role].cached_bytes
        return stores

    def _list_stores(self) -> list[PhotoStore]:
        """Return the stores of all splits, each once."""
        return list({id(store): store for roles in self._stores.values() for store in roles.values()}.values())

    def _make_view(self, stores: dict[str, PhotoStore], *, training: bool) -> View:
        seed = self.seed if training else self.split_seed
        options = self.image_size, seed, self.augmentation if training else None
        if "A" in stores:
            masks = self.masks and training  # looking for the product takes longer than reading a photo
            return UnpairedView(stores["A"], stores["B"], *options, masks)
        if self.batch_kind == "paired":
            gt = stores["gt" if "gt" in stores else "image"]
            degrade = [] if "lq" in stores else self._choose_degradations(training)
            return PairView(gt, *options, stores.get("lq"), degrade)
        view = BalancedImageView if self.balance and training else ImageView
        return view(stores["image"], *options)

    def _choose_degradations(self, training: bool) -> list[Degradation]:
        if self.pair == "grey_to_colour":
            if self.channels != 3:
                raise UserError("data.pair=grey_to_colour: needs colour images; set data.channels=3")
            return [make_grey_copy]
        steps = self.degradations if training else self.validation_degradations or self.degradations
        if not steps:
            raise UserError(
                "data.degradation=null: data.pair=degrade needs one; choose for example data/degradation=photo"
            )
        return steps

    # ---- loaders

    def _make_loader(self, view: View, **options: Any) -> DataLoader[Any]:
        workers = self._count_workers()
        trainer = self.trainer
        fork = workers > 0 and "fork" in torch.multiprocessing.get_all_start_methods()
        return WatchedLoader(
            view,
            num_workers=workers,
            worker_timeout=self.worker_timeout,
            collate_fn=collate,
            # Without its own, a loader would draw from the global generator, and a resumed run would differ.
            generator=torch.Generator().manual_seed(self.seed),
            worker_init_fn=start_worker if workers else None,
            multiprocessing_context="fork" if fork else None,
            pin_memory=trainer is not None and trainer.strategy.root_device.type == "cuda",
            **options,
        )

    def _find_iteration(self) -> int:
        module = None if self.trainer is None else self.trainer.lightning_module
        return module.iteration if isinstance(module, CountsIterations) else 0

    def _find_rank(self) -> tuple[int, int]:
        return (0, 1) if self.trainer is None else (self.trainer.global_rank, self.trainer.world_size)

    def _count_workers(self) -> int:
        if isinstance(self.num_workers, int):
            return self.num_workers
        cheap = all(store.table.source.cheap for store in self._list_stores())
        return choose_workers(cheap=cheap, decoded_once=self._caches_all() and not self.masks)

    def _caches_all(self) -> bool:
        """Return whether the cache holds all photos."""
        return all(store.cached == len(store) or store.table.source.cheap for store in self._list_stores())
