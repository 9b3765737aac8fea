"""Small runs with the doctor at the bedside."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from gan_lab.callbacks import Doctor, TermsLogger, Validation
from gan_lab.data.geometry import Augmentation
from gan_lab.models import ManualModule
from tests.models.fitting import StopAfter, quiet_trainer

Photo = Callable[[int], dict[str, Tensor]]


class Photos(Dataset[Any]):
    """A photo for each position: the stream of training, or the held-out ones."""

    def __init__(self, photo: Photo, length: int = 10**9) -> None:
        self.photo, self.length = photo, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, position: int) -> dict[str, Tensor]:
        return self.photo(position)


class Endless(Sampler[list[int]]):
    """Batches of positions, on and on."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __iter__(self) -> Iterator[list[int]]:
        first = 0
        while True:
            yield list(range(first, first + self.size))
            first += self.size


class Catalogue(LightningDataModule):
    """Photos by two functions of the position."""

    channels, image_size, augmentation = 1, 8, Augmentation()

    def __init__(self, train: Photo, held_out: Photo, batch_size: int) -> None:
        super().__init__()
        self.photos, self.kept, self.batch_size = train, held_out, batch_size

    def train_dataloader(self) -> DataLoader[Any]:
        return DataLoader(Photos(self.photos), batch_sampler=Endless(self.batch_size))

    def val_dataloader(self) -> DataLoader[Any]:
        return DataLoader(Photos(self.kept, 64), batch_size=self.batch_size)


def noise(position: int, seed: int = 0, size: int = 8) -> Tensor:
    """Return a photo of noise [1, size, size] in [-1, 1] that its position decides."""
    generator = torch.Generator().manual_seed(1000 * seed + position)
    return torch.rand(1, size, size, generator=generator) * 2 - 1


def single(picture: Callable[[int], Tensor]) -> Photo:
    """Return the view of a model that eats single photos."""
    return lambda position: {"image": picture(position), "label": torch.zeros((), dtype=torch.int64)}


def attend(
    model: ManualModule,
    folder: Path,
    iterations: int,
    train: Photo,
    held_out: Photo | None = None,
    validate_every: int | None = None,
    batch_size: int = 16,
) -> dict[str, Any]:
    """Train with a doctor that may take all the time it wants; return its doctor.json."""
    torch.manual_seed(0)
    validation = [] if validate_every is None else [Validation(validate_every, max_images=8)]
    doctor = Doctor(folder / "doctor.json", every_n_iterations=50, share=1e9)
    trainer = quiet_trainer(StopAfter(iterations), TermsLogger(5), *validation, doctor, limit_val_batches=0)
    trainer.fit(model, datamodule=Catalogue(train, held_out or train, batch_size))
    return diary(folder)


def diary(folder: Path) -> dict[str, Any]:
    """Return a run's doctor.json."""
    contents: dict[str, Any] = json.loads((folder / "doctor.json").read_text())
    return contents


def found(contents: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the findings by name."""
    return {finding["what"]: finding for finding in contents["findings"]}
