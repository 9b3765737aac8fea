"""What a run will take: some of its iterations, and of its alternatives', before the hours are spent."""

from __future__ import annotations

import csv
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from omegaconf import DictConfig
from rich.console import Console
from rich.progress import track
from rich.table import Table

from gan_lab.callbacks import Budget
from gan_lab.config import is_override, parse_override
from gan_lab.errors import UserError
from gan_lab.hardware import total_memory
from gan_lab.run.device import (
    choose_for_training,
    find_accelerator,
    find_device,
    is_ddp,
    name_precision,
    prepare_process,
)
from gan_lab.run.parts import build_parts

#: Iterations of a probe, seconds after which it has seen enough, and seconds that it may take in all.
ITERATIONS, SECONDS, PATIENCE = 200, 20, 600
#: Iterations that are not counted: caches fill, kernels are chosen or compiled.
WARM_UP = 3
#: What happens beside training, seldom enough in a run to be left out here.
BESIDE = [f"trainer.{name}_every={10**9}" for name in ("validate", "sample", "doctor")]
BESIDE += [
    "trainer.checkpoint_every=null",
    "trainer.checkpoint_every_minutes=null",
    "trainer.log_every=1",
    "logger=csv",
]


def plan(config: DictConfig) -> None:
    """Print what the run would take, and what else to try; nothing of it is kept.

    Raises:
        UserError: it would have several processes.
    """
    prepare_process(config)
    if is_ddp(config.trainer):
        raise UserError(
            "plan=true: is for one device; what it says of one holds for each, less the exchange of gradients"
        )
    own = {"plan", "name", "runs_dir", "resume"}
    command = [line for line in sys.argv[1:] if not (is_override(line) and parse_override(line).key_or_group in own)]
    datamodule, model = build_parts(config)
    limits = Budget(config.trainer.max_iterations, config.trainer.max_epochs, None)

    def count_iterations(batch: int) -> int | None:
        datamodule.batch_size = batch
        return limits.total_iterations(datamodule.iterations_per_epoch())

    device = find_device(config)
    fast, precision = (
        name_precision(choose_for_training(config, model, device, name)) for name in ("auto", config.trainer.precision)
    )
    settings = list_alternatives(config.data.batch_size, precision, config.compile, fast, config.gradient_checkpointing)
    print_plan(command, settings, count_iterations, config.trainer.max_minutes, total_memory(find_accelerator(config)))


@dataclass(frozen=True)
class Setting:
    """A way to run: what differs from the command line, and the images of an iteration."""

    options: tuple[str, ...]
    batch: int


@dataclass(frozen=True)
class Measurement:
    """What a setting takes: ms an iteration, the most memory in MB, seconds until it was warm. Or why it failed."""

    setting: Setting
    ms: float = math.nan
    memory: float = math.nan
    start: float = math.nan
    failure: str = ""

    def minutes(self, iterations: int) -> float:
        """Return how long a run of so many iterations takes, its start included."""
        return (self.start + self.ms / 1000 * iterations) / 60


def list_alternatives(batch: int, precision: str, compiled: bool, fast: str, recomputed: bool = False) -> list[Setting]:
    """Return the settings to try: the run as it is, the other precision, compiled or not, half and twice the batch.

    Args:
        batch: images of an iteration.
        precision: as configured, `auto` resolved.
        compiled: as configured.
        fast: the precision that `auto` means on this machine.
        recomputed: `gradient_checkpointing`, with which nothing is compiled.
    """
    switched = (f"compile={str(not compiled).lower()}", *(["gradient_checkpointing=false"] if recomputed else []))
    tried = [(), switched]
    other = "32-true" if precision != "32-true" else fast if fast != "32-true" else None
    if other is not None:
        tried += [(f"trainer.precision={other}",), (f"trainer.precision={other}", *switched)]
    settings = [Setting(options, batch) for options in tried]
    batches = [batch // 2, 2 * batch] if batch % 2 == 0 else [2 * batch]
    return settings + [Setting((f"data.batch_size={size}",), size) for size in batches]


def probe_setting(setting: Setting, command: Sequence[str]) -> Measurement:
    """Run a setting for a moment, in a process and a folder of its own.

    Args:
        setting: the setting.
        command: arguments of `gan_lab.train`.
    """
    with tempfile.TemporaryDirectory(prefix="gan_lab-plan-") as folder:
        own = [f"runs_dir={folder}", "name=probe", "plan=false", "resume=null"]
        budget = [f"trainer.max_iterations={ITERATIONS}", "trainer.max_epochs=null", "trainer.max_minutes=null"]
        arguments = [*command, *setting.options, *BESIDE, *budget, *own]
        log = Path(folder) / "log.txt"
        with log.open("wb") as file:
            process = subprocess.Popen([sys.executable, "-m", "gan_lab.train", *arguments], stdout=file, stderr=file)
            rows = watch_run(process, Path(folder) / "probe" / "metrics.csv", setting.batch)
        if len(rows) <= WARM_UP:
            said = log.read_text(errors="replace").strip().splitlines()
            return Measurement(setting, failure=said[-1][:200] if said else f"no iteration in {PATIENCE} s")
    times = [compute_seconds(row, setting.batch) for row in rows]
    typical = median(times[WARM_UP:])
    start = sum(max(time - typical, 0) for time in times[:WARM_UP])
    return Measurement(setting, 1000 * typical, float(rows[-1]["train/memory_mb"]), start)


def watch_run(process: subprocess.Popen[bytes], figures: Path, batch: int) -> list[dict[str, str]]:
    """Return the figures of a run, which is stopped when it has trained long enough."""
    until = time.monotonic() + PATIENCE
    try:
        while process.poll() is None and time.monotonic() < until:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.5)
            if sum(compute_seconds(row, batch) for row in read_rows(figures)[WARM_UP:]) >= SECONDS:
                break
    finally:
        process.kill()
        process.wait()
    return read_rows(figures)


def compute_seconds(row: dict[str, str], batch: int) -> float:
    """Return how long an iteration took."""
    return batch / float(row["train/images_per_s"])


def read_rows(figures: Path) -> list[dict[str, str]]:
    """Return the complete rows of a run's figures."""
    try:
        with figures.open(newline="") as file:
            return [row for row in csv.DictReader(file) if row.get("train/memory_mb")]
    except FileNotFoundError:
        return []


def print_plan(
    command: Sequence[str],
    settings: Sequence[Setting],
    count_iterations: Callable[[int], int | None],
    max_minutes: float | None,
    available: float,
) -> None:
    """Probe the settings, print what each takes, and advise.

    Args:
        command: arguments of `gan_lab.train`.
        settings: the first one is the run as it is configured.
        count_iterations: what the budget allows in iterations, for a batch; None where only minutes limit it.
        max_minutes: the budget's.
        available: memory of the GPU, or of the machine, in MB.
    """
    probes = [probe_setting(setting, command) for setting in track(settings, "probing", console=Console(stderr=True))]
    table = Table(title=f"What a run takes here ({available / 1024:.0f} GB of memory)")
    for name in ("with", "ms an iteration", "images/s", "memory, MB", "at the start, s", "the whole run"):
        table.add_column(name, justify="left" if name in ("with", "the whole run") else "right")
    for each in probes:
        what = " ".join(each.setting.options) or "as configured"
        if each.failure:
            table.add_row(what, "", "", "", "", each.failure)
            continue
        speed = 1000 * each.setting.batch / each.ms
        whole = describe_run(each, count_iterations(each.setting.batch), max_minutes)
        table.add_row(what, f"{each.ms:.0f}", f"{speed:.1f}", f"{each.memory:.0f}", f"{each.start:.0f}", whole)
    console = Console(width=None if Console().is_terminal else 160)
    console.print(table)
    for line in advise(probes, count_iterations(settings[0].batch) or math.inf, max_minutes, available):
        console.print(line, soft_wrap=True, highlight=False)


def describe_run(probe: Measurement, iterations: int | None, max_minutes: float | None) -> str:
    """Return the length of the run in words."""
    fit = math.inf if max_minutes is None else max(0, int((60 * max_minutes - probe.start) / (probe.ms / 1000)))
    if iterations is None or fit < iterations:
        return f"{fit} iterations in {max_minutes:g} min"
    hours, minutes = divmod(round(probe.minutes(iterations)), 60)
    return f"{iterations} iterations in {f'{hours} h {minutes:02d} min' if hours else f'{minutes} min'}"


def advise(probes: Sequence[Measurement], iterations: float, max_minutes: float | None, available: float) -> list[str]:
    """Return advice: the fastest of the settings that train the same way, and what a larger batch would bring."""
    base, lines = probes[0], []
    limit = math.inf if max_minutes is None else max_minutes
    length = min(iterations, 60 * limit / (base.ms / 1000)) if not base.failure else iterations
    same = [each for each in probes if not each.failure and each.setting.batch == base.setting.batch]
    if not same:
        smaller = [each for each in probes if not each.failure]
        if smaller:
            return [f"As configured it does not run here; it does with {' '.join(smaller[0].setting.options)}"]
        return ["None of them runs here: make the pictures (data.image_size=) or the networks smaller"]
    best = min(same, key=lambda each: each.start + each.ms / 1000 * length)
    if best is base or (not base.failure and best.ms > 0.97 * base.ms):
        lines.append("Fastest as configured.")
    else:
        gain = "" if base.failure else f" ({base.ms / best.ms:.2f} times as fast)"
        lines.append(f"Fastest{gain}: {' '.join(best.setting.options)}")
    if best.memory > 0.9 * available:
        lines.append(
            "It nearly fills the memory: model.micro_batches=2 halves what a batch takes, with the same updates; "
            "gradient_checkpointing=true spares part of it, a fifth slower."
        )
    larger = next((each for each in probes if each.setting.batch > base.setting.batch and not each.failure), None)
    if larger is not None and not base.failure:
        more = (larger.setting.batch / larger.ms) / (base.setting.batch / base.ms)
        if more > 1.1:
            lines.append(
                f"{larger.setting.options[0]} passes {more:.2f} times as many images a second; it is another training, "
                "of fewer and smoother steps."
            )
    return lines
