"""Time the shipped restorer in torch, eager and compiled, and in ONNX Runtime and OpenVINO, where these are installed.

    python -m benchmarks.enhance_runtimes [--side 512] [--rounds 5] [--seconds 2] [--checkpoint faithful] [--markdown out.md]

All get the same tile of --side pixels, batch 1, in turns in one process, on as many threads as torch takes; the median call of
--seconds a turn, then the median over rounds, and how far the result is from that of fp32, in levels of 255. `ready` is
loading, exporting, compiling and the first call. The network is folded, as it is used, but for the first. To be run once for
each kind of machine; the choice stands in docs/adr/0011-cpu-inference.md. The runtimes: pip install onnx onnxscript
onnxruntime openvino.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import nn

import gan_lab
from benchmarks.contest import write
from gan_lab.inference import bundle

Run = Callable[[], np.ndarray]


@dataclass(frozen=True)
class Result:
    """What one way of running the network takes: ms a call, seconds until ready, levels away from fp32."""

    name: str
    ms: float
    ready: float
    levels: float


def restorer(checkpoint: str, *, folded: bool = True) -> nn.Module:
    """Return the shipped restorer."""
    found = bundle.network("restorer", bundle.read_bundle(gan_lab.load(checkpoint, device="cpu").path)["restorer"])
    found = found.eval().requires_grad_(False)
    if folded:
        found.fold()
    return found


def in_torch(checkpoint: str, image: torch.Tensor, dtype: torch.dtype, last: bool, compiled: bool) -> Run:
    """Return the network in torch."""
    layout = torch.channels_last if last else torch.contiguous_format
    network = restorer(checkpoint, folded=last).to(dtype=dtype, memory_format=layout)
    given = image.to(dtype=dtype, memory_format=layout)
    if compiled:
        network.compile(dynamic=False)

    @torch.inference_mode()
    def run() -> np.ndarray:
        return network(given).float().numpy()

    return run


def in_onnx_runtime(model: Path, image: torch.Tensor) -> Run:
    """Return the network in ONNX Runtime, fp32."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    given = image.numpy()
    return lambda: session.run(None, {entry.name: given})[0]


def in_openvino(model: Path, image: torch.Tensor, precision: str) -> Run:
    """Return the network in OpenVINO."""
    import openvino

    settings = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": torch.get_num_threads()}
    compiled = openvino.Core().compile_model(str(model), "CPU", settings)
    given = image.numpy()
    return lambda: next(iter(compiled(given).values()))


def contenders(checkpoint: str, image: torch.Tensor, folder: Path) -> dict[str, Callable[[], Run]]:
    """Return how each way is made ready, by name, the plain one first."""
    fp32, bf16 = torch.float32, torch.bfloat16
    found: dict[str, Callable[[], Run]] = {
        "eager, fp32, NCHW": lambda: in_torch(checkpoint, image, fp32, False, False),
        "eager, fp32, channels last": lambda: in_torch(checkpoint, image, fp32, True, False),
        "eager, bf16, channels last": lambda: in_torch(checkpoint, image, bf16, True, False),
        "compiled, fp32, channels last": lambda: in_torch(checkpoint, image, fp32, True, True),
        "compiled, bf16, channels last": lambda: in_torch(checkpoint, image, bf16, True, True),
    }
    model = folder / "restorer.onnx"

    def exported() -> Path:
        if not model.exists():
            torch.onnx.export(restorer(checkpoint), (image,), model, dynamo=True, verbose=False)
        return model

    if all(importlib.util.find_spec(name) for name in ("onnx", "onnxscript", "onnxruntime")):
        found["ONNX Runtime, fp32"] = lambda: in_onnx_runtime(exported(), image)
    if all(importlib.util.find_spec(name) for name in ("onnx", "onnxscript", "openvino")):
        found["OpenVINO, fp32"] = lambda: in_openvino(exported(), image, "f32")
        found["OpenVINO, bf16"] = lambda: in_openvino(exported(), image, "bf16")
    return found


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=512, help="of the tile, in pixels")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="of each in a round")
    parser.add_argument("--checkpoint", default="faithful")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    arguments = parser.parse_args()
    console = Console()
    image = torch.rand(1, 3, arguments.side, arguments.side, generator=torch.Generator().manual_seed(0)) * 2 - 1
    image = nn.functional.avg_pool2d(image, 5, 1, 2)
    runs: dict[str, Run] = {}
    ready: dict[str, float] = {}
    made: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory(prefix="gan_lab_runtimes_") as folder:
        for name, prepare in contenders(arguments.checkpoint, image, Path(folder)).items():
            began = time.perf_counter()
            with console.status(f"{name}: loading"):
                runs[name] = prepare()
                made[name] = runs[name]()
            ready[name] = time.perf_counter() - began
    rounds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(arguments.rounds):
        for name, run in runs.items():
            with console.status(f"round {turn + 1} of {arguments.rounds}: {name}"):
                times: list[float] = []
                while sum(times) < arguments.seconds:
                    began = time.perf_counter()
                    run()
                    times.append(time.perf_counter() - began)
                rounds[name].append(1e3 * statistics.median(times))
    first = next(iter(runs))
    found = [
        Result(name, statistics.median(ms), ready[name], 127.5 * float(np.abs(made[name] - made[first]).mean()))
        for name, ms in rounds.items()
    ]
    threads = f"{torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}, {os.uname().machine}"
    table = Table(title=f"{arguments.side}x{arguments.side} pixels, {threads}")
    for column in ("", "ms", "times as fast as the first", "levels from it", "ready, s"):
        table.add_column(column, justify="right" if column else "left")
    for each in found:
        ratio = statistics.median(a / b for a, b in zip(rounds[first], rounds[each.name], strict=True))
        table.add_row(each.name, f"{each.ms:.0f}", f"{ratio:.2f}", f"{each.levels:.3f}", f"{each.ready:.1f}")
    console.print(table)
    write(found, table, arguments)
    if missing := [
        name for name in ("onnx", "onnxscript", "onnxruntime", "openvino") if not importlib.util.find_spec(name)
    ]:
        console.print(f"not timed, for want of a package: {', '.join(missing)}")


if __name__ == "__main__":
    main()
