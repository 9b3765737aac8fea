"""What the doctor writes down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gan_lab.callbacks.doctor.findings import Finding, Record


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
