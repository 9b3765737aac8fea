"""One holder of an output folder at a time. (That a kill frees it is shown in test_runner.py.)"""

from __future__ import annotations

import errno
import fcntl
import logging
import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest

from gan_lab.errors import UserError
from gan_lab.storage.locks import NAME, lock_folder


def test_the_second_is_refused_until_the_first_is_done(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "out"
    with lock_folder(folder):
        with (
            pytest.raises(UserError, match=rf"out: another process is at work there \(process {os.getpid()}\)"),
            lock_folder(folder),
        ):
            pass
        with lock_folder(tmp_path / "other"):
            pass
    assert not folder.exists()
    with lock_folder(folder):
        pass


def test_a_child_does_not_hold_the_folder_on(tmp_path: Path) -> None:
    waiting = multiprocessing.get_context("fork").Event()

    def hold() -> None:
        with lock_folder(tmp_path / "x"):
            child = multiprocessing.get_context("fork").Process(target=waiting.wait)
            child.start()
            os._exit(0)  # as a kill would end it

    process = multiprocessing.get_context("fork").Process(target=hold)
    process.start()
    process.join()
    try:
        with lock_folder(tmp_path / "x"):
            pass
    finally:
        waiting.set()


def test_a_folder_in_which_nothing_was_written_goes(tmp_path: Path) -> None:
    with lock_folder(tmp_path / "a" / "b"):
        pass
    assert not (tmp_path / "a").exists()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / ".lock").symlink_to(tmp_path / "precious")
    with pytest.raises(UserError, match="cannot be written to"), lock_folder(tmp_path / "x"):
        pass
    assert (tmp_path / "precious").read_text() == "mine"


def test_a_fault_inside_frees_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="inside"), lock_folder(tmp_path):
        raise ValueError("inside")
    with lock_folder(tmp_path):
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
    with lock_folder(tmp_path):
        assert (tmp_path / NAME).exists()
        with pytest.raises(UserError, match="another process"), lock_folder(tmp_path):
            pass


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_where_there_are_no_locks_it_says_so_and_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(code, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with caplog.at_level(logging.WARNING), lock_folder(tmp_path):
        pass
    assert "has no locks (No locks available)" in caplog.text
    assert not [*tmp_path.iterdir()]


def test_a_named_pipe_in_the_place_of_the_lock_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / NAME)
    with pytest.raises(UserError, match="cannot be written to"), lock_folder(tmp_path):
        pass
