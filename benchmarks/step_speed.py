"""Time a training iteration of gan_lab beside the same method written plainly, as tutorials do, over the same networks.

    python benchmarks/step_speed.py [dcgan vae cyclegan ...] [--seconds 20] [--compile]

Both sides run in this process, in turns: plain (fp32, NCHW, eager, Adam as it comes, every forward made where the algorithm
names it) and gan_lab (Lightning's loop, channels last, trainer.precision=auto, fused Adam, shared forwards, and compiled
with --compile). Batches are the same tensors, made once: what is timed is the step, not the data. The ratio of the medians
travels between machines; the milliseconds do not.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from rich.console import Console
from rich.table import Table
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset

from gan_lab.config import compose, instantiate
from gan_lab.training import precision_for, quieten

BATCH = {"dcgan": 64, "vae": 64, "sngan": 16, "cyclegan": 1, "pix2pix": 1}
SIZE = {"dcgan": 64, "vae": 64, "sngan": 64, "cyclegan": 128, "pix2pix": 128}


def built(model: str) -> Any:
    """Return the model of a yaml at its own size, from a fixed seed."""
    torch.manual_seed(0)
    config = compose("train", [f"model={model}", f"data.image_size={SIZE[model]}", "name=benchmark"])
    return instantiate(config.model)


def batch_for(model: str, kind: str) -> dict[str, torch.Tensor]:
    """Return one batch of smooth random pictures: on white noise a discriminator saturates at once."""
    n, size = BATCH[model], SIZE[model]
    small = torch.rand(2 * n, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    one, two = F.interpolate(small, size=size, mode="bilinear").chunk(2)
    label = torch.zeros(n, dtype=torch.int64)
    return {
        "images": {"image": one, "label": label},
        "paired": {"lq": one, "gt": two},
        "unpaired": {"A": one, "B": two},
    }[kind]


# ---------------------------------------------------------------------------------------------------- gan_lab's side


class Timed(Callback):
    """Time iterations until the seconds are over."""

    def __init__(self, seconds: float, warm_up: int) -> None:
        self.seconds, self.warm_up = seconds, warm_up
        self.times: list[float] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *args: Any) -> None:
        if pl_module.device.type == "cuda":
            torch.cuda.synchronize()
        now = time.perf_counter()
        if pl_module.iteration == self.warm_up:
            self._start = now
        elif pl_module.iteration > self.warm_up:
            self.times.append(now - self._last)
            trainer.should_stop = now - self._start > self.seconds and len(self.times) >= 3
        self._last = now


class Repeat(IterableDataset[Any]):
    """One batch, for ever."""

    def __init__(self, batch: dict[str, torch.Tensor]) -> None:
        self.batch = batch

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        while True:
            yield self.batch


def time_gan_lab(name: str, seconds: float, compiled: bool) -> float:
    """Return the median seconds of an iteration."""
    model = built(name)
    model.to(memory_format=torch.channels_last)
    if compiled:
        for network in model.compilable():
            network.compile(dynamic=False)
    accelerator = "gpu" if torch.cuda.is_available() else "cpu"
    timed = Timed(seconds, warm_up=6 if compiled else 3)
    trainer = Trainer(
        accelerator=accelerator,
        devices=1,
        precision=precision_for("auto", accelerator),  # type: ignore[arg-type]
        max_epochs=-1,
        callbacks=[timed],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(model, DataLoader(Repeat(batch_for(name, model.batch_kind)), batch_size=None))
    return statistics.median(timed.times)


# ---------------------------------------------------------------------------------------------------- the plain side


def plain_gan(model: Any, batch: dict[str, torch.Tensor], device: str) -> Callable[[], None]:
    generator, discriminator = model.generator.to(device), model.discriminator.to(device)
    g, d = adam(generator, 2e-4), adam(discriminator, 2e-4)
    real = batch["image"].to(device)

    def step() -> None:
        fake = generator(torch.randn(len(real), model.latents, device=device))
        update(d, model.adversarial.discriminator(discriminator(real), discriminator(fake.detach())))
        fake = generator(torch.randn(len(real), model.latents, device=device))
        update(g, model.adversarial.generator(discriminator(fake)))

    return step


def plain_vae(model: Any, batch: dict[str, torch.Tensor], device: str) -> Callable[[], None]:
    encoder, decoder = model.encoder.to(device), model.decoder.to(device)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
    image = batch["image"].to(device)

    def step() -> None:
        mu, logvar = encoder(image)
        rec = decoder(mu + torch.randn_like(mu) * (0.5 * logvar).exp())
        kl = -0.5 * (1 + logvar - mu.square() - logvar.exp()).sum(1).mean()
        update(optimizer, F.mse_loss(rec, image) + model.lambda_kl * kl)

    return step


def plain_cyclegan(model: Any, batch: dict[str, torch.Tensor], device: str) -> Callable[[], None]:
    ab, ba = model.generator_AB.to(device), model.generator_BA.to(device)
    da, db = model.discriminator_A.to(device), model.discriminator_B.to(device)
    g, d = adam(nn.ModuleList([ab, ba]), 2e-4), adam(nn.ModuleList([da, db]), 2e-4)
    a, b = batch["A"].to(device), batch["B"].to(device)

    def square(logits: torch.Tensor, target: float) -> torch.Tensor:
        return (logits - target).square().mean()

    def step() -> None:
        fake_b, fake_a = ab(a), ba(b)
        cycle = F.l1_loss(ba(fake_b), a) + F.l1_loss(ab(fake_a), b)
        identity = F.l1_loss(ab(b), b) + F.l1_loss(ba(a), a)
        update(g, square(db(fake_b), 1) + square(da(fake_a), 1) + 10 * cycle + 5 * identity)
        on_a = square(da(a), 1) + square(da(fake_a.detach()), 0)
        on_b = square(db(b), 1) + square(db(fake_b.detach()), 0)
        update(d, 0.5 * (on_a + on_b))

    return step


PLAIN = {"dcgan": plain_gan, "vae": plain_vae, "cyclegan": plain_cyclegan}


def adam(network: nn.Module, lr: float) -> torch.optim.Adam:
    return torch.optim.Adam(network.parameters(), lr=lr, betas=(0.5, 0.999))


def update(optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def time_plain(name: str, seconds: float) -> float:
    """Return the median seconds of a step."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = copy.deepcopy(built(name))
    step = PLAIN[name](model, batch_for(name, model.batch_kind), device)
    for _ in range(3):
        step()
    times: list[float] = []
    start = time.perf_counter()
    while len(times) < 3 or time.perf_counter() - start < seconds:
        before = time.perf_counter()
        step()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - before)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=list(PLAIN), help=f"of {', '.join(PLAIN)}")
    parser.add_argument("--seconds", type=float, default=20, help="per side and round (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of either side; the median counts")
    parser.add_argument("--compile", action="store_true", help="compile gan_lab's networks")
    arguments = parser.parse_args()
    quieten()
    torch.set_flush_denormal(True)  # for both sides: without it the plain one can be several times slower
    accelerator = "gpu" if torch.cuda.is_available() else "cpu"
    title = f"ms an iteration, median of {arguments.rounds}; gan_lab in {precision_for('auto', accelerator)}"
    table = Table(title=f"{title}{', compiled' if arguments.compile else ''}; {torch.get_num_threads()} threads")
    for column in ("model", "batch", "size", "plain", "gan_lab", "plain / gan_lab"):
        table.add_column(column, justify="right")
    for name in arguments.models:
        plain, ours = [], []
        for _ in range(arguments.rounds):
            plain.append(time_plain(name, arguments.seconds))
            ours.append(time_gan_lab(name, arguments.seconds, arguments.compile))
        ratio = statistics.median(p / o for p, o in zip(plain, ours, strict=True))
        figures = [f"{1e3 * statistics.median(times):.0f}" for times in (plain, ours)]
        table.add_row(name, str(BATCH[name]), str(SIZE[name]), *figures, f"{ratio:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
