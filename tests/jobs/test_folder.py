"""Folder to folder: what goes where, what is refused before anything is written, and what is skipped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_lab.errors import UserError
from gan_lab.imaging import read_image
from gan_lab.jobs import Outcome, plan, report, run
from gan_lab.jobs.folder import result_names, write_image


def photo(path: Path, value: int = 90) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (12, 8), (value, value, value)).save(path)
    return path


def names(*photos: str, format: str = "png") -> list[str]:
    return [str(name) for name in result_names([Path(name) for name in photos], format)]


def test_results_keep_their_relative_paths(tmp_path: Path) -> None:
    photo(tmp_path / "in" / "a.jpg")
    photo(tmp_path / "in" / "deep" / "er" / "b.webp")
    targets = [task.target for task in plan(tmp_path / "in", tmp_path / "out")]
    assert targets == [tmp_path / "out" / "a.png", tmp_path / "out" / "deep" / "er" / "b.png"]
    assert not (tmp_path / "out").exists()


def test_one_photo_is_a_job_as_well(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    photo(tmp_path / "b.jpg")
    (task,) = plan(tmp_path / "a.jpg", tmp_path)
    assert task.target == tmp_path / "a.png"


def test_names_never_meet() -> None:
    assert names("a.jpg", "a.png", "b.jpg", "sub/a.jpg") == ["a.jpg.png", "a.png.png", "b.png", "sub/a.png"]
    assert names("a.jpg", "A.png") == ["a.jpg.png", "A.png.png"]
    mean = names("a.jpg", "a.jpg.tif", "a.png")
    assert len({name.lower() for name in mean}) == 3


def test_format_same_keeps_what_can_be_written() -> None:
    assert names("a.JPG", "b.webp", "c.tif", format="same") == ["a.JPG", "b.webp", "c.png"]
    assert names("a.png", "b.tif", format="jpg") == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize("output", ["in", "in/results", "in/../in"])
def test_results_among_the_photos_are_refused(tmp_path: Path, output: str) -> None:
    photo(tmp_path / "in" / "a.jpg")
    with pytest.raises(UserError, match="lies in input="):
        plan(tmp_path / "in", tmp_path / output)


def test_a_link_does_not_hide_the_photos(tmp_path: Path) -> None:
    photo(tmp_path / "in" / "a.jpg")
    (tmp_path / "link").symlink_to(tmp_path / "in")
    with pytest.raises(UserError, match="lies in input="):
        plan(tmp_path / "in", tmp_path / "link" / "results")


def test_a_photo_is_never_replaced(tmp_path: Path) -> None:
    photo(tmp_path / "in" / "a.png")
    with pytest.raises(UserError, match=r"would replace a photo"):
        plan(tmp_path / "in" / "a.png", tmp_path / "in")
    photo(tmp_path / "in" / "in" / "a.png")
    with pytest.raises(UserError, match=r"would replace a photo"):
        plan(tmp_path / "in", tmp_path)


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
            plan(source, output)
    with pytest.raises(UserError, match="format=gif"):
        plan(tmp_path / "in", "out", "gif")


def test_unreadable_photos_are_skipped_counted_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo(tmp_path / "in" / "a.png", 90)
    (tmp_path / "in" / "b.png").write_bytes(b"no image")
    photo(tmp_path / "in" / "c.png", 200)
    outcome = run(plan(tmp_path / "in", tmp_path / "out"), lambda pixels: 255 - pixels, "enhancing")
    assert (outcome.done, len(outcome.unreadable)) == (2, 1)
    assert read_image(tmp_path / "out" / "a.png").max() == 165
    assert read_image(tmp_path / "out" / "c.png").max() == 55
    with pytest.raises(SystemExit) as stopped:
        report(outcome, "enhanced", tmp_path / "out")
    assert stopped.value.code == 1
    assert f"1 images, skipped: {tmp_path / 'in' / 'b.png'}" in capsys.readouterr().out


def test_a_clean_job_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    report(Outcome(done=3), "enhanced", "out")
    assert capsys.readouterr().out.split() == ["enhanced", "3", "images", "in", "out"]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG", ".webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_white_stays_white_in_every_format(tmp_path: Path, suffix: str, channels: int) -> None:
    path = tmp_path / f"white{suffix}"
    write_image(path, np.full((20, 30, channels), 255, np.uint8))
    assert read_image(path, channels).min() == 255


def test_a_result_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match=r"cannot write .*a\.png"):
        write_image(tmp_path / "file" / "a.png", np.zeros((4, 4, 3), np.uint8))
