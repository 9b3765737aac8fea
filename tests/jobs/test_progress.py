"""Progress where stderr is no terminal: lines with count, ETA and speed; nothing on stdout."""

from __future__ import annotations

import io
import re
import sys
import time

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


def test_skipped_images_count_but_tell_nothing_of_the_speed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with Progress("enhancing", 10, every_n_seconds=1) as progress:
        now = 50.0
        progress.skip(5)
        now = 54.0
        progress.advance(2)
    assert capsys.readouterr().err.splitlines() == [
        "enhancing 5/10 (5 done already)",
        "enhancing 7/10 (5 done already)  ETA 0:00:06  0.500 images/s",
    ]


def test_lines_come_now_and_then(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with Progress("enhancing", 100, every_n_seconds=30) as progress:
        for _ in range(100):
            now += 1.0
            progress.advance()
    assert [line.split()[1] for line in capsys.readouterr().err.splitlines()] == ["30/100", "60/100", "90/100"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_has_a_bar_and_lines_above_it(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Progress("enhancing", 4) as progress:
        progress.advance()
        progress.say("failed: [b].png: empty")
        progress.close("stopping")
        shown = len(terminal.getvalue())
        progress.advance()
    text = terminal.getvalue()
    assert "failed: [b].png: empty\n" in text
    assert "enhancing 1/4  ETA" in text
    assert text[:shown].rstrip().endswith("stopping")
    assert len(text) == shown  # the bar does not come back
