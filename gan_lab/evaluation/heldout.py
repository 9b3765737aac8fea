"""The photos that an evaluation is made on."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Subset

from gan_lab.data import ImageDataModule
from gan_lab.data.workers import WatchedLoader
from gan_lab.errors import UserError

log = logging.getLogger(__name__)


class EvaluationPhotos:
    """The photos of one split, cut as in validation.

    Attributes:
        view: its samples, in order.
    """

    def __init__(self, loader: WatchedLoader) -> None:
        self._loader = loader
        self.view: Any = loader.dataset

    def __len__(self) -> int:
        """Return how many samples there are."""
        return len(self.view)

    def names(self, indices: Sequence[int]) -> list[str]:
        """Return the names of single photos in messages: their paths, as a rule."""
        return self.view.photos.table.take(indices).names

    def draw_indices(self, n: int | None, seed: int) -> list[int]:
        """Return the indices of n samples, seeded, in random order; of all of them where n is None or larger."""
        order = np.random.default_rng(seed).permutation(len(self))
        return [int(index) for index in order[: len(self) if n is None else n]]

    def batches(self, indices: Sequence[int]) -> Iterator[dict[str, Tensor]]:
        """Yield the samples of some indices in batches."""
        loader = self._loader
        yield from WatchedLoader(
            Subset(self.view, indices),
            batch_size=loader.batch_size,
            num_workers=loader.num_workers,
            worker_timeout=loader.worker_timeout,
            collate_fn=loader.collate_fn,
            worker_init_fn=loader.worker_init_fn,
            multiprocessing_context=loader.multiprocessing_context,
            generator=torch.Generator().manual_seed(0),
        )

    def spread(self, n: int) -> dict[str, Tensor]:
        """Return one batch of n samples that lie evenly over the split, which may be sorted by class."""
        indices = sorted({int(index) for index in np.linspace(0, len(self) - 1, n)})
        parts = list(self.batches(indices))
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


class HeldOut(EvaluationPhotos):
    """The test photos of a datamodule; its validation photos where there are none.

    Attributes:
        split: where they are from, for the protocol: "test", "val", or a phrase.
        places: the options that say where they lie, for messages.
        class_names: in the order of the labels.
        training: the training photos; None where the data have none.
        own: whether the model was trained on just these training photos.
        mirrored: whether training showed photos mirrored too.
    """

    def __init__(self, datamodule: ImageDataModule, own: bool = True) -> None:
        datamodule.prepare(training=False)
        loaders = {"test": datamodule.test_dataloader(), "val": datamodule.val_dataloader()}
        found = [(split, loader) for split, loader in loaders.items() if isinstance(loader, WatchedLoader)]
        if not found and datamodule.trained_on:
            raise UserError(
                f"{datamodule.places}: all {datamodule.trained_on} photos that could be held out are photos that the model was "
                "trained on; name a folder with others"
            )
        if not found:
            raise UserError(
                "data.validation_share, data.test_share: no photos are held out, so there is nothing to evaluate on; "
                "set one of them above 0"
            )
        self.split, loader = found[0]
        other: Any = found[-1][1].dataset
        super().__init__(loader)
        if "train" not in datamodule.splits:
            self.split = "all photos: none of them was to train on"
        elif len(found) == 2 and self.view.photos is other.photos:  # one split stands in for the other
            self.split = "val and test are the same photos"
        elif self.split == "val":
            log.warning("The data have no test split: the figures are taken on the validation photos")
        self.places = datamodule.places
        self.class_names = list(datamodule.class_names)
        training = datamodule.still_dataloader("train")
        self.training = EvaluationPhotos(training) if isinstance(training, WatchedLoader) else None
        self.own = own and self.training is not None
        self.mirrored = datamodule.augmentation.flip > 0
