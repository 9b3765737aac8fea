"""The folder of photos that an option names, and what of it is not used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gan_lab.data.layouts import ALL, find_layout
from gan_lab.errors import UserError

from .conftest import Write
from .test_layouts import counts


def said(root: Path, caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Return the log messages of finding a layout, by level, without the folder's name."""
    caplog.clear()
    with caplog.at_level("INFO"):
        find_layout(root)
    return [(record.levelname, record.getMessage().replace(str(root), "R")) for record in caplog.records]


def test_what_is_not_read_is_named_once(tmp_path: Path, write: Write, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("train/hat", "train/shoe", "test/hat"):
        write(name, 2)
    assert said(tmp_path, caplog) == []
    for name in ("train/hat/a.NEF", "test/hat/b.txt", "train/@eaDir/c.jpg", "train/shoe/.d.jpg", "train/hat/e.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    levels, texts = zip(*said(tmp_path, caplog), strict=True)
    assert levels == ("WARNING", "INFO", "INFO")
    assert texts[0].endswith("kinds that cannot be read; convert them, or take them out: 1 .nef (R/train/hat/a.NEF)")
    assert texts[1:] == (
        "data.root=R: no photos: 2 .txt (R/train/hat/e.txt, R/test/hat/b.txt)",
        "data.root=R: hidden or the system's, and left out: 2 (R/train/@eaDir, R/train/shoe/.d.jpg)",
    )


@pytest.mark.parametrize("layout", [("train", "test"), ("trainA", "trainB"), ("lq", "gt"), ("train/lq", "train/gt")])
def test_what_lies_beside_a_layout_is_named(
    tmp_path: Path, write: Write, caplog: pytest.LogCaptureFixture, layout: tuple[str, ...]
) -> None:
    for name in layout:
        write(name, 2)
    (tmp_path / "$RECYCLE.BIN").mkdir()
    assert said(tmp_path, caplog) == []
    (tmp_path / "README").touch()
    assert said(tmp_path, caplog) == [("INFO", "data.root=R: beside its layout, and left out: README")]
    (tmp_path / "more.jpg").touch()
    assert said(tmp_path, caplog) == [("WARNING", "data.root=R: beside its layout, and left out: README, more.jpg")]


def test_a_folder_that_may_not_be_listed_is_named_and_the_others_are_read(
    tmp_path: Path, write: Write, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("closed", "open"):
        write(name, 2)
    scan = os.scandir

    def refuse(folder: str) -> object:  # by hand, for root may list every folder
        if str(folder).endswith("closed"):
            raise PermissionError(13, "Permission denied", folder)
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    assert counts(tmp_path) == {ALL: {"image": 2}}
    assert said(tmp_path, caplog) == [
        ("WARNING", "data.root=R: cannot list R/closed: Permission denied; what is in it is left out")
    ]


def test_a_root_that_may_not_be_listed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: str) -> object:
        raise PermissionError(13, "Permission denied", folder)

    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(UserError, match=r"data\.root=.*cannot be listed \(Permission denied\)"):
        find_layout(tmp_path)
