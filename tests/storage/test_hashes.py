"""The SHA-256 of files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gan_lab.storage import hash_file


def test_a_file_has_the_published_hash_of_its_content(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")  # FIPS 180-2, B.1
    assert hash_file(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_what_would_block_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        hash_file(tmp_path / "pipe")
