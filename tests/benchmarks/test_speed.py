"""The benchmark of speed runs as its page says; what it measures is no matter of a test."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

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
