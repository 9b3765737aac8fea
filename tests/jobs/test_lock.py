"""One holder of an output folder at a time. (That a kill frees it is shown in test_runner.py.)"""

from __future__ import annotations

import fcntl
import logging
import os
from pathlib import Path
from typing import Any

import pytest

from gan_lab.errors import UserError
from gan_lab.jobs.lock import NAME, locked


def test_the_second_is_refused_until_the_first_is_done(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "out"
    with locked(folder):
        with (
            pytest.raises(UserError, match=rf"out: another process is at work there \(process {os.getpid()}\)"),
            locked(folder),
        ):
            pass
        with locked(tmp_path / "other"):
            pass
    assert list(folder.iterdir()) == []
    with locked(folder):
        pass


def test_a_fault_inside_frees_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="inside"), locked(tmp_path):
        raise ValueError("inside")
    with locked(tmp_path):
        pass


def test_a_lock_on_a_file_that_was_just_taken_away_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = fcntl.flock, 0

    def late(descriptor: int, operation: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:  # its last holder ends between our opening and our locking of the file
            (tmp_path / NAME).unlink()
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    with locked(tmp_path):
        assert (tmp_path / NAME).exists()
        with pytest.raises(UserError, match="another process"), locked(tmp_path):
            pass


def test_where_there_are_no_locks_it_says_so_and_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with caplog.at_level(logging.WARNING), locked(tmp_path):
        pass
    assert "has no locks (No locks available)" in caplog.text
