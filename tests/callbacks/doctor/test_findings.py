"""What the doctor writes down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gan_lab.callbacks.doctor.findings import KEPT, Finding, Record


@pytest.mark.parametrize(
    ("iteration", "verdict"), [(300, "too early to tell, in the first 300 iterations"), (301, "healthy")]
)
def test_a_run_is_called_healthy_only_once_it_has_been_looked_at(iteration: int, verdict: str, tmp_path: Path) -> None:
    record = Record(tmp_path / "doctor.json")
    record.write(iteration)
    assert json.loads((tmp_path / "doctor.json").read_text())["verdict"] == verdict
    record.update([Finding("plateau", 200, {}, "it is flat", "stop")], iteration)
    record.write(iteration)
    assert json.loads((tmp_path / "doctor.json").read_text())["verdict"] == "it is flat"


def test_what_comes_and_goes_for_days_does_not_fill_the_file(tmp_path: Path) -> None:
    record = Record(tmp_path / "doctor.json")
    for look in range(2 * KEPT + 20):
        record.update([Finding("noise", look, {}, "it is noisy", "wait")] if look % 2 == 0 else [], look)
    record.write(2 * KEPT + 20)
    past = json.loads(record.path.read_text())["past"]
    assert [each["until"] for each in past] == list(range(21, 2 * KEPT + 20, 2))
