"""How fast this machine computes layers of the kinds that our networks have, by number format and memory layout.

What a processor's flags promise is not what it does: a CPU with AVX512-BF16 and without matrix units (AMX) trains CycleGAN
in bf16 at 0.6 of its speed in fp32, and a VAE at 1.5 times that. So small networks of a few layers are timed, once for each
machine, version of torch and number of threads; the figures are kept in the user's cache.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.backends import mkldnn
from torch.nn import functional

from gan_lab.hardware.memory import user_cache
from gan_lab.storage import decode_json, read_regular, write_atomically

log = logging.getLogger(__name__)

#: What all measurements together take, in seconds.
BUDGET = 0.9
#: Version of what is measured: a change of the networks below makes older figures worthless.
VERSION = 6
#: Bytes that a file of figures has at most.
MOST_BYTES = 1 << 16
#: Seconds for which a way is called again and again in its turn: a single short call pays for the way before it.
TURN = 0.004
#: A way of computing that takes this many times as long as the best one is not timed again.
HOPELESS = 2.5
#: Noise from which a measurement is not believed; see `Speeds.noise`.
NOISY = 0.1
#: Variables by which a user changes what the CPU's libraries do.
VARIABLES = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY", "ONEDNN_DEFAULT_FPMATH_MODE")


@dataclass(frozen=True)
class Way:
    """A way of computing.

    Attributes:
        dtype: of what is multiplied.
        channels_last: the memory layout of images and of convolutions' weights: NHWC, or NCHW.
    """

    dtype: torch.dtype
    channels_last: bool

    def __str__(self) -> str:
        return f"{get_name(self.dtype)}, {'channels_last' if self.channels_last else 'NCHW'}"


#: What a tutorial's loop computes in, and every figure is compared with.
PLAIN = Way(torch.float32, False)


@dataclass(frozen=True)
class Seconds:
    """What a small network takes, in seconds: forward, and backward."""

    forward: float
    backward: float


@dataclass(frozen=True)
class Kind:
    """Layers of a kind, and how many images they are given: a small network that stands for them.

    Attributes:
        name: of the kind.
        few: one image; else 16.
        build: makes the network.
        shape: of an image's features [C, H, W], or [C].
    """

    name: str
    few: bool
    build: Callable[[], nn.Module]
    shape: tuple[int, ...]


class Depthwise(nn.Module):
    """A block of the restorer: norm over the channels, 1x1, depthwise 3x3, 1x1."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.expand = nn.Conv2d(channels, 2 * channels, 1)
        self.mix = nn.Conv2d(2 * channels, 2 * channels, 3, padding=1, groups=2 * channels)
        self.project = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, C, H, W] for the same."""
        first, second = self.mix(self.expand(self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))).chunk(2, 1)
        return x + self.project(first * second)


class InstanceNorm(nn.Module):
    """The norm of a single image as `gan_lab.networks.InstanceNorm2d` computes it in each memory layout."""

    def forward(self, x: Tensor) -> Tensor:
        """Return [1, C, H, W] for the same."""
        if x.is_contiguous(memory_format=torch.channels_last):
            return functional.batch_norm(x, None, None, training=True)
        return functional.group_norm(x, x.shape[1])


def _build_residual(channels: int, norm: Callable[[int], nn.Module]) -> nn.Module:
    """Return a convolution of 3x3, as the residual blocks of CycleGAN's generator and of SNGAN's networks have them."""
    return nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), norm(channels), nn.ReLU())


def _build_sampling(channels: int) -> nn.Module:
    """Return a strided and a transposed convolution of 4x4, as DCGAN's, the VAE's and PatchGAN's networks have them."""
    return nn.Sequential(
        nn.Conv2d(channels, 2 * channels, 4, 2, 1, bias=False),
        nn.BatchNorm2d(2 * channels),
        nn.LeakyReLU(0.2),
        nn.ConvTranspose2d(2 * channels, channels, 4, 2, 1, bias=False),
        nn.BatchNorm2d(channels),
    )


def _build_single_sampling(channels: int) -> nn.Module:
    """Return a strided and a transposed convolution of 3x3, as CycleGAN's generator has them, which is given single images."""
    return nn.Sequential(
        nn.Conv2d(channels, 2 * channels, 3, 2, 1, bias=False),
        InstanceNorm(),
        nn.ReLU(),
        nn.ConvTranspose2d(2 * channels, channels, 3, 2, 1, 1, bias=False),
        InstanceNorm(),
        nn.ReLU(),
    )


def _build_grouped(channels: int) -> nn.Module:
    """Return a block of R3GAN's: 1x1, 3x3 in groups of 16 channels, 1x1."""
    return nn.Sequential(
        nn.Conv2d(channels, 2 * channels, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(2 * channels, 2 * channels, 3, padding=1, groups=channels // 8),
        nn.LeakyReLU(0.2),
        nn.Conv2d(2 * channels, channels, 1),
    )


#: The features are as large as those of our networks: on small ones a CPU's backward pass prefers another layout.
KINDS = (
    Kind("residual", True, lambda: _build_residual(128, lambda _: InstanceNorm()), (128, 64, 64)),
    Kind("residual", False, lambda: _build_residual(64, nn.BatchNorm2d), (64, 32, 32)),
    Kind("sampling", True, lambda: _build_single_sampling(64), (64, 64, 64)),
    Kind("sampling", False, lambda: _build_sampling(32), (32, 32, 32)),
    Kind("depthwise", True, lambda: Depthwise(64), (64, 64, 64)),
    Kind("depthwise", False, lambda: Depthwise(48), (48, 16, 16)),
    Kind("grouped", False, lambda: _build_grouped(64), (64, 16, 16)),
    Kind("dense", False, lambda: nn.Sequential(nn.Linear(512, 1024), nn.LeakyReLU(0.2), nn.Linear(1024, 512)), (512,)),
)


class Speeds:
    """What the networks of `KINDS` take on a device, in each way of computing.

    Args:
        seconds: by kind's name and whether its images are few, then by way.
    """

    def __init__(self, seconds: Mapping[tuple[str, bool], Mapping[Way, Seconds]]) -> None:
        self.seconds = {kind: dict(ways) for kind, ways in seconds.items()}

    def relative(self, way: Way, layers: Mapping[str, int], few: bool, training: bool) -> float:
        """Return the time of a way as a share of the time of `PLAIN`, averaged over layers: below 1 is faster.

        Args:
            way: of computing.
            layers: how many there are of each kind.
            few: the batch has few images; see `Kind`.
            training: forward and backward; else forward only.

        Returns:
            The mean over the layers; 1 where none of them is of a kind that is measured, infinite for a way that is not.
        """
        total = weights = 0.0
        for name, count in layers.items():
            ways = self.seconds.get((name, few)) or self.seconds.get((name, not few))
            if ways is None:
                continue
            if way not in ways:
                return math.inf
            own, plain = (each.forward + each.backward * training for each in (ways[way], ways[PLAIN]))
            total += count * own / plain
            weights += count
        return total / weights if weights else 1.0

    @property
    def noise(self) -> float:
        """Return by which share the slower of two measurements of the same work is above the other.

        Layers without convolutions compute the same in both memory layouts.
        """
        ways = self.seconds.get(("dense", False), {})
        shares = []
        for way, own in ways.items():
            other = ways.get(Way(way.dtype, not way.channels_last), own)
            shares.append((own.forward + own.backward) / (other.forward + other.backward) - 1)
        return max(shares, default=0.0)

    def merge_fastest(self, other: Speeds) -> Speeds:
        """Return the faster of two measurements of each kind and way."""
        return Speeds(
            {
                kind: {
                    way: Seconds(min(one.forward, two.forward), min(one.backward, two.backward))
                    for way, one in ways.items()
                    for two in [other.seconds[kind][way]]
                }
                for kind, ways in self.seconds.items()
            }
        )

    @property
    def ways(self) -> list[Way]:
        """Return the ways that were measured."""
        return list(next(iter(self.seconds.values())))

    def as_data(self) -> dict[str, Any]:
        """Return the figures as JSON has them."""
        return {
            f"{name} {'few' if few else 'many'}": {
                str(way): [each.forward, each.backward] for way, each in ways.items()
            }
            for (name, few), ways in self.seconds.items()
        }

    @classmethod
    def from_data(cls, data: Any) -> Speeds:
        """Return the figures that `as_data` gave.

        Raises:
            ValueError: it gave no such thing.
        """
        ways = {str(way): way for way in list_all_ways()}
        kinds = {f"{kind.name} {'few' if kind.few else 'many'}": (kind.name, kind.few) for kind in KINDS}
        if type(data) is not dict or data.keys() != kinds.keys():
            raise ValueError("other kinds of layers")
        found: dict[tuple[str, bool], dict[Way, Seconds]] = {}
        for kind, figures in data.items():
            if type(figures) is not dict or str(PLAIN) not in figures or not figures.keys() <= ways.keys():
                raise ValueError(f"{kind}: other ways of computing")
            for way, pair in figures.items():
                sound = type(pair) is list and len(pair) == 2 and all(type(each) is float for each in pair)
                if not sound or not all(0 < each < 1e3 for each in pair):
                    raise ValueError(f"{kind}, {way}: not two times in seconds")
            found[kinds[kind]] = {ways[way]: Seconds(*pair) for way, pair in figures.items()}
        return cls(found)


#: What this process knows already, by device and number of threads.
_known: dict[tuple[str, int], Speeds] = {}


def list_all_ways() -> list[Way]:
    """Return every way of computing that some machine is measured in."""
    return [Way(dtype, last) for dtype in (torch.float32, torch.bfloat16, torch.float16) for last in (False, True)]


def list_ways(device: torch.device) -> list[Way]:
    """Return the ways of computing that a device has, `PLAIN` first."""
    dtypes = {way.dtype for way in list_all_ways() if has_dtype(device, way.dtype)}
    return [way for way in list_all_ways() if way.dtype in dtypes]


def has_dtype(device: torch.device, dtype: torch.dtype) -> bool:
    """Return whether a device multiplies numbers of a type, at whatever speed; else it is emulated, tens of times slower."""
    if dtype is torch.float32:
        return True
    if device.type == "cuda":
        return dtype is not torch.bfloat16 or torch.cuda.is_bf16_supported(including_emulation=False)
    return dtype is torch.bfloat16 and mkldnn.is_available() and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def get_speeds(device_type: str, threads: int) -> Speeds | None:
    """Return the figures of this machine: those in the user's cache, or measured now and kept there.

    Args:
        device_type: "cpu" or "cuda", the current GPU.
        threads: that torch computes with.

    Returns:
        None where the machine is too busy to be measured.
    """
    if (device_type, threads) in _known:
        return _known[device_type, threads]
    device = torch.device(device_type)
    machine = describe_machine(device, threads)
    path = _path(machine)
    speeds = None if path is None else read_speeds(path)
    if speeds is None:
        began = time.perf_counter()
        speeds = measure_speeds(device)
        if speeds.noise > NOISY:
            speeds = speeds.merge_fastest(measure_speeds(device))
        log.info("looked at how fast this machine computes, once, in %.1f s", time.perf_counter() - began)
        if speeds.noise > NOISY:
            log.info("it is too busy for that now: the same work took up to %.1f times as long", 1 + speeds.noise)
            return None
        if path is not None:
            _keep(path, machine, speeds)
    _known[device_type, threads] = speeds
    return speeds


def _keep(path: Path, machine: dict[str, str], speeds: Speeds) -> None:
    content = json.dumps({"machine": machine, "seconds": speeds.as_data()}, indent=1)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with write_atomically(path) as file:
            file.write(content.encode())
    except OSError as error:
        log.info("%s; it is measured again at the next start", error)


def read_speeds(path: Path) -> Speeds | None:
    """Return the figures in a file; None where there is none, or it is damaged or not ours."""
    try:
        content = decode_json(read_regular(path, MOST_BYTES))
        return Speeds.from_data(content["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def describe_machine(device: torch.device, threads: int) -> dict[str, str]:
    """Return the properties of the machine and its libraries that the figures depend on."""
    about = {
        "version": str(VERSION),
        "torch": str(torch.__version__),
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "cpu": describe_cpu(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "threads": str(threads),
    }
    return about | {name: os.environ[name] for name in VARIABLES if name in os.environ}


def describe_cpu() -> str:
    """Return the CPU's model, its family and its flags, in short; what Python knows of it where Linux does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n", 1)[0].splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    entries = dict(line.replace("\t", "").split(":", 1) for line in lines if ":" in line)
    flags = hashlib.sha256(entries.get("flags", entries.get("Features", "")).encode()).hexdigest()[:8]
    model = " ".join(entries.get(name, "").strip() for name in ("model name", "cpu family", "model", "stepping"))
    return f"{' '.join(model.split())} {flags}"


def measure_speeds(device: torch.device, budget: float = BUDGET) -> Speeds:
    """Time the networks of `KINDS` on a device, the ways of each in turns.

    Args:
        device: a CPU or a GPU.
        budget: seconds for all of them.

    Returns:
        For each kind and way the fastest of several calls: other load on the machine only ever adds to them.
    """
    ways, found = list_ways(device), {}
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), torch.enable_grad():
        for kind in KINDS:
            found[kind.name, kind.few] = _time_kind(kind, ways, device, budget / len(KINDS))
    return Speeds(found)


def _time_kind(kind: Kind, ways: list[Way], device: torch.device, budget: float) -> dict[Way, Seconds]:
    began = time.perf_counter()
    calls = {way: _prepare(kind, way, device) for way in ways}
    best: dict[Way, Seconds] = {}
    turns = 0
    while turns < 2 or time.perf_counter() - began < budget:
        for way in ways:
            fastest = min((each.forward + each.backward for each in best.values()), default=math.inf)
            if turns > 1 and best[way].forward + best[way].backward > HOPELESS * fastest:
                continue
            until = time.perf_counter() + TURN
            while True:  # the first call sets up what the later ones use, and finds the caches full of another way's
                forward, backward = calls[way]()
                before = best.get(way, Seconds(math.inf, math.inf))
                best[way] = Seconds(min(forward, before.forward), min(backward, before.backward))
                if time.perf_counter() >= until:
                    break
        turns += 1
    return best


def _prepare(kind: Kind, way: Way, device: torch.device) -> Callable[[], tuple[float, float]]:
    """Return a function that runs a network once and returns the seconds of its forward and backward pass."""
    network = kind.build().to(device)
    # a GPU would time its own launches on features as small as a CPU's
    channels, *sides = kind.shape
    sides = [4 * side if device.type == "cuda" else side for side in sides]
    batch = torch.randn(1 if kind.few else 16, channels, *sides, device=device)
    if way.channels_last and len(kind.shape) == 3:
        network = network.to(memory_format=torch.channels_last)
        batch = batch.contiguous(memory_format=torch.channels_last)
    batch.requires_grad_()

    def run() -> tuple[float, float]:
        network.zero_grad()
        times = [_now(device)]
        with torch.autocast(device.type, way.dtype, enabled=way.dtype is not torch.float32):
            result = network(batch)
        # laid out as the next layer's would be: a mean's gradient is not, and each layout would pay for that differently
        gradient = torch.ones_like(result)
        times.append(_now(device))
        result.backward(gradient)
        times.append(_now(device))
        return times[1] - times[0], times[2] - times[1]

    return run


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def _path(machine: dict[str, str]) -> Path | None:
    """Return the file of a machine's figures; None where the user has no cache."""
    key = hashlib.sha256(json.dumps(machine, sort_keys=True).encode()).hexdigest()[:16]
    try:
        return user_cache("speeds") / f"{key}.json"
    except OSError:
        return None


def get_name(dtype: torch.dtype) -> str:
    """Return a number format's short name."""
    return {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}[dtype]
