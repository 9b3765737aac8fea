"""The datamodule: the order of its stream, a run that goes on, ranks."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from lightning import LightningModule, Trainer
from torch import Tensor

from gan_lab.data import Products
from gan_lab.imaging import GaussianNoise

Batch = dict[str, Tensor]


def module(
    root: Path, *, iteration: int = 0, rank: int = 0, world_size: int = 1, batch_size: int = 3, **options: Any
) -> Products:
    """Return a datamodule as it stands in a trainer at some iteration of a run."""
    data = Products(
        root,
        **{"image_size": 32, "num_workers": 0, "rotation": 5, "scale": (0.9, 1.2), "degradation": GaussianNoise()}
        | options,
        batch_size=batch_size,
    )
    device = SimpleNamespace(root_device=torch.device("cpu"))
    data.trainer = SimpleNamespace(  # type: ignore[assignment]
        lightning_module=SimpleNamespace(iteration=iteration), global_rank=rank, world_size=world_size, strategy=device
    )
    return data


def take(data: Products, count: int) -> list[Batch]:
    return list(islice(data.train_dataloader(), count))


def equal(first: Batch, other: Batch) -> bool:
    return first.keys() == other.keys() and all(torch.equal(first[key], other[key]) for key in first)


KINDS = [{"batch_kind": "unpaired"}, {"batch_kind": "paired", "domain": "A"}, {"batch_kind": "images", "domain": "A"}]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["batch_kind"])
def test_a_resumed_stream_goes_on_as_if_it_had_never_stopped(root: Path, kind: dict[str, Any]) -> None:
    straight = take(module(root, **kind), 8)  # several epochs, whose borders lie inside batches
    assert all(map(equal, take(module(root, iteration=3, **kind), 5), straight[3:]))
    assert all(map(equal, take(module(root, iteration=3, num_workers=2, **kind), 5), straight[3:]))
    assert all(map(equal, take(module(root, num_workers=2, cache_mb=0, **kind), 8), straight))
    assert not any(map(equal, take(module(root, seed=1, **kind), 8), straight))
    assert not any(map(equal, straight[:4], straight[4:]))


def test_two_ranks_see_what_one_rank_with_twice_the_batch_sees(root: Path) -> None:
    kind = {"batch_kind": "paired", "domain": "A"}
    one = take(module(root, batch_size=4, iteration=2, **kind), 4)
    ranks = [take(module(root, batch_size=2, iteration=2, rank=r, world_size=2, **kind), 4) for r in (0, 1)]
    for whole, *halves in zip(one, *ranks, strict=True):
        assert equal(whole, {key: torch.cat([half[key] for half in halves]) for key in whole})


def test_a_loader_that_is_iterated_again_goes_on_where_the_model_is(root: Path) -> None:
    data = module(root, batch_kind="unpaired", num_workers=1)
    straight = take(module(root, batch_kind="unpaired"), 4)
    loader = data.train_dataloader()
    assert equal(next(iter(loader)), straight[0])
    data.trainer.lightning_module.iteration = 2  # type: ignore[union-attr]
    assert equal(next(iter(loader)), straight[2])


@pytest.mark.parametrize("workers", [0, 2])
def test_the_first_batches_are_those_of_the_stream_wherever_the_model_is(root: Path, workers: int) -> None:
    kind = {"batch_kind": "images", "domain": "A", "num_workers": workers}
    straight = take(module(root, **kind), 3)
    size = len(straight[0]["image"])
    data = module(root, iteration=5, **kind)
    assert all(map(equal, data.read_first_batches(2 * size + 1), straight))
    assert len(list(data.read_first_batches(2 * size + 1))) == 3
    assert len(list(data.read_first_batches(size))) == 1
    rank = module(root, iteration=5, rank=1, world_size=2, **kind)
    assert equal(next(rank.read_first_batches(1)), straight[1])


@pytest.mark.parametrize("workers", [0, 2])
def test_loading_leaves_the_global_generators_alone(root: Path, workers: int) -> None:
    data = module(root, batch_kind="paired", domain="A", num_workers=workers)
    torch.manual_seed(0)
    np.random.seed(0)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index,union-attr]
    take(data, 3)
    list(data.val_dataloader())
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])  # type: ignore[index]


def test_validation_is_the_same_each_time_and_drops_nothing(root: Path) -> None:
    data = module(root, batch_kind="paired", domain="A")
    first, second = list(data.test_dataloader()), list(data.test_dataloader())
    assert all(map(equal, first, second))
    assert [len(batch["gt"]) for batch in first] == [3, 2]


def test_every_rank_sees_all_validation_photos(root: Path) -> None:
    """All take the same figures, and so agree on which checkpoint is the best without asking each other."""

    def photos(**rank: int) -> list[bytes]:
        data = module(root, batch_kind="images", domain="A", **rank)
        return [image.numpy().tobytes() for batch in data.test_dataloader() for image in batch["image"]]

    assert photos(rank=0, world_size=2) == photos(rank=1, world_size=2) == photos()
    assert len(photos()) == 5


def test_the_unpaired_test_shows_every_photo_of_both_domains(root: Path) -> None:
    batches = list(module(root, batch_kind="unpaired").test_dataloader())
    for role, count in (("A", 5), ("B", 4)):
        shown = [image.numpy().tobytes() for batch in batches for image in batch[role]]
        assert len(shown) == 5
        assert len(set(shown)) == count
        rows = [row for batch in batches for row in batch[f"row_{role}"].tolist()]
        assert sorted(set(rows)) == list(range(count))
        assert len(set(zip(rows, shown, strict=True))) == count
    assert not any(
        name.startswith("row") for name in next(iter(module(root, batch_kind="unpaired").train_dataloader()))
    )


class Reader(LightningModule):
    """Only counts, and remembers what it was given."""

    def __init__(self, iteration: int = 0) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.iteration = iteration
        self.seen: list[Batch] = []

    def training_step(self, batch: Batch, _: int) -> None:
        self.seen.append({key: value.clone() for key, value in batch.items()})
        self.iteration += 1

    def configure_optimizers(self) -> None:
        return None


@pytest.mark.parametrize("workers", [0, 2])
def test_a_trainer_reads_the_stream_from_the_model_s_iteration(root: Path, workers: int) -> None:
    def read(iteration: int) -> list[Batch]:
        data = Products(
            root, image_size=32, batch_size=3, num_workers=workers, batch_kind="unpaired", degradation=GaussianNoise()
        )
        reader = Reader(iteration)
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=1,
            limit_train_batches=5 - iteration,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )
        trainer.fit(reader, datamodule=data)
        return reader.seen

    assert all(map(equal, read(2), read(0)[2:]))
