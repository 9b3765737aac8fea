"""Progress where stderr is no terminal: lines with count, ETA and speed; nothing on stdout."""

from __future__ import annotations

import re

import pytest

from gan_lab.jobs import Progress


def test_lines_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("enhancing", 10, every_n_seconds=0) as progress:
        progress.advance()
        progress.advance(2)
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"enhancing 3/10  ETA 0:00:\d\d  [\d.]+ images/s", err.splitlines()[1])


def test_a_short_job_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("enhancing", 1) as progress:
        progress.advance()
    assert capsys.readouterr() == ("", "")
