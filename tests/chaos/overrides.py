"""Throw random overrides at every command: each ends in a result or in a message, and never in a traceback.

    python -m tests.chaos.overrides --cases 200 [--seed 0] [--of vae cyclegan enhance generate sweep plan ...]

A case is a tiny run on the demo catalogue, or a command on such a run and three small photos, with one or two options set
at random: any key of the configuration, sometimes misspelt, to a value of any kind. What is long is cut short (two
iterations; a sweep's jobs only build their models, a plan's probes are not run), and numbers are small: how much memory a
user may ask for is not the question. A failure is a traceback, a crash, a refusal that names neither the option nor its
value, or more than `SECONDS`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from rich.progress import track

from gan_lab import compare, enhance, evaluate, generate, pack, train, translate
from gan_lab.commands import train as training
from gan_lab.config import compose, iterate_keys
from gan_lab.data.catalogue import draw
from gan_lab.photo_files import write_png
from gan_lab.run import plan as planning
from gan_lab.run.parts import build_parts
from tests.integration.runs import FAMILIES, python, tiny

SECONDS = 120
VALUES = (
    "null", "true", "false", "-1", "0", "1", "2", "3", "7", "16", "33", "64", "0.5", "-0.5", "1e-3", "1e-30", "1.5", "nan",
    "inf", "-inf", "x", "auto", "none", "2024-01-01", "1_000", "0x10", "08", "''", "' '", "'a b'", "'a=b'", "äöü", "x" * 300,
    "[]", "[1,2]", "[0,0]", "[2,1]", "[a]", "{}", "{a:1}", "{_target_:os.system}", "{_target_:gan_lab.losses.Hinge}",
    "{_target_:torch.nn.ReLU}", "'${oc.env:HOME}'", "'${seed}'", "/nowhere", ".",
)  # fmt: skip
#: More values in a sweep.
SWEPT = (
    "0,1",
    "x,null",
    "-1,2",
    "[1,2],[2,1]",
    "'a,b'",
    "range(3)",
    "choice(1,x)",
    "glob(*)",
    "sort(2,1)",
    "1,",
    "{},{a:1}",
)
#: Set in every run, so that none is long; a case may not touch them.
FIXED = ("trainer.max_iterations=2", "trainer.max_epochs=null")
#: The commands beside train, what each is called with, and the model that it works with.
COMMANDS: dict[str, tuple[ModuleType, str, list[str]]] = {
    "enhance": (enhance, "enhancer", ["checkpoint={run}", "device=cpu", "input={photos}", "output=results"]),
    "compare": (compare, "enhancer", ["checkpoints=[{run}]", "device=cpu", "input={photos}", "output=results"]),
    "translate": (translate, "cyclegan", ["checkpoint={run}", "device=cpu", "input={photos}", "output=results"]),
    "generate": (generate, "cgan", ["checkpoint={run}", "device=cpu", "n=2", "output=results"]),
    "evaluate": (evaluate, "enhancer", ["checkpoint={run}", "device=cpu", "n=2", "output=results"]),
    "pack": (pack, "restorer", ["restorer={run}", "output=mine.safetensors"]),
}
#: The folders of the runs that the commands work with; each goes when this process ends.
HELD: list[tempfile.TemporaryDirectory[str]] = []
#: Keys that start processes, wait for others, or are about other folders than the case's.
LEFT = (
    "trainer.devices",
    "trainer.num_nodes",
    "trainer.strategy",
    "hydra",
    "trainer.max_iterations",
    "trainer.max_epochs",
    "checkpoint",
    "checkpoints",
    "input",
)


@dataclass(frozen=True)
class Subject:
    """A command, what it is called with in every case, and the keys that a case may set."""

    module: ModuleType
    arguments: list[str]
    keys: list[str]
    values: tuple[str, ...] = VALUES
    shorten: Callable[[], None] = lambda: None


def only_build() -> None:
    """Have jobs make their data and model, and not train."""
    training.fit = lambda run: build_parts(run.config)  # type: ignore[assignment]


def only_look() -> None:
    """Have a plan's probes return at once."""
    planning.probe_setting = lambda setting, command: planning.Measurement(setting, 10.0, 100.0, 1.0)


#: What else train does, with what, to which values, and what is left out of it.
WAYS: dict[str, tuple[list[str], tuple[str, ...], Callable[[], None]]] = {
    "sweep": (["-m", "seed=0,1"], VALUES + SWEPT, only_build),
    "plan": (["plan=true"], VALUES, only_look),
}


@cache
def subject(name: str) -> Subject:
    """Return what a name stands for: a command on a run that is made here, or the training of a model."""
    if name in WAYS:
        flags, values, shorten = WAYS[name]
        arguments = [*tiny("vae"), "name=case", *FIXED]
        return Subject(train, [*flags, *arguments], keys_of("train", arguments), values, shorten)
    if name not in COMMANDS:
        arguments = [*tiny(name), "name=case", *FIXED]
        return Subject(train, arguments, keys_of("train", arguments))
    module, model, arguments = COMMANDS[name]
    held = tempfile.TemporaryDirectory(prefix="overrides-")
    HELD.append(held)
    folder = Path(held.name)
    python("-m", "gan_lab.train", *tiny(model), "name=run", *FIXED, cwd=folder)
    for number in range(3):
        write_png(folder / "photos" / f"{number}.png", draw(number, "snapshot", 40 + 8 * number))
    made = [each.format(run=folder / "runs/run", photos=folder / "photos") for each in arguments]
    return Subject(module, made, keys_of(name, made))


def case(number: int, seed: int, keys: list[str], values: tuple[str, ...] = VALUES) -> list[str]:
    """Return the overrides of a case."""
    rng = np.random.default_rng([seed, number])
    made = []
    for _ in range(rng.choice([1, 1, 2])):
        key = str(rng.choice(keys))
        if rng.random() < 0.1:
            at = int(rng.integers(len(key)))
            key = key[:at] + str(rng.choice(list("abcxyz_."))) + key[at + int(rng.integers(2)) :]
        made.append(f"{rng.choice(['', '', '', '', '+', '++'])}{key}={rng.choice(values)}")
        if rng.random() < 0.03:
            made[-1] = f"~{key}"
    return made


def keys_of(command: str, arguments: list[str]) -> list[str]:
    """Return every key of a command that a case may set."""
    return sorted(key for key in iterate_keys(compose(command, arguments)) if not key.startswith(LEFT))


def attempt(folder: Path, subject: Subject, arguments: list[str]) -> None:
    """Run a command in this process."""
    os.chdir(folder)
    sys.stdout = sys.stderr = open("told.txt", "w", buffering=1)  # noqa: SIM115 (until the process ends)
    os.dup2(sys.stdout.fileno(), 1)
    os.dup2(sys.stdout.fileno(), 2)
    torch.set_num_threads(1)
    subject.shorten()
    sys.argv = [subject.module.__name__, *arguments]
    subject.module.main()


@dataclass
class Findings:
    """How the cases ended."""

    ends: Counter[str] = field(default_factory=Counter)
    failures: dict[int, str] = field(default_factory=dict)


def ended(subject: Subject, overrides: list[str], findings: Findings, number: int) -> None:
    """Run a case in a process of its own and note how it ended."""
    with tempfile.TemporaryDirectory() as name:
        process = multiprocessing.get_context("fork").Process(
            target=attempt, args=(Path(name), subject, [*subject.arguments, *overrides])
        )
        process.start()
        process.join(SECONDS)
        held = process.exitcode is None
        if held:
            os.kill(process.pid or 0, signal.SIGKILL)
            process.join()
        told = (Path(name) / "told.txt").read_text(errors="replace")
    code = process.exitcode
    silent = code != 0 and not any(word in told for line in overrides for word in words_of(line))
    if held or silent or code not in (0, 1, 2) or "Traceback (most recent call last)" in told:
        last = told.strip().splitlines()[-1][:200] if told.strip() else ""
        findings.failures[number] = f"{' '.join(overrides)}: {'held' if held else code}: {last}"
        findings.ends["failed"] += 1
    else:
        findings.ends["ran" if code == 0 else "refused"] += 1


def words_of(override: str) -> list[str]:
    """Return what a refusal may name of an override: the last part of its key, or its value, unless any text has that."""
    key, _, value = override.lstrip("+~").partition("=")
    return [key.rsplit(".", 1)[-1] or key, *([value.strip("'")[:60]] if len(value) > 4 else [])]


def thrown(name: str, count: int, seed: int, show: bool = True) -> Findings:
    """Go through so many cases of a command, or of the training of a model."""
    findings, thing = Findings(), subject(name)
    ended(thing, [], findings, -1)
    assert findings.ends["ran"], f"{name}: fails, or is refused, with no option set"
    findings.ends.clear()
    for number in track(range(count), name) if show else range(count):
        ended(thing, case(number, seed, thing.keys, thing.values), findings, number)
    return findings


def main() -> None:
    """Count, print, and fail if anything failed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cases", type=int, default=200, help="of each")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--of", nargs="*", default=[*FAMILIES, *COMMANDS, *WAYS], help="models to train, and commands")
    arguments = options.parse_args()
    bad = 0
    print("| | cases | did it | refused | failed |", "| --- | ---: | ---: | ---: | ---: |", sep="\n")
    for name in arguments.of:
        findings = thrown(name, arguments.cases, arguments.seed)
        ran, refused, failed = (findings.ends[end] for end in ("ran", "refused", "failed"))
        print(f"| {name} | {arguments.cases} | {ran} | {refused} | {failed} |")
        for number, text in findings.failures.items():
            print(f"case {number}: {text}")
        bad += failed
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
