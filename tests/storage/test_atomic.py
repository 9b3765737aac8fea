"""Files that appear complete or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gan_lab.storage import remove_incomplete_files, write_atomically


def write(path: Path, content: bytes, keep_as: str | None = None) -> None:
    with write_atomically(path, keep_as) as file:
        file.write(content)


def test_the_folder_is_made_and_the_file_has_the_usual_permissions(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deep" / "a.json"
    write(path, b"content")
    plain = tmp_path / "plain"
    plain.touch()
    assert (path.read_bytes(), path.stat().st_mode) == (b"content", plain.stat().st_mode)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("links", [True, False])
def test_the_replaced_file_stays_under_a_second_name(
    links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not links:  # as on some network file systems
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError("no links here")))
    path = tmp_path / "last.ckpt"
    for content in (b"one", b"two", b"three"):
        write(path, content, keep_as="previous.ckpt")
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {
        "last.ckpt": b"three",
        "previous.ckpt": b"two",
    }


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.ckpt"
    path.write_bytes(b"old")

    def fail() -> None:
        with write_atomically(path) as file:
            file.write(b"new")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_kill_in_the_middle_of_a_write_leaves_the_old_file_and_a_part_that_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "a.ckpt"
    path.write_bytes(b"old")
    code = (
        "import os, signal, pathlib; from gan_lab.storage import write_atomically\n"
        f"with write_atomically(pathlib.Path({str(path)!r})) as file:\n"
        "    file.write(b'half'); file.flush(); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 2
    remove_incomplete_files([tmp_path, tmp_path / "no such folder"])
    assert list(tmp_path.iterdir()) == [path]


def test_only_incomplete_files_of_gan_lab_are_removed(tmp_path: Path) -> None:
    incomplete = [f".{'0' * 32}.part", ".config.yaml.k3jx91ab", ".last.ckpt._0a1b2c3", f".x.{'a' * 32}.part"]
    others = [".mine.part", "last.ckpt", ".config.yaml", f"{'0' * 32}.part", ".config.yaml.backup-of-mine"]
    for name in incomplete + others:
        (tmp_path / name).touch()
    folder = tmp_path / f".{'1' * 32}.part"
    folder.mkdir()
    remove_incomplete_files([tmp_path])
    assert {path.name for path in tmp_path.iterdir()} == {*others, folder.name}
