"""Folder to folder: what goes where, and what is refused before anything is written."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from gan_lab.errors import UserError
from gan_lab.jobs import plan_job
from gan_lab.photo_files import list_folder


def photo(path: Path, value: int = 90) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (12, 8), (value, value, value)).save(path)
    return path


def names(folder: Path, *photos: str, format: str = "png") -> list[str]:
    """Return the results' names of photos, which are made, in the photos' order."""
    for name in photos:
        photo(folder / "in" / name)
    planned = plan_job(folder / "in", folder / "out", format)
    found = {task.name: planned.result(task) for task in planned.tasks}
    assert found.keys() == set(photos)
    return [found[name] for name in photos]


def folded(name: str) -> str:
    """Return a name as a file system may keep it: without case, accents taken apart."""
    return unicodedata.normalize("NFD", name).lower()


def test_results_keep_their_relative_paths(tmp_path: Path) -> None:
    photo(tmp_path / "in" / "a.jpg")
    photo(tmp_path / "in" / "deep" / "er" / "b.webp")
    targets = [task.target for task in plan_job(tmp_path / "in", tmp_path / "out").tasks]
    assert targets == [tmp_path / "out" / "a.png", tmp_path / "out" / "deep" / "er" / "b.png"]
    assert not (tmp_path / "out").exists()


def test_one_photo_is_a_job_as_well(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    photo(tmp_path / "b.jpg")
    (task,) = plan_job(tmp_path / "a.jpg", tmp_path).tasks
    assert (task.name, task.source, task.target) == ("a.jpg", tmp_path / "a.jpg", tmp_path / "a.png")


def test_photos_that_differ_in_extension_only_keep_it(tmp_path: Path) -> None:
    found = names(tmp_path, "a.jpg", "a.png", "b.jpg", "sub/a.jpg")
    assert found == ["a.jpg.png", "a.png.png", "b.png", "sub/a.png"]


@pytest.mark.parametrize(
    "photos",
    [
        ("a.jpg", "A.png"),
        ("a.jpg", "a.jpg.tif", "a.png"),
        ("a.jpg", "A.JPG", "a.JPG"),
        ("sub/a.jpg", "SUB/A.jpg", "Sub/a.png"),
        ("caf\u00e9.jpg", "cafe\u0301.jpg"),
        ("CAF\u00c9.jpg", "cafe\u0301.tif", "caf\u00e9.jpg.png"),
        ("stra\u00dfe.jpg", "STRASSE.jpg"),
    ],
)
@pytest.mark.parametrize("format", ["png", "same"])
def test_names_never_meet_on_any_file_system(tmp_path: Path, photos: tuple[str, ...], format: str) -> None:
    found = names(tmp_path, *photos, format=format)
    assert len({folded(name) for name in found}) == len(photos)


def test_a_result_is_never_named_like_a_folder(tmp_path: Path) -> None:
    assert names(tmp_path, "a.png/x.jpg", "a.jpg") == ["a.png/x.png", "a.jpg.png"]
    assert names(tmp_path / "1", "a.png/x.jpg", "a.jpg.PNG/x.jpg", "a.jpg")[2] == "a.jpg-2.png"
    assert names(tmp_path / "2", "A.PNG/a.png/x.jpg", "A.PNG/a.jpg", "a.gif")[1:] == ["A.PNG/a.jpg.png", "a.gif.png"]


def test_odd_names_and_folders_are_found(tmp_path: Path) -> None:
    odd = ["-rf.png", "\u00c4rmel blau.JPG", "\u5546\u54c1/\u8d64.PNG", "a b/c d.webp", "x.jpg/y.JPEG"]
    assert names(tmp_path, *odd)[:2] == ["-rf.png", "\u00c4rmel blau.png"]


def test_links_are_followed_once(tmp_path: Path) -> None:
    photo(tmp_path / "in" / "a.png")
    photo(tmp_path / "elsewhere" / "b.png")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "out of it").symlink_to(tmp_path / "elsewhere")
    found = [task.name for task in plan_job(tmp_path / "in", tmp_path / "out").tasks]
    assert found == ["a.png", "out of it/b.png"]


def test_it_finds_what_training_finds(tmp_path: Path) -> None:
    for name in ("b.JPG", "a/z.png", ".hidden.png", ".hidden/x.png", "a/notes.txt", "c.avif", "broken.tif"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    found = list_folder(tmp_path / "in")
    assert found.photos == ["a/z.png", "b.JPG", "broken.tif", "c.avif"]
    planned = plan_job(tmp_path / "in", tmp_path / "out")
    assert [task.name for task in planned.tasks] == found.photos
    assert (planned.others, planned.aside) == (("a/notes.txt",), (".hidden", ".hidden.png"))


def test_a_folder_that_cannot_be_listed_is_told(tmp_path: Path) -> None:
    photo(tmp_path / "in" / "a.png")
    here = os.getcwd()
    try:  # a path that is longer than a path may be: not even an administrator can list it
        os.chdir(tmp_path / "in")
        for _ in range(20):
            os.mkdir("d" * 250)
            os.chdir("d" * 250)
    finally:
        os.chdir(here)
    planned = plan_job(tmp_path / "in", tmp_path / "out")
    assert [task.name for task in planned.tasks] == ["a.png"]
    (told,) = planned.unlisted
    assert told.startswith(f"{tmp_path / 'in'}/ddd")
    assert told.endswith(": File name too long")
    (tmp_path / "in" / "a.png").unlink()
    with pytest.raises(UserError, match=r"no image in it .*; cannot list .*: File name too long"):
        plan_job(tmp_path / "in", tmp_path / "out")


def test_format_same_keeps_what_can_be_written(tmp_path: Path) -> None:
    found = names(tmp_path, "a.JPG", "b.webp", "c.tif", "d.bmp", "e.gif", "f.jpeg", "g.TIFF", format="same")
    assert found == ["a.JPG", "b.webp", "c.tif", "d.png", "e.png", "f.jpeg", "g.TIFF"]
    planned = plan_job(tmp_path / "in", tmp_path / "out", "same")
    assert [task.notes for task in planned.tasks][2:4] == [(), ("saved as png: no .bmp is written",)]


def test_every_suffix_of_a_jpeg_is_kept_and_a_phones_photo_becomes_one(tmp_path: Path) -> None:
    photos = ("a.jfif", "b.jpe", "c.JPE", "d.mpo", "e.heic", "f.HEIF", "g.jp2", "h.avif", "i.nef")
    for name in photos:
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / name).touch()
    planned = plan_job(tmp_path / "in", tmp_path / "out", "same")
    assert [task.target.name for task in planned.tasks] == [
        *("a.jfif", "b.jpe", "c.JPE", "d.jpg", "e.jpg", "f.jpg", "g.png", "h.avif", "i.png")
    ]
    said = {task.name: task.notes for task in planned.tasks if task.notes}
    assert said.keys() == {"d.mpo", "e.heic", "f.HEIF", "g.jp2"}
    assert said["e.heic"] == ("saved as jpg: no .heic is written",)


def test_a_result_of_a_photo_without_a_suffix_has_its_contents(tmp_path: Path) -> None:
    for name, kind in (("e", "JPEG"), ("v1.2", "PNG"), ("v1.3", "WEBP"), ("f", "GIF")):
        photo(tmp_path / "in" / "x.png").unlink()
        Image.new("RGB", (4, 4)).save(tmp_path / "in" / name, kind)
    found = [task.target.name for task in plan_job(tmp_path / "in", tmp_path / "out", "same").tasks]
    assert found == ["e.jpg", "f.png", "v1.2.png", "v1.3.webp"]
    assert [task.target.name for task in plan_job(tmp_path / "in", tmp_path / "out").tasks][2:] == [
        "v1.2.png",
        "v1.3.png",
    ]


def test_a_link_that_leads_to_a_photo_elsewhere_is_followed_and_told(tmp_path: Path) -> None:
    photo(tmp_path / "in" / "a.png")
    photo(tmp_path / "b.png")
    (tmp_path / "in" / "c.png").symlink_to("a.png")
    (tmp_path / "in" / "d.png").symlink_to("../b.png")
    tasks = plan_job(tmp_path / "in", tmp_path / "out").tasks
    assert [task.notes for task in tasks] == [(), (), ("a link to ../b.png",)]


def test_a_link_that_leads_to_the_results_is_refused(tmp_path: Path) -> None:
    photo(tmp_path / "in" / "a.png")
    photo(tmp_path / "results" / "b.png")
    (tmp_path / "in" / "old").symlink_to(tmp_path / "results")
    with pytest.raises(UserError, match=r"output=.*: a link in input=.* leads to it"):
        plan_job(tmp_path / "in", tmp_path / "results")


def test_a_circle_ends_no_job(tmp_path: Path) -> None:
    photo(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "b.png").symlink_to("b.png")
    (tmp_path / "loop").symlink_to("loop")
    planned = plan_job(tmp_path / "in", tmp_path / "out")
    assert [task.name for task in planned.tasks] == ["a.png", "b.png"]
    assert len(plan_job(tmp_path / "in", tmp_path / "loop").tasks) == 2
    with pytest.raises(UserError, match="loop: does not exist"):
        plan_job(tmp_path / "loop", tmp_path / "out")


def test_another_format_is_no_news_where_it_was_asked_for(tmp_path: Path) -> None:
    assert names(tmp_path, "a.png", "b.tif", format="jpg") == ["a.jpg", "b.jpg"]
    assert [task.notes for task in plan_job(tmp_path / "in", tmp_path / "out", "jpg").tasks] == [(), ()]


@pytest.mark.parametrize("output", ["in", "in/results", "in/../in"])
def test_results_among_the_photos_are_refused(tmp_path: Path, output: str) -> None:
    photo(tmp_path / "in" / "a.jpg")
    with pytest.raises(UserError, match="lies in input="):
        plan_job(tmp_path / "in", tmp_path / output)


def test_a_link_does_not_hide_the_photos(tmp_path: Path) -> None:
    photo(tmp_path / "in" / "a.jpg")
    (tmp_path / "link").symlink_to(tmp_path / "in")
    with pytest.raises(UserError, match="lies in input="):
        plan_job(tmp_path / "in", tmp_path / "link" / "results")


def test_a_photo_is_never_replaced(tmp_path: Path) -> None:
    photo(tmp_path / "in" / "a.png")
    with pytest.raises(UserError, match=r"would replace a photo"):
        plan_job(tmp_path / "in" / "a.png", tmp_path / "in")
    photo(tmp_path / "in" / "in" / "a.png")
    with pytest.raises(UserError, match=r"would replace a photo"):
        plan_job(tmp_path / "in", tmp_path)


def test_bad_input_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    photo(tmp_path / "in" / "a.png")
    for source, output, message in (
        (None, "out", "input: missing"),
        (tmp_path / "nowhere", "out", "nowhere: does not exist"),
        (tmp_path / "empty", "out", "empty: no image in it"),
        (tmp_path / "in", None, "output: missing"),
        (tmp_path / "in", tmp_path / "notes.txt", "notes.txt: is a file"),
    ):
        with pytest.raises(UserError, match=message):
            plan_job(source, output)
    with pytest.raises(UserError, match="format=gif"):
        plan_job(tmp_path / "in", "out", "gif")
