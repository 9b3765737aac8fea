"""Folders of photos: every file in them is listed as what it is, and nothing in them is a traceback."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from PIL import Image

from gan_lab.errors import UserError
from gan_lab.photo_files import list_folder


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_photos_are_listed_in_all_subfolders_and_what_is_none_is_named(tmp_path: Path) -> None:
    touch(
        tmp_path, "b.JPG", "a/z.png", "a/y.WebP", "notes.txt", ".hidden.png", ".trash/x.png", "a/._mac.jpg", "c.jpg.bak"
    )
    found = list_folder(tmp_path)
    assert found.photos == ["a/y.WebP", "a/z.png", "b.JPG"]
    assert found.others == ["c.jpg.bak", "notes.txt"]
    assert found.aside == [".hidden.png", ".trash/", "a/._mac.jpg"]


def test_names_are_sorted_part_by_part(tmp_path: Path) -> None:
    touch(tmp_path, "hat/1.png", "hat-old/1.png", "hat.png", "hat/sub/2.png", "a b/1.png", "a/1.png")
    found = [tmp_path / name for name in list_folder(tmp_path).photos]
    assert found == sorted(tmp_path.rglob("*.png"))
    assert [path.parent.name for path in found[:2]] == ["a", "a b"]


@pytest.mark.parametrize(
    "suffix", ["jpe", "jfif", "jif", "mpo", "apng", "dib", "heic", "HEIF", "hif", "avif", "avifs", "jp2", "j2k", "jpx"]
)
def test_photos_go_by_any_suffix_of_their_format(tmp_path: Path, suffix: str) -> None:
    assert list_folder(touch(tmp_path, f"a.{suffix}")).photos == [f"a.{suffix}"]


@pytest.mark.parametrize(
    "suffix", ["dng", "CR2", "cr3", "nef", "arw", "raf", "orf", "rw2", "jxl", "psd", "exr", "jxr", "ppm"]
)
def test_photos_of_kinds_that_cannot_be_read_are_told_from_what_is_no_photo(tmp_path: Path, suffix: str) -> None:
    found = list_folder(touch(tmp_path, f"a.{suffix}", "b.mp4", "c.pdf"))
    assert (found.photos, found.unread, found.others) == ([], [f"a.{suffix}"], ["b.mp4", "c.pdf"])


def test_without_a_suffix_the_content_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("e", "v1.2", "2024.05.17 shirt", "dot."):
        Image.new("RGB", (4, 4)).save(tmp_path / name, "JPEG")
    Image.new("RGB", (4, 4)).save(tmp_path / "webp", "WEBP")
    (tmp_path / "raw").write_bytes(b"FUJIFILMCCD-RAW 0201")
    (tmp_path / "README").write_text("BM is no bitmap")
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as one:
        monkeypatch.chdir(tmp_path)  # a socket's path may not be long
        one.bind("socket")
    found = list_folder(tmp_path)
    assert found.photos == ["2024.05.17 shirt", "dot.", "e", "raw", "v1.2", "webp"]
    assert found.others == ["README", "empty", "pipe", "socket"]


@pytest.mark.parametrize(
    "folder",
    [
        *("@eaDir", "#recycle", "@Recycle", "$RECYCLE.BIN", "$Recycle.Bin", "System Volume Information", "lost+found"),
        *("__MACOSX", ".thumbnails", ".hidden"),
    ],
)
def test_what_systems_keep_beside_photos_is_left_out_and_said(tmp_path: Path, folder: str) -> None:
    touch(tmp_path, "a.jpg", f"sub/{folder}/deep/x.jpg", "Thumbs.db")
    found = list_folder(tmp_path)
    assert (found.photos, found.others, found.aside) == (["a.jpg"], [], ["Thumbs.db", f"sub/{folder}/"])
    assert list_folder(tmp_path / "sub" / folder).photos == ["deep/x.jpg"]  # where it is asked for by name


def test_loops_end_and_a_linked_folder_is_listed_once(tmp_path: Path) -> None:
    touch(tmp_path, "real/deep/x.png", "elsewhere/far/y.png")
    root = tmp_path / "real"
    (root / "deep" / "loop").symlink_to(root)
    (root / "again").symlink_to(root / "deep")  # sorts before the real one, which must win
    (root / "link").symlink_to(tmp_path / "elsewhere")
    found = list_folder(root)
    assert (found.photos, found.unlisted) == (["deep/x.png", "link/far/y.png"], [])
    assert found.linked == [str(tmp_path / "elsewhere")]


def test_a_link_to_what_holds_the_folder_is_named_and_not_followed(tmp_path: Path) -> None:
    touch(tmp_path, "in/a.png", "out/b.png")
    (tmp_path / "in" / "up").symlink_to(tmp_path)
    found = list_folder(tmp_path / "in")
    assert found.photos == ["a.png"]
    assert found.unlisted == [f"{tmp_path}/in/up: a link to {tmp_path}, which holds {tmp_path}/in"]


def test_links_to_nowhere_are_photos_that_will_not_be_read(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    for name, target in (("b.jpg", "nowhere"), ("c.jpg", "c.jpg"), ("d", "nowhere"), ("e", "e"), ("f.txt", "nowhere")):
        (tmp_path / name).symlink_to(target)
    found = list_folder(tmp_path)
    assert (found.photos, found.others) == (["a.jpg", "b.jpg", "c.jpg", "d", "e"], ["f.txt"])


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere"):
        list_folder(tmp_path / "nowhere")


def test_a_folder_that_may_not_be_listed_is_named_and_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "closed/a.png", "open/b.png")
    scan = os.scandir

    def refuse(folder: str) -> object:  # by hand, for root may list every folder
        if folder.endswith("closed"):
            raise PermissionError(13, "Permission denied", folder)
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    found = list_folder(tmp_path)
    assert (found.photos, found.unlisted) == (["open/b.png"], [f"{tmp_path}/closed: Permission denied"])
