"""Which precision and memory layout networks are computed in: those that this machine was measured to be fastest in."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from gan_lab.hardware.speeds import Speeds, Way, get_name, get_speeds

#: Images of a batch up to which the kinds with few images stand for it.
FEW = 4
#: The share of the time by which another precision, and another memory layout, must be faster than the stated rule's to be
#: taken: what measurements differ by, and how far a few layers stand for a network.
NOISE = 0.03
_CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


@dataclass(frozen=True)
class Choice:
    """What networks are computed in.

    Attributes:
        dtype: of what is multiplied; weights and losses stay float32.
        channels_last: the memory layout: NHWC, or NCHW.
        reason: of the precision, in words.
    """

    dtype: torch.dtype
    channels_last: bool
    reason: str

    @property
    def memory_format(self) -> torch.memory_format:
        """Return the memory layout as torch has it."""
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def __str__(self) -> str:
        return f"precision {get_name(self.dtype)} ({self.reason}), {'channels_last' if self.channels_last else 'NCHW'}"


def cast_to(dtype: torch.dtype, device: torch.device) -> torch.autocast:
    """Return a context in which networks compute in `dtype` where it costs nothing that shows."""
    return torch.autocast(device.type, dtype, enabled=dtype is not torch.float32)


def choose(
    networks: Iterable[nn.Module],
    device: torch.device,
    *,
    batch: int,
    training: bool,
    dtypes: Sequence[torch.dtype] = (torch.float32, torch.bfloat16),
) -> Choice:
    """Return the precision and memory layout in which this machine computes layers like those of the networks fastest.

    Args:
        networks: to be used, or trained.
        device: that they will be on.
        batch: images at once.
        training: forward and backward; else forward only.
        dtypes: to choose from.
    """
    layers: Counter[str] = Counter()
    for network in networks:
        layers += count_layers(network)
    speeds = get_speeds(device.type, torch.get_num_threads())
    if speeds is None:
        return replace(follow_rule(device, dtypes), reason="by rule: too busy to be measured")
    return find_fastest(speeds, device, layers, batch <= FEW, training, dtypes)


def find_fastest(
    speeds: Speeds,
    device: torch.device,
    layers: Counter[str],
    few: bool,
    training: bool,
    dtypes: Sequence[torch.dtype],
) -> Choice:
    """Return the fastest precision and memory layout for layers, by the figures of a machine; see `choose`."""
    shares = {way: speeds.relative(way, layers, few, training) for way in speeds.ways if way.dtype in dtypes}
    if not shares:  # the machine emulates what is asked for
        return replace(follow_rule(device, dtypes), reason="as asked for")
    rule = find_rule_way(device, dtypes)

    def share_of(dtype: torch.dtype) -> float:
        return min(share for way, share in shares.items() if way.dtype is dtype)

    known = {way.dtype for way in shares}
    dtype = min(known, key=lambda each: share_of(each) * (1 - NOISE * (each is rule.dtype)))
    last, first = (shares.get(Way(dtype, channels_last), math.inf) for channels_last in (True, False))
    best = Way(dtype, last * (1 - NOISE) <= first)
    where = "this GPU" if device.type == "cuda" else "this CPU"
    return Choice(best.dtype, best.channels_last, _explain_choice(best, shares, dtypes, where))


def _explain_choice(best: Way, shares: Mapping[Way, float], dtypes: Sequence[torch.dtype], device: str) -> str:
    """Return why a way's type was taken of those that are allowed."""
    if len(dtypes) == 1:
        return "as asked for"
    other = next(dtype for dtype in dtypes if dtype is not best.dtype)
    shares_of_other = [share for way, share in shares.items() if way.dtype is other]
    if not shares_of_other:
        return f"{device} has no {get_name(other)}"
    speed = f"{shares[best] / min(shares_of_other):.1f}"
    return f"{get_name(other)} is {'as' if speed == '1.0' else f'{speed} times as'} fast on {device}"


def follow_rule(device: torch.device, dtypes: Sequence[torch.dtype] = (torch.float32, torch.bfloat16)) -> Choice:
    """Return the precision and memory layout to use without a measurement: the same on every machine of a kind.

    bf16 on a GPU that computes in it and on a CPU with matrix units (AMX), else fp32; channels_last.
    """
    way = find_rule_way(device, dtypes)
    return Choice(way.dtype, way.channels_last, "by rule, not measured")


def find_rule_way(device: torch.device, dtypes: Sequence[torch.dtype]) -> Way:
    """Return the way that the rule names; see `follow_rule`."""
    wanted = torch.bfloat16 if promises_bf16(device, ("amx_bf16",)) else torch.float32
    return Way(wanted if wanted in dtypes else dtypes[0], True)


def promises_bf16(device: torch.device, flags: Sequence[str] = ("amx_bf16", "avx512_bf16")) -> bool:
    """Return whether a GPU computes in bf16, or a CPU has one of the flags: what it promises, not how fast it is."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    try:
        flags_of_cpu = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return any(flag in flags_of_cpu for flag in flags)


def count_layers(network: nn.Module) -> Counter[str]:
    """Return how many layers of each kind of `gan_lab.hardware.speeds.KINDS` a network has."""
    modules = list(network.modules())
    found: Counter[str] = Counter()
    for module in modules:
        if isinstance(module, _CONVOLUTIONS):
            if module.groups > 1:
                found["depthwise" if module.groups == module.in_channels else "grouped"] += 1
            elif max(module.stride) > 1 or isinstance(module, nn.ConvTranspose2d):
                found["sampling"] += 1
            elif max(module.kernel_size) > 1:
                found["residual"] += 1
    if not found:  # beside convolutions, what is dense is small
        found["dense"] = sum(isinstance(module, nn.Linear) for module in modules)
    return +found
