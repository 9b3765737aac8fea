"""Time gan_lab beside a plain loop and a tuned loop without a framework, over the same networks.

    python -m benchmarks.speed [dcgan vae sngan r3gan enhancer cyclegan cyclegan256
        enhance_0.25 enhance_1 enhance_12 enhance_100 generate_1000 ...] [--device auto|cpu|cuda] [--seconds 15] [--rounds 3]
        [--compile] [--json out.json] [--markdown out.md]

Every side of a case is a process of its own, the sides in turns and each round in another order, so that peak memory is its
own and the noise of the machine meets all. A figure is the median of a process's steps, then over rounds; a ratio is taken
within a round, then the median. Ratios travel between machines; milliseconds do not.
But for the plain loops' processes glibc keeps freed memory, as in gan_lab's commands.

Training: the loops are those of `loops.py`, on one batch of photos in memory, again and again. gan_lab's side is its whole
training as gan_lab.train runs it, from JPEG files of 512x512 on disk that are drawn at the start, augmentation, workers,
callbacks, doctor and log included; `waiting` is the share of its time between two steps, for data and for Lightning's loop.
With --compile the tuned loop and gan_lab's training are timed compiled as well. `ready` is the time from the end of the
imports to the first step that counts: building, warm-up and compilation.

Tools: photos from JPEG to JPEG by the shipped restorer, and 1,000 images of a DCGAN to PNG; seconds are of a photo, of an
image. Plain: decoded, computed (fp32, NCHW, eager; tiles of 512 pixels) and encoded one after the other. Tuned: in the
precision and layout that a tile is timed to be fastest in, tiles of 1024, decoding and encoding by threads meanwhile.
gan_lab: its command with the same work; as shipped: with all that it does unless told otherwise (light, guard, marks,
manifest).

A loop by hand that is slower than the plain one is not called tuned. --isa keeps oneDNN and torch to older instructions, as on
a CPU without matrix units; --compare prints what --json wrote on several machines in one table.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.contest import write
from benchmarks.speed_tools import CASES as TOOLS
from benchmarks.speed_training import CASES as TRAININGS
from benchmarks.speed_training import COMPILED, OWN, PLAIN, TUNED, Measured, write_photos
from gan_lab.hardware import keep_freed_memory
from gan_lab.hardware.speeds import describe_cpu

#: Beside what is called tuned and is slower than the plain loop.
REFUSED = " (slower than plain)"
CASES: dict[str, Any] = {**TRAININGS, **TOOLS}


@dataclass(frozen=True)
class Result:
    """A side of a case.

    Attributes:
        case, side: their names.
        rounds: what each round measured.
        peak_mb: the process's peak memory in MB, the highest.
        machine: what it was measured on.
    """

    case: str
    side: str
    rounds: list[Measured]
    peak_mb: int
    machine: str = ""

    def median(self, name: str) -> float:
        """Return the median over rounds."""
        return statistics.median(getattr(each, name) for each in self.rounds)


def in_a_process(name: str, side: str, photos: str, arguments: argparse.Namespace) -> dict[str, float]:
    """Time a side in a process of its own."""
    own = ["--side", side, "--photos", photos, "--seconds", str(arguments.seconds), "--device", arguments.device]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.speed", name, *own],
        env=environment(arguments.isa),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{name}, {side}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def environment(isa: str | None) -> dict[str, str]:
    """Return the environment of a side's process, with no newer instructions than `isa`."""
    own = {} if isa is None else {"ONEDNN_MAX_CPU_ISA": isa}
    # torch's own kernels know no more than AVX512
    return dict(os.environ) | own | ({"ATEN_CPU_CAPABILITY": "avx2"} if isa == "AVX2" else {})


def machine(arguments: argparse.Namespace) -> str:
    """Describe the machine: the GPU, or the CPU with its newest vector instructions, the threads and the version of torch."""
    if torch.cuda.is_available() and arguments.device != "cpu":
        return torch.cuda.get_device_name()
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    known = {"AMX": "amx_bf16", "AVX512-BF16": "avx512_bf16", "AVX512": "avx512f", "AVX2": "avx2"}
    best = next((name for name, flag in known.items() if flag in flags), "")
    used = f"{best}, held to {arguments.isa}" if arguments.isa else best
    return f"{describe_cpu().rsplit(' ', 4)[0]} ({used}), {torch.get_num_threads()} threads, torch {torch.__version__}"


def peak() -> int:
    """Return the peak memory of this process in MB: on a GPU that of its tensors."""
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return torch.cuda.max_memory_allocated() // 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def results(name: str, photos: str, arguments: argparse.Namespace, console: Console) -> list[Result]:
    """Return every side of a case."""
    sides = CASES[name].sides(arguments.compile)
    found: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for number in range(arguments.rounds):
        for side in sides[number % len(sides) :] + sides[: number % len(sides)]:
            with console.status(f"{name}, round {number + 1} of {arguments.rounds}: {side}"):
                found[side].append(in_a_process(name, side, photos, arguments))
    return [
        Result(
            name,
            side,
            [Measured(**each["measured"]) for each in rounds],
            max(each["peak_mb"] for each in rounds),
            machine(arguments),
        )
        for side, rounds in found.items()
    ]


def ratio(one: Result, other: Result) -> float:
    """Return how many times slower one side is than another, round by round, the median."""
    return statistics.median(a.ms / b.ms for a, b in zip(one.rounds, other.rounds, strict=True))


def table(found: list[Result], title: str) -> Table:
    """Return the table of results, a row for each side of each case."""
    made = Table(title=title)
    heads = (
        "",
        "side",
        "in",
        "ms",
        "of a",
        "images/s",
        "plain is slower by",
        "tuned takes, of its time",
        "waiting",
        "ready, s",
    )
    for number, column in enumerate((*heads, "peak MB")):
        made.add_column(column, justify="left" if number < 3 else "right")
    for each in found:
        plain, share = sides_of(found, each)[PLAIN], share_of_tuned(found, each)
        waiting = each.median("waiting")
        made.add_row(
            *(each.case, name_side(found, each), each.rounds[0].way, milliseconds(each), CASES[each.case].unit),
            *(f"{each.median('per_second'):.3g}", f"{ratio(plain, each):.2f}", "" if share is None else f"{share:.2f}"),
            *("" if math.isnan(waiting) else f"{waiting:.1%}", f"{each.median('ready'):.1f}", str(each.peak_mb)),
        )
    return made


def side_by_side(machines: dict[str, list[Result]]) -> Table:
    """Return the ratios of several machines beside each other, a row for each side of each case."""
    made = Table(title="; ".join(f"{number}: {name}" for number, name in enumerate(machines, 1)))
    heads = ["", "side"]
    for number in range(1, len(machines) + 1):
        heads += [
            f"{number}: in",
            f"{number}: ms",
            f"{number}: plain is slower by",
            f"{number}: tuned takes, of its time",
        ]
    for column in heads:
        made.add_column(column, justify="left" if column in ("", "side") or column.endswith("in") else "right")
    rows = dict.fromkeys((each.case, each.side) for found in machines.values() for each in found)
    for case, side in rows:
        cells: list[str] = []
        for found in machines.values():
            each = next((one for one in found if (one.case, one.side) == (case, side)), None)
            if each is None:
                cells += ["", "", "", ""]
                continue
            share, slower = share_of_tuned(found, each), f"{ratio(sides_of(found, each)[PLAIN], each):.2f}"
            mark = REFUSED if is_refused(found, each) else ""
            cells += [
                each.rounds[0].way,
                milliseconds(each),
                f"{slower}{mark}",
                "" if share is None else f"{share:.2f}",
            ]
        made.add_row(case, side, *cells)
    return made


def sides_of(found: list[Result], each: Result) -> dict[str, Result]:
    """Return every side of the case that a result is of, by name."""
    return {other.side: other for other in found if other.case == each.case}


def find_tuned(found: list[Result], each: Result) -> Result:
    """Return the tuned side that a side is compared with: compiled where it is compiled."""
    return sides_of(found, each)[TUNED + (COMPILED if each.side.endswith(COMPILED) else "")]


def is_refused(found: list[Result], each: Result) -> bool:
    """Tell whether a side calls itself tuned and is slower than the plain loop."""
    return each.side.startswith(TUNED) and ratio(sides_of(found, each)[PLAIN], each) < 1


def name_side(found: list[Result], each: Result) -> str:
    """Return the name of a side; "by hand" for a tuned side that is slower than the plain loop."""
    return f"by hand{REFUSED}" if is_refused(found, each) else each.side


def share_of_tuned(found: list[Result], each: Result) -> float | None:
    """Return the time of the tuned loop as a share of the time of gan_lab; None for other sides, or without a tuned loop."""
    if not each.side.startswith(OWN) or is_refused(found, find_tuned(found, each)):
        return None
    return ratio(find_tuned(found, each), each)


def milliseconds(each: Result) -> str:
    """Return the median time in three digits."""
    return f"{each.median('ms'):.3g}" if each.median("ms") < 100 else f"{each.median('ms'):.0f}"


def read_results(path: Path) -> list[Result]:
    """Read the results in a file written with --json."""
    return [
        Result(**each | {"rounds": [Measured(**one) for one in each["rounds"]]})
        for each in json.loads(path.read_text())
    ]


def main() -> None:
    """Time, print."""
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.speed", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("cases", nargs="*", metavar="case", help=f"of {', '.join(CASES)}; all unless named")
    options.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    options.add_argument(
        "--seconds", type=float, default=15, help="of training, per side and round (default %(default)s)"
    )
    options.add_argument("--rounds", type=int, default=3, help="turns of every side (default %(default)s)")
    options.add_argument("--isa", choices=("AVX2", "AVX512_CORE", "AVX512_CORE_BF16"), help="use no newer instructions")
    options.add_argument(
        "--compare", nargs="+", type=Path, help="print files of --json, of other machines, beside each other"
    )
    options.add_argument("--compile", action="store_true", help="time trainings compiled as well")
    options.add_argument("--side", help=argparse.SUPPRESS)
    options.add_argument("--photos", help=argparse.SUPPRESS)
    options.add_argument("--json", type=Path)
    options.add_argument("--markdown", type=Path)
    arguments = options.parse_args()
    unknown = [name for name in arguments.cases if name not in CASES]
    if unknown:
        options.error(f"{unknown[0]} is no case; there are {', '.join(CASES)}")
    if arguments.side:
        case = CASES[arguments.cases[0]]
        if arguments.side != PLAIN:
            keep_freed_memory()
        measured = case.measure(arguments.side, arguments.seconds, Path(arguments.photos), arguments.device)
        print(json.dumps({"measured": asdict(measured), "peak_mb": peak()}))
        return
    console, found = Console(), []
    if arguments.compare:
        read = [each for path in arguments.compare for each in read_results(path)]
        machines = {
            name: [each for each in read if each.machine == name]
            for name in dict.fromkeys(each.machine for each in read)
        }
        made, arguments.json = side_by_side(machines), None
        write(read, made, arguments)
        console.print(made)
        return
    title = machine(arguments)
    with tempfile.TemporaryDirectory(prefix="gan_lab_photos_") as photos:
        write_photos(Path(photos))
        for name in arguments.cases or CASES:
            found += results(name, photos, arguments, console)
            made = table(found, title)
            write(found, made, arguments)  # a long table, stopped, is not lost
    console.print(made)
    for each in found:
        if is_refused(found, each):
            print(f"{each.case}, {each.side}: slower than the plain loop, so not called tuned", file=sys.stderr)


if __name__ == "__main__":
    main()
