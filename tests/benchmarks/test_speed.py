"""The benchmark of speed runs as its page says; what it measures is no matter of a test."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from benchmarks.speed import Result, read_results, side_by_side, table
from benchmarks.speed_training import Measured

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_every_side_of_a_case_is_timed_and_compared(tmp_path: Path) -> None:
    out = [f"--json={tmp_path}/speed.json", f"--markdown={tmp_path}/speed.md"]
    case = ["vae", "--device=cpu", "--rounds=1", "--seconds=0.2"]
    subprocess.run([sys.executable, "-m", "benchmarks.speed", *case, *out], cwd=ROOT, check=True, timeout=500)
    head, _, *rows = (tmp_path / "speed.md").read_text().splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [row[1] for row in cells] == ["plain", "tuned", "gan_lab"]
    titles = [cell.strip() for cell in head.strip("|").split("|")]
    own = dict(zip(titles, cells[2], strict=True))
    assert float(own["plain is slower by"]) > 0
    assert float(own["tuned takes, of its time"]) > 0
    assert own["waiting"].endswith("%")
    found = json.loads((tmp_path / "speed.json").read_text())
    assert all(len(each["rounds"]) == 1 and each["peak_mb"] > 0 for each in found)


def result(side: str, ms: float, machine: str = "here") -> Result:
    return Result("vae", side, [Measured(ms, 1e3 / ms, float("nan"), 1.0, "fp32, NCHW")], 100, machine)


def cells(made: Any, column: str) -> list[str]:
    return [str(cell) for each in made.columns if each.header == column for cell in each.cells]


@pytest.mark.parametrize(("tuned", "name", "share"), [(80, "tuned", "0.89"), (110, "by hand (slower than plain)", "")])
def test_what_is_slower_than_plain_is_not_called_tuned(tuned: float, name: str, share: str) -> None:
    found = [result("plain", 100), result("tuned", tuned), result("gan_lab", 90)]
    made = table(found, "")
    assert cells(made, "side") == ["plain", name, "gan_lab"]
    assert cells(made, "tuned takes, of its time") == ["", "", share]
    assert cells(made, "plain is slower by") == ["1.00", f"{100 / tuned:.2f}", "1.11"]


def test_machines_stand_beside_each_other(tmp_path: Path) -> None:
    own = [result("plain", 100), result("tuned", 50), result("gan_lab", 60)]
    other = [result("plain", 10, "there"), result("tuned", 20, "there")]
    (tmp_path / "there.json").write_text(json.dumps([asdict(each) for each in other]))
    made = side_by_side({"here": own, "there": read_results(tmp_path / "there.json")})
    assert cells(made, "1: plain is slower by") == ["1.00", "2.00", "1.67"]
    assert cells(made, "2: plain is slower by") == ["1.00", "0.50 (slower than plain)", ""]
    assert cells(made, "2: ms") == ["10", "20", ""]
