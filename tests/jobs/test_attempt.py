"""One task: its faults are its own, and its result is what its record says."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest
from PIL import Image

from gan_lab.errors import UserError
from tests.jobs.job import Job, failing


def test_a_change_is_seen_behind_the_same_size_and_time(job: Job) -> None:
    path = job.input / "e.bmp"
    Image.new("RGB", (4, 4), "red").save(path)
    os.utime(path, ns=(0, 0))
    job.run()
    time.sleep(0.02)  # a tick of the file system's clock
    Image.new("RGB", (4, 4), "blue").save(path)
    os.utime(path, ns=(0, 0))
    assert job.redone() == ["e.bmp"]


def test_a_photo_that_was_touched_alone_is_not_redone(job: Job) -> None:
    job.run()
    os.utime(job.input / "a.png")
    (job.input / "b.jpg").rename(job.input.parent / "x")
    (job.input / "b.jpg").write_bytes((job.input.parent / "x").read_bytes())
    assert job.redone() == []


def test_a_mask_that_cannot_be_read_fails_its_photo(job: Job, tmp_path: Path) -> None:
    job.others = {"b.jpg": tmp_path / "nowhere.png"}
    (failed,) = job.run().failures
    assert failed["error"] == f"No such file or directory: {tmp_path / 'nowhere.png'}"


@pytest.mark.parametrize("spoil", ["delete", "alter", "alter unseen", "swap"])
def test_a_result_that_is_not_as_it_was_is_redone(job: Job, spoil: str) -> None:
    job.run()
    result = job.output / "deep" / "c.png"
    good, status = result.read_bytes(), result.stat()
    if spoil == "delete":
        result.unlink()
    elif spoil == "swap":
        (job.output / "a.png").replace(result)
    else:
        time.sleep(0.02)
        result.write_bytes(good[:-1] + b"x")
        if spoil == "alter unseen":
            os.utime(result, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert job.redone() == (["a.png", "deep/c.webp"] if spoil == "swap" else ["deep/c.webp"])
    assert result.read_bytes() == good


def test_a_result_that_was_copied_is_as_good(job: Job) -> None:
    job.run()
    data = (job.output / "a.png").read_bytes()
    (job.output / "a.png").unlink()
    (job.output / "a.png").write_bytes(data)
    assert job.redone() == []


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            RuntimeError("CUDA out of memory.\n Tried to allocate"),
            "RuntimeError: CUDA out of memory. Tried to allocate",
        ),
        (MemoryError(), "MemoryError"),
        (ValueError("odd"), "ValueError: odd"),
        (UserError("tile=8: too small"), "tile=8: too small"),
        (PermissionError(errno.EACCES, "Permission denied", "/out/b.png"), "Permission denied: /out/b.png"),
    ],
)
def test_any_fault_is_one_images_own(
    job: Job, error: Exception, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = job.run(failing(job, error))
    assert (outcome.done, outcome.exit_code) == (3, 1)
    (failed,) = outcome.failures
    assert (failed["path"], failed["output"], failed["error"]) == ("b.jpg", None, reason)
    assert job.records()[1] == failed
    assert f"failed: b.jpg: {reason}" in capsys.readouterr().err
    assert job.redone() == ["b.jpg"]


def test_files_that_are_no_photos_are_named_with_the_reason(job: Job) -> None:
    whole = job.photo("whole.png").read_bytes()
    for name, data in {"empty.jpg": b"", "text.png": b"hello", "torn.png": whole[: len(whole) - 30]}.items():
        (job.input / name).write_bytes(data)
    (job.input / "gone.jpg").symlink_to(job.input / "nowhere.jpg")
    os.mkfifo(job.input / "pipe.jpg")
    outcome = job.run()
    assert outcome.done == 5
    reasons = {record["path"]: record["error"] for record in outcome.failures}
    assert reasons.keys() == {"empty.jpg", "text.png", "torn.png", "gone.jpg", "pipe.jpg"}
    assert reasons["empty.jpg"] == "the file is empty"
    assert reasons["pipe.jpg"] == "not a regular file"
    assert reasons["gone.jpg"] == f"no such file: a link to {job.input / 'nowhere.jpg'}, which is not there"
    assert "in/" not in reasons["text.png"]


def test_what_a_work_returns_must_be_plain(job: Job) -> None:
    (failed, *_) = job.run(lambda task: job.invert(task) | {"figures": {"x": object()}}).failures
    assert failed["error"].startswith("TypeError: not for a manifest")


def test_a_work_that_writes_nothing_fails(job: Job) -> None:
    assert len(job.run(lambda task: {}).failures) == 4


def test_an_older_result_of_a_failed_photo_is_not_passed_off_as_new(job: Job) -> None:
    job.run(strength=1)
    (failed,) = job.run(failing(job, ValueError("odd")), strength=2).failures
    assert (failed["output"], failed["notes"]) == ("b.png", ["the result in its place is an older one"])
