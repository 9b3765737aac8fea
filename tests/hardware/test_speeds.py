"""What is measured of a machine, and how it is kept."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from gan_lab.hardware import speeds
from gan_lab.hardware.speeds import KINDS, PLAIN, Seconds, Speeds, Way, describe_machine, measure_speeds, read_speeds

CPU = torch.device("cpu")
LAST, OTHER = Way(torch.float32, True), Way(torch.bfloat16, True)


@pytest.fixture
def noises() -> list[float]:
    """By which share the same work takes longer in another layout, in each of the next measurements."""
    return []


@pytest.fixture
def measurements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, noises: list[float]) -> list[float]:
    """Fake the measurement, in a cache of the test's own; each call is noted."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    calls: list[float] = []

    def measure(device: torch.device) -> Speeds:
        calls.append(time.perf_counter())
        slower = 0.5 * (1 + noises.pop(0)) if noises else 0.5
        ways = {PLAIN: Seconds(0.5, 1.0), LAST: Seconds(slower, 2 * slower), OTHER: Seconds(0.25, 2.0)}
        return Speeds({(kind.name, kind.few): ways for kind in KINDS})

    monkeypatch.setattr(speeds, "measure_speeds", measure)
    monkeypatch.setattr(speeds, "_known", {})
    return calls


def file_in(folder: Path) -> Path:
    (found,) = folder.rglob("*.json")
    return found


def test_every_way_of_every_kind_is_measured() -> None:
    found = measure_speeds(CPU, budget=0.05)
    assert found.seconds.keys() == {(kind.name, kind.few) for kind in KINDS}
    for ways in found.seconds.values():
        assert {PLAIN, Way(torch.float32, True)} <= ways.keys()
        assert all(0 < each.forward < 10 and 0 < each.backward < 10 for each in ways.values())


def test_a_call_that_finds_the_caches_full_of_another_ways_work_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    last: list[Way] = []

    def prepare(kind: speeds.Kind, way: Way, device: torch.device) -> Callable[[], tuple[float, float]]:
        def run() -> tuple[float, float]:
            cold = way.channels_last and last[-1:] != [way]
            last.append(way)
            return (2.0, 2.0) if cold else (1.0, 1.0)

        return run

    monkeypatch.setattr(speeds, "_prepare", prepare)
    assert measure_speeds(CPU, budget=0.01).noise == 0


def test_the_gradient_that_a_network_is_timed_with_is_laid_out_as_its_result(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    backward = torch.Tensor.backward

    def spy(result: torch.Tensor, gradient: torch.Tensor) -> None:
        seen.append((result.stride(), gradient.stride()))
        backward(result, gradient)

    monkeypatch.setattr(torch.Tensor, "backward", spy)
    (residual,) = [kind for kind in KINDS if kind.name == "residual" and not kind.few]
    for way in (PLAIN, LAST):
        speeds._prepare(residual, way, CPU)()
    assert all(own == given for own, given in seen)
    assert seen[0] != seen[1]


def test_measuring_leaves_the_random_state_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    measure_speeds(CPU, budget=0.01)
    assert torch.equal(torch.rand(4), expected)


def test_a_machine_is_measured_once_and_the_figures_come_back(measurements: list[float], tmp_path: Path) -> None:
    first = speeds.get_speeds("cpu", 2)
    speeds._known.clear()
    again = speeds.get_speeds("cpu", 2)
    assert len(measurements) == 1
    assert again.seconds == first.seconds
    assert json.loads(file_in(tmp_path).read_text())["machine"]["threads"] == "2"


def test_another_number_of_threads_is_measured_on_its_own(measurements: list[float]) -> None:
    speeds.get_speeds("cpu", 1)
    speeds.get_speeds("cpu", 2)
    assert len(measurements) == 2


@pytest.mark.parametrize("variable", speeds.VARIABLES)
def test_what_changes_the_libraries_changes_the_machine(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(variable, raising=False)
    before = describe_machine(CPU, 2)
    monkeypatch.setenv(variable, "AVX2")
    assert describe_machine(CPU, 2) != before


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("residual few", "residual fewer"),
        lambda text: text.replace("0.5", "-0.5"),
        lambda text: text.replace("0.5", '"0.5"'),
        lambda text: text.replace("0.5", "NaN"),
        lambda text: text.replace('"fp32, NCHW"', '"fp8, NCHW"'),
        lambda text: "[]",
        lambda text: text + " " * speeds.MOST_BYTES,
    ],
)
def test_damaged_figures_are_ignored_and_measured_again(
    damage: object, measurements: list[float], tmp_path: Path
) -> None:
    speeds.get_speeds("cpu", 2)
    file = file_in(tmp_path)
    file.write_text(damage(file.read_text()))  # type: ignore[operator]
    assert read_speeds(file) is None
    speeds._known.clear()
    speeds.get_speeds("cpu", 2)
    assert len(measurements) == 2
    assert read_speeds(file) is not None


def test_a_named_pipe_in_the_figures_place_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    assert read_speeds(tmp_path / "pipe.json") is None


def test_a_cache_that_cannot_be_written_is_done_without(
    measurements: list[float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert speeds.get_speeds("cpu", 2).seconds
    assert len(measurements) == 1


def test_figures_are_compared_over_the_layers() -> None:
    found = Speeds(
        {
            ("residual", True): {PLAIN: Seconds(1, 1), OTHER: Seconds(1, 3)},
            ("sampling", False): {PLAIN: Seconds(2, 2), OTHER: Seconds(1, 1)},
        }
    )
    assert found.relative(OTHER, {"residual": 3}, True, training=True) == 2
    assert found.relative(OTHER, {"residual": 3}, True, training=False) == 1
    assert found.relative(OTHER, {"residual": 1, "sampling": 3}, True, training=True) == pytest.approx(
        (2 + 3 * 0.5) / 4
    )
    assert found.relative(OTHER, {"unheard of": 1}, True, training=True) == 1
    assert found.relative(Way(torch.float16, True), {"residual": 1}, True, training=True) == float("inf")


def test_a_noisy_measurement_is_taken_again_and_the_faster_calls_count(
    measurements: list[float], noises: list[float], tmp_path: Path
) -> None:
    noises += [0.8, 0.0]
    found = speeds.get_speeds("cpu", 2)
    assert len(measurements) == 2
    assert found is not None
    assert found.noise == 0
    assert found.seconds["dense", False][LAST] == Seconds(0.5, 1.0)
    assert file_in(tmp_path)


def test_a_machine_that_is_too_busy_is_not_believed_nor_kept(
    measurements: list[float], noises: list[float], tmp_path: Path
) -> None:
    noises += [0.8, 0.5]
    assert speeds.get_speeds("cpu", 2) is None
    assert list(tmp_path.rglob("*.json")) == []
    assert speeds.get_speeds("cpu", 2) is not None  # it is quiet now
    assert len(measurements) == 3
