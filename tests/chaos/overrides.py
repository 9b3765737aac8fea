"""Throw random overrides at the train command: each ends in a run or in a message, and never in a traceback.

    python -m tests.chaos.overrides --cases 200 [--seed 0] [--model vae cyclegan ...]

A case is a tiny run on the demo catalogue with one or two options set at random: any key of the configuration, sometimes
misspelt, to a value of any kind. What is long is cut short (two iterations), and numbers are small: how much memory a user may
ask for is not the question. A failure is a traceback, a crash, or more than `SECONDS`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from rich.progress import track

from gan_lab import train
from gan_lab.config import compose, dotted_keys
from tests.integration.runs import tiny

SECONDS = 120
VALUES = (
    "null", "true", "false", "-1", "0", "1", "2", "3", "7", "16", "33", "64", "0.5", "-0.5", "1e-3", "1e-30", "1.5", "nan",
    "inf", "-inf", "x", "auto", "none", "2024-01-01", "1_000", "0x10", "08", "''", "' '", "'a b'", "'a=b'", "äöü", "x" * 300,
    "[]", "[1,2]", "[0,0]", "[2,1]", "[a]", "{}", "{a:1}", "{_target_:os.system}", "{_target_:gan_lab.losses.Hinge}",
    "{_target_:torch.nn.Identity}", "'${oc.env:HOME}'", "'${seed}'", "/nowhere", ".",
)  # fmt: skip
#: Set by every case, so that none is long; a case may not touch them.
FIXED = ("trainer.max_iterations=2", "trainer.max_epochs=null")
#: Keys that start processes, wait for others, or are about other folders than the case's.
LEFT = (
    "trainer.devices",
    "trainer.num_nodes",
    "trainer.strategy",
    "hydra",
    "trainer.max_iterations",
    "trainer.max_epochs",
)


def case(number: int, seed: int, keys: list[str]) -> list[str]:
    """Return the overrides of a case."""
    rng = np.random.default_rng([seed, number])
    made = []
    for _ in range(rng.choice([1, 1, 2])):
        key = str(rng.choice(keys))
        if rng.random() < 0.1:
            at = int(rng.integers(len(key)))
            key = key[:at] + str(rng.choice(list("abcxyz_."))) + key[at + int(rng.integers(2)) :]
        made.append(f"{rng.choice(['', '', '', '', '+', '++'])}{key}={rng.choice(VALUES)}")
        if rng.random() < 0.03:
            made[-1] = f"~{key}"
    return made


def keys_of(model: str) -> list[str]:
    """Return every key that a case may set."""
    found = dotted_keys(compose("train", [*tiny(model), "name=case"]))
    return sorted(key for key in found if not key.startswith(LEFT))


def attempt(folder: Path, overrides: list[str]) -> None:
    """Train in this process."""
    os.chdir(folder)
    sys.stdout = sys.stderr = open("told.txt", "w", buffering=1)  # noqa: SIM115 (until the process ends)
    os.dup2(sys.stdout.fileno(), 1)
    os.dup2(sys.stdout.fileno(), 2)
    torch.set_num_threads(1)
    sys.argv = ["gan_lab.train", *overrides]
    train.main()


@dataclass
class Findings:
    """How the cases ended."""

    ends: Counter[str] = field(default_factory=Counter)
    failures: dict[int, str] = field(default_factory=dict)


def ended(model: str, overrides: list[str], findings: Findings, number: int) -> None:
    """Run a case in a process of its own and note how it ended."""
    with tempfile.TemporaryDirectory() as name:
        process = multiprocessing.get_context("fork").Process(
            target=attempt, args=(Path(name), [*tiny(model), "name=case", *FIXED, *overrides])
        )
        process.start()
        process.join(SECONDS)
        held = process.exitcode is None
        if held:
            os.kill(process.pid or 0, signal.SIGKILL)
            process.join()
        told = (Path(name) / "told.txt").read_text(errors="replace")
    code = process.exitcode
    if held or code not in (0, 1, 2) or "Traceback (most recent call last)" in told or not (code == 0 or told.strip()):
        last = told.strip().splitlines()[-1][:200] if told.strip() else ""
        findings.failures[number] = f"{' '.join(overrides)}: {'held' if held else code}: {last}"
        findings.ends["failed"] += 1
    else:
        findings.ends["ran" if code == 0 else "refused"] += 1


def thrown(model: str, count: int, seed: int, show: bool = True) -> Findings:
    """Go through so many cases of a model."""
    findings, keys = Findings(), keys_of(model)
    for number in track(range(count), model) if show else range(count):
        ended(model, case(number, seed, keys), findings, number)
    return findings


def main() -> None:
    """Count, print, and fail if anything failed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cases", type=int, default=200, help="of each model")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--models", nargs="*", default=["vae", "cyclegan"])
    arguments = options.parse_args()
    bad = 0
    print("| model | cases | ran | refused | failed |", "| --- | ---: | ---: | ---: | ---: |", sep="\n")
    for model in arguments.models:
        findings = thrown(model, arguments.cases, arguments.seed)
        ran, refused, failed = (findings.ends[end] for end in ("ran", "refused", "failed"))
        print(f"| {model} | {arguments.cases} | {ran} | {refused} | {failed} |")
        for number, text in findings.failures.items():
            print(f"case {number}: {text}")
        bad += failed
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
