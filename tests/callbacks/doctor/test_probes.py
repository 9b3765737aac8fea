"""What a look at pictures gives, and how long it must last to be a finding."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from gan_lab.callbacks.doctor import probes
from gan_lab.callbacks.doctor.history import History
from gan_lab.models import Probe
from tests.callbacks.doctor.test_diagnoses import GAN, SURE, history


def test_a_generator_that_never_had_variety_is_given_longer() -> None:
    assert probes.find_collapse(history(1700, doctor__variety=0.02, **SURE), GAN) is None
    assert probes.find_collapse(history(1900, doctor__variety=0.02, **SURE), GAN) is not None


@pytest.mark.parametrize(
    ("values", "since"),
    [
        ({100: 1, 400: 1, 500: 1, 600: 1}, 400),  # the first iterations do not count
        ({400: 1, 500: 0, 600: 1, 700: 1, 800: 1}, 600),  # nor what came before it was well
        ({400: 1, 600: 1}, None),  # two looks are too few
        ({400: 1, 450: 1, 500: 1}, None),  # and three too near
        ({400: 1, 600: 1, 800: 0}, None),
    ],
)
def test_looks_in_a_row_must_agree_and_span_some_time(values: dict[int, float], since: int | None) -> None:
    seen = History({"x": list(values.items())})
    row = probes.find_confirmed(seen, "x", lambda value: value > 0.5)
    assert (row[0][0] if row else None) == since


def test_a_probe_gives_the_figures_that_there_is_something_to_take_of() -> None:
    def draw(seed: int) -> Tensor:
        return torch.rand(6, 3, 16, 16, generator=torch.Generator().manual_seed(seed)) * 2 - 1

    def look(judge: Any = None, source: Tensor | None = None) -> Probe:
        return Probe(draw(0), draw(1), source, judge, side="_B")

    plain = probes.measure_probes([look()], [look()], None)
    assert plain.keys() == {"doctor/grid_B", "doctor/grid_photos_B", "doctor/variety_B"}
    assert plain["doctor/variety_B"] == pytest.approx(1, abs=0.1)
    judged = look(lambda pictures: pictures.mean((1, 2, 3)), source=-draw(0))
    more = probes.measure_probes([judged], [judged], lambda photos: photos.flip(-1))
    assert more["doctor/luminance_B"] == pytest.approx(-1)
    assert {"doctor/overfitting_B", "doctor/overfitting_z_B"} <= more.keys()
    assert more["doctor/overfitting_B"] == pytest.approx(0, abs=1e-5)  # held-out photos are judged as those trained on
