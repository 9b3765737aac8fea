"""Figures with their protocol, as a table and as a file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gan_lab.evaluation import Picture, Report


def test_a_part_adds_its_rows_and_takes_over_nothing_else() -> None:
    picture = Picture("A", "a", np.zeros((2, 2, 3), np.uint8))
    whole = Report("T", ["figure", "model"], [["KID", "1"]], {"kid": 1}, {"n": 8}, ["first"])
    whole.add(Report("U", ["x"], [["FID", "2"]], {"fid": 2}, {"seed": 0}, ["second"], {"a": picture}))
    assert whole == Report(
        "T", ["figure", "model"], [["KID", "1"], ["FID", "2"]], {"kid": 1, "fid": 2}, {"n": 8, "seed": 0},
        ["first", "second"], {"a": picture},
    )  # fmt: skip


def test_the_table_is_printed_with_its_notes_and_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    Report("T\x1b[2J", ["figure", "[red]model"], [["KID", "0.1 [0.0, 0.2]"]], notes=["few [b]photos\x07"]).print()
    said = capsys.readouterr().out
    assert "0.1 [0.0, 0.2]" in said
    assert "[red]model" in said
    assert "few [b]photos" in said
    assert "\x1b[2J" not in said
    assert "\x07" not in said


def test_the_file_holds_figures_protocol_and_notes_and_no_nan(tmp_path: Path) -> None:
    report = Report(rows=[["KID", "1"]], figures={"kid": 0.1}, protocol={"n": 8}, notes=["few"])
    report.write(tmp_path / "out/metrics.json")
    content = json.loads((tmp_path / "out/metrics.json").read_text())
    assert content == {"figures": {"kid": 0.1}, "protocol": {"n": 8}, "notes": ["few"]}
    report.figures["kid"] = float("nan")
    with pytest.raises(ValueError, match="JSON compliant"):
        report.write(tmp_path / "out/metrics.json")
    assert json.loads((tmp_path / "out/metrics.json").read_text()) == content
