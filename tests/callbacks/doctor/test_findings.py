"""The doctor's file, as this program or anybody else wrote it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gan_lab.callbacks.doctor.findings import Finding, Record, read_verdict


def test_a_record_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "doctor.json"
    record = Record(path)
    record.update([Finding("plateau", 400, {"x": 1.0}, "it stands still", "stop")], 500)
    record.write(500)
    again = Record.read(path, 500)
    assert again.findings == record.findings
    assert read_verdict(path) == "it stands still"
    assert Record.read(path, 300).findings == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[" * 100_000,
        '{"findings":' * 50_000,
        "[]",
        "{}",
        '{"setbacks": 3}',
        '{"setbacks": [], "past": [{}], "findings": [3]}',
    ],
)
def test_a_file_of_another_form_counts_as_none(text: str, tmp_path: Path) -> None:
    path = tmp_path / "doctor.json"
    path.write_text(text)
    assert Record.read(path, 10).findings == {}
    assert read_verdict(path) == "unknown"


def test_a_verdict_moves_no_cursor_and_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "doctor.json"
    path.write_text('{"verdict": "\\u001b[2J"}')
    assert read_verdict(path) == "\\x1b[2J"
    path.unlink()
    os.mkfifo(path)
    assert read_verdict(path) == "unknown"
