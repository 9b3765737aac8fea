"""Files are files: named pipes and devices are refused at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gan_lab.storage import open_regular, read_regular


def test_a_file_is_read_up_to_a_bound(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    with open_regular(path) as file:
        assert file.read() == b"12345"
    assert read_regular(path, 5) == b"12345"
    with pytest.raises(OSError, match="longer than 4 bytes"):
        read_regular(path, 4)


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    os.symlink("/dev/zero", tmp_path / "link")
    with monkeypatch.context() as patched:
        patched.setattr(os, "open", None)  # to open a device can be to act on it
        for name in ("pipe", "link"):
            with pytest.raises(OSError, match="not a regular file"):
                open_regular(tmp_path / name)
    before = os.stat(__file__)
    monkeypatch.setattr(os, "stat", lambda path: before)  # exchanged after it was looked at
    with pytest.raises(OSError, match="not a regular file"):
        open_regular(tmp_path / "pipe")
    monkeypatch.undo()
    with pytest.raises(IsADirectoryError):
        open_regular(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "nothing")
