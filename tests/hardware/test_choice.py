"""What networks are computed in: what was measured to be fastest."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch
from torch import nn

from gan_lab import hardware
from gan_lab.config import compose, instantiate
from gan_lab.hardware import choice, choose, follow_rule
from gan_lab.hardware.choice import count_layers
from gan_lab.hardware.speeds import KINDS, PLAIN, Seconds, Speeds, Way

CPU = torch.device("cpu")
FP32, BF16 = torch.float32, torch.bfloat16
BOTH = (FP32, BF16)
WAYS = [Way(dtype, last) for dtype in BOTH for last in (False, True)]


def fake(monkeypatch: pytest.MonkeyPatch, seconds: dict[Way, float], **kinds: dict[Way, float]) -> None:
    """Have the machine measured to take so long, for every kind of layer but those that are given."""
    found = {
        (kind.name, kind.few): {
            way: Seconds(took / 3, 2 * took / 3) for way, took in (seconds | kinds.get(kind.name, {})).items()
        }
        for kind in KINDS
    }
    monkeypatch.setattr(choice, "get_speeds", lambda device, threads: Speeds(found))


def rule(monkeypatch: pytest.MonkeyPatch, *, amx: bool) -> None:
    monkeypatch.setattr(choice, "promises_bf16", lambda device, flags=(): amx)


def convolutions() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))


@pytest.mark.parametrize("amx", [True, False])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("best", WAYS, ids=str)
def test_the_fastest_is_taken_whatever_the_flags_promise(
    best: Way, training: bool, amx: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule(monkeypatch, amx=amx)
    fake(monkeypatch, {way: 1.0 if way == best else 1.5 for way in WAYS})
    found = choose([convolutions()], CPU, batch=1, training=training)
    assert (found.dtype, found.channels_last) == (best.dtype, best.channels_last)


def test_what_is_as_fast_as_the_rule_within_the_noise_leaves_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    rule(monkeypatch, amx=True)
    fake(monkeypatch, {way: 1.0 if way == Way(BF16, True) else 0.98 for way in WAYS})
    found = choose([convolutions()], CPU, batch=1, training=True)
    assert (found.dtype, found.channels_last) == (BF16, True)


def test_the_kinds_of_layers_that_a_network_has_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    rule(monkeypatch, amx=False)
    slow = {way: 1.7 if way.dtype is BF16 else 1.0 for way in WAYS}
    quick = {way: 0.6 if way.dtype is BF16 else 1.0 for way in WAYS}
    fake(monkeypatch, slow, sampling=quick)
    models = {name: instantiate(compose("train", [f"model={name}"]).model) for name in ("cyclegan", "vae")}
    found = {
        name: choose(model.list_trainable_networks(), CPU, batch=1, training=True).dtype
        for name, model in models.items()
    }
    assert found == {"cyclegan": FP32, "vae": BF16}


def test_it_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    rule(monkeypatch, amx=False)
    fake(monkeypatch, {PLAIN: 1.1, Way(FP32, True): 1.0, Way(BF16, False): 1.9, Way(BF16, True): 1.7})
    found = choose([convolutions()], CPU, batch=1, training=True)
    assert str(found) == "precision fp32 (bf16 is 0.6 times as fast on this CPU), channels_last"
    fake(monkeypatch, {PLAIN: 1.0, Way(FP32, True): 1.2})
    found = choose([convolutions()], CPU, batch=1, training=True)
    assert str(found) == "precision fp32 (this CPU has no bf16), NCHW"


@pytest.mark.parametrize(("dtype", "last"), [(FP32, False), (BF16, True)])
def test_a_precision_that_is_asked_for_leaves_the_layout_open(
    dtype: torch.dtype, last: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(monkeypatch, {PLAIN: 1.0, Way(FP32, True): 1.3, Way(BF16, False): 0.9, Way(BF16, True): 0.7})
    found = choose([convolutions()], CPU, batch=1, training=True, dtypes=[dtype])
    assert (found.dtype, found.channels_last, found.reason) == (dtype, last, "as asked for")


def test_what_the_machine_emulates_is_computed_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, {PLAIN: 1.0, Way(FP32, True): 1.2})
    found = choose([convolutions()], CPU, batch=1, training=False, dtypes=[BF16])
    assert (found.dtype, found.channels_last, found.reason) == (BF16, True, "as asked for")


@pytest.mark.parametrize("amx", [True, False])
def test_the_rule_is_bf16_with_matrix_units_alone(amx: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    flags = "flags : avx512_bf16" + " amx_bf16" * amx
    monkeypatch.setattr(Path, "read_text", lambda path: flags)
    found = follow_rule(CPU)
    assert (found.dtype, found.channels_last) == (BF16 if amx else FP32, True)
    assert hardware.promises_bf16(CPU)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("cyclegan", {"residual", "sampling"}),
        ("dcgan", {"sampling", "residual"}),
        ("mlp_gan", {"dense"}),
        ("restorer", {"depthwise", "residual", "sampling"}),
        ("r3gan", {"grouped"}),
        ("sngan", {"residual"}),
    ],
)
def test_every_models_layers_are_of_kinds_that_are_measured(model: str, expected: set[str]) -> None:
    built = instantiate(compose("train", [f"model={model}"]).model)
    found: Counter[str] = sum((count_layers(network) for network in built.list_trainable_networks()), Counter())
    assert expected <= found.keys() <= {kind.name for kind in KINDS}


@pytest.mark.parametrize("amx", [True, False])
def test_a_machine_too_busy_to_be_measured_follows_the_rule(amx: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    rule(monkeypatch, amx=amx)
    monkeypatch.setattr(choice, "get_speeds", lambda device, threads: None)
    found = choose([convolutions()], CPU, batch=1, training=True)
    assert (found.dtype, found.channels_last) == (BF16 if amx else FP32, True)
    assert found.reason == "by rule: too busy to be measured"
