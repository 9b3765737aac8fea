"""How long does a start on many photos take, and how much memory, with and without what the start before has learnt?

    python -m benchmarks.catalogue_start [--files 10000 100000 1000000] [--shards] [--folder /tmp] [--json starts.json]
        [--plot starts.png [--beside earlier.json ...]]

`--plot` needs matplotlib: pip install --group plots (or pip install matplotlib).

For each size a tree is made and removed again: JPEG files of 32x32, a thousand in a folder, every one of other noise, so that
none counts as another's duplicate (a file takes a block of the disk, 4 KB as a rule: 4 GB and as many inodes as files). Each
start is a process of its own; its seconds run from the datamodule's construction to the first training batch, without the
imports, and its CPU seconds are what they would be on an idle core. Memory is resident memory above that of the imports: the
most of the start itself, and how much it has grown by from the first batch to the last of --batches, the workers' shares
included, with data.cache_mb=0. The first start finds an empty index; the second is the next one; "off" has data.index=false.
The file system's cache is warm in all, as the files have just been written; real photos take longer to decode at the first
start, and no longer at the second. With --shards each thousand files lie in a tar file, and near-duplicates are not looked for,
as `data=shards` has it. --plot draws the starts, those in other calls' --json too.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

IN_A_FOLDER = 1000
#: A file's noise: coarse enough to survive JPEG, fine enough to fill the hash that finds duplicates.
COARSE = 12


def make_tree(root: Path, files: int, shards: bool) -> None:
    for number in range(0, files, IN_A_FOLDER):
        folder = root / f"{number // IN_A_FOLDER:04d}"
        folder.mkdir(parents=True)
        noise = np.random.default_rng(number).integers(0, 256, (IN_A_FOLDER, COARSE, COARSE, 3), dtype=np.uint8)
        for row in range(min(IN_A_FOLDER, files - number)):
            Image.fromarray(noise[row]).resize((32, 32)).save(folder / f"{number + row:07d}.jpg")
        if shards:
            with tarfile.open(folder.with_suffix(".tar"), "w") as shard:
                shard.add(folder, folder.name)
            shutil.rmtree(folder)


def memory(children: list[int]) -> float:
    """Return the resident memory of this process and the shares of its children, in MB."""
    own = Path("/proc/self/smaps_rollup"), *(Path(f"/proc/{child}/smaps_rollup") for child in children)
    lines = [line.split() for path in own for line in path.read_text().splitlines()]
    return sum(int(words[1]) for words in lines if words[0] == "Pss:") / 1024


def start(options: argparse.Namespace) -> dict[str, float]:
    """Start on a tree as a training does, in this process."""
    from gan_lab.data import Products

    logging.basicConfig(level=logging.INFO, format="%(relativeCreated)7d %(message)s")
    Path("/proc/self/clear_refs").write_text("5")  # the peak of what follows, not that of the imports
    base, began, busy = peak(), time.perf_counter(), time.process_time()
    index = False if options.index == "off" else options.index
    own = {"image_size": 32, "batch_size": 16, "cache_mb": 0, "num_workers": options.workers, "index": index}
    data = Products(options.start, **own, **({"near_duplicates": None} if options.shards else {}))
    batches = iter(data.train_dataloader())
    next(batches)
    seconds, busy, most = time.perf_counter() - began, time.process_time() - busy, peak() - base
    workers = [worker.pid for worker in getattr(batches, "_workers", [])]
    first = memory(workers)
    for _ in range(options.batches):
        next(batches)
    return {
        "seconds": seconds,
        "cpu_seconds": busy,
        "peak_mb": most,
        "grown_mb": memory(workers) - first,
        "base_mb": base,
    }


def peak() -> float:
    words = [line.split() for line in Path("/proc/self/status").read_text().splitlines()]
    return next(int(line[1]) for line in words if line[0] == "VmHWM:") / 1024


def measured(root: Path, index: str, options: argparse.Namespace) -> dict[str, Any]:
    """Start in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.catalogue_start", "--start", str(root), "--index", index]
    command += [
        "--workers",
        str(options.workers),
        "--batches",
        str(options.batches),
        *(["--shards"] if options.shards else []),
    ]
    return dict(json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout))


def plot(found: list[dict[str, Any]], file: Path) -> None:
    """Draw seconds and memory of first and second starts over the number of files."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.6))
    for axis, key, name in zip(
        axes, ("cpu_seconds", "peak_mb"), ("CPU seconds of a start", "memory above the imports, MB"), strict=True
    ):
        for kept, colour in (("folders", "#0072b2"), ("shards", "#e69f00")):
            for start, line in (("first", "o-"), ("second", "o--")):
                rows = sorted((row["files"], row[key]) for row in found if (row["kept"], row["start"]) == (kept, start))
                if rows:
                    axis.plot(*zip(*rows, strict=True), line, color=colour, label=f"{kept}, {start} start")
        axis.set(xscale="log", yscale="log", xlabel="files", ylabel=name)
        axis.grid(alpha=0.3)
    axes[1].legend(loc="upper left")
    figure.tight_layout()
    figure.savefig(file, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--folder", help="where the trees are made; else the system's temporary folder")
    parser.add_argument("--shards", action="store_true", help="pack the files into tar files")
    parser.add_argument("--off", action="store_true", help="start without the index, too")
    parser.add_argument("--batches", type=int, default=300, help="batches of 16 after the first")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    parser.add_argument("--plot", type=Path, help="draw them there")
    parser.add_argument("--beside", type=Path, nargs="+", default=[], help="other calls' --json, to be drawn too")
    parser.add_argument("--start", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--index", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.start:
        print(json.dumps(start(options)))
        return
    table = Table(title=f"starts with {options.workers} workers, and {options.batches} batches of 16")
    for column in ("files", "start", "s to the first batch", "CPU s", "peak MB", "grown MB", "index MB"):
        table.add_column(column, justify="right")
    found: list[dict[str, Any]] = []
    for files in options.files:
        folder = Path(tempfile.mkdtemp(prefix="catalogue_start_", dir=options.folder))
        try:
            root, index = folder / "photos", folder / "index"
            make_tree(root, files, options.shards)
            time.sleep(3)  # photos written in the last seconds are not indexed: they may change again unseen
            for name in ("first", "second", *(["off"] if options.off else [])):
                row = measured(root, "off" if name == "off" else str(index), options)
                row |= {"files": files, "start": name, "kept": "shards" if options.shards else "folders"}
                row["index_mb"] = sum(path.stat().st_size for path in index.iterdir()) / 2**20
                found.append(row)
                times = [f"{row[key]:.1f}" for key in ("seconds", "cpu_seconds")]
                sizes = [f"{row[key]:.0f}" for key in ("peak_mb", "grown_mb", "index_mb")]
                table.add_row(f"{files:,}", name, *times, *sizes)
                print(json.dumps(row), file=sys.stderr, flush=True)
        finally:
            shutil.rmtree(folder)
    Console(width=120).print(table)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    if options.plot:
        plot([*found, *(row for file in options.beside for row in json.loads(file.read_text()))], options.plot)


if __name__ == "__main__":
    main()
