"""A trainer and networks small enough that a thousand iterations take seconds."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from lightning import LightningDataModule
from lightning.pytorch import Callback, Trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from gan_lab.models import Loss, ManualModule


class Endless(IterableDataset[Any]):
    """Batches from a function of the iteration."""

    def __init__(self, batch: Callable[[int], dict[str, Tensor]]) -> None:
        self.batch = batch

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        iteration = 0
        while True:
            yield self.batch(iteration)
            iteration += 1


class Stream(LightningDataModule):
    """Batches from a function of the iteration, as a datamodule has them."""

    def __init__(self, batch: Callable[[int], dict[str, Tensor]]) -> None:
        super().__init__()
        self.batch = batch

    def counts(self) -> dict[str, int]:
        return {"image": 30}

    def read_first_batches(self, images: int) -> Iterator[dict[str, Tensor]]:
        read = 0
        for iteration in itertools.count():
            if read >= images:
                return
            batch = self.batch(iteration)
            read += len(batch["image"])
            yield batch

    def train_dataloader(self) -> Any:
        return DataLoader(Endless(self.batch), batch_size=None)


class StopAfter(Callback):
    """Set the progress and stop, as the Budget does; keep each iteration's terms."""

    def __init__(self, iterations: int) -> None:
        self.iterations = iterations
        self.terms: list[dict[str, float]] = []

    def on_train_batch_start(self, trainer: Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        pl_module.progress = pl_module.iteration / self.iterations

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.terms.append({name: float(value) for name, value in pl_module.terms.items()})
        trainer.should_stop = pl_module.iteration >= self.iterations


def quiet_trainer(*callbacks: Callback, **options: Any) -> Trainer:
    """Return a trainer for the CPU that writes nothing; a callback ends it."""
    return Trainer(
        accelerator="cpu",
        devices=1,
        max_epochs=-1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
        **options,
    )


def fit(
    model: ManualModule,
    batch: Callable[[int], dict[str, Tensor]],
    iterations: int,
    *callbacks: Callback,
    seed: int = 0,
    **options: Any,
) -> list[dict[str, float]]:
    """Train for some iterations on the CPU and return each iteration's terms."""
    torch.manual_seed(seed)
    stop = StopAfter(iterations)
    trainer = quiet_trainer(*callbacks, stop, **options)
    trainer.fit(model, datamodule=Stream(batch))
    return stop.terms


def weights(module: nn.Module) -> list[Tensor]:
    """Return copies of a module's parameters and buffers."""
    return [value.detach().clone() for value in [*module.parameters(), *module.buffers()]]


def same(a: list[Tensor], b: list[Tensor]) -> bool:
    """Tell whether two lists of tensors are equal bit for bit."""
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def adam(lr: float = 1e-2, betas: tuple[float, float] = (0.5, 0.99)) -> Any:
    """Return a factory of an optimiser."""
    return lambda parameters: torch.optim.Adam(parameters, lr=lr, betas=betas)


class TinyGenerator(nn.Module):
    """Noise to one grey pixel."""

    latents = 2

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1), nn.Tanh()
        )

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return self.layers(z).view(-1, 1, 1, 1)


class TinyDiscriminator(nn.Module):
    """A few pixels to a logit, and its hidden layer."""

    def __init__(self, values: int = 1) -> None:
        super().__init__()
        self.hidden = nn.Sequential(
            nn.Flatten(), nn.Linear(values, 32), nn.LeakyReLU(0.2), nn.Linear(32, 32), nn.LeakyReLU(0.2)
        )
        self.head = nn.Linear(32, 1)

    def forward(self, x: Tensor, label: Tensor | None = None, *, return_features: bool = False) -> Any:
        hidden = self.hidden(x)
        logits = self.head(hidden).flatten()
        return (logits, [hidden]) if return_features else logits


class Pointwise(nn.Module):
    """A map of pixel values, the same everywhere."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(channels, 16, 1), nn.ReLU(), nn.Conv2d(16, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class Recorder(nn.Module):
    """An augmentation that makes images brighter, counts its calls and steers itself."""

    adaptive = True

    def __init__(self) -> None:
        super().__init__()
        self.p, self.calls = torch.zeros(()), 0
        self.seen: list[tuple[tuple[int, ...], int]] = []

    def forward(self, images: Tensor) -> Tensor:
        self.calls += 1
        return images + 1

    def observe(self, sure: Tensor, images: int) -> None:
        self.seen.append((tuple(sure.shape), images))


def unpack(loss: Loss) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
    """Return a loss's total with its graph, and its terms and outputs as `minimize` hands them on."""
    terms, outputs = ({name: value.detach() for name, value in part.items()} for part in (loss.terms, loss.outputs))
    return loss.total, terms, outputs
