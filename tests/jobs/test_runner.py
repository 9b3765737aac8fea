"""A job on real files: it goes on where it stopped, redoes exactly what it must, and one image's fault is no other's."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from gan_lab.errors import UserError
from gan_lab.jobs import Outcome, Task, plan_job, report_job, run_job
from gan_lab.photo_files import read_image
from tests.jobs.job import NAMES, Job, sha256

# ------------------------------------------------------------------------------------------------ what is written down


def test_the_manifest_tells_everything(job: Job) -> None:
    outcome = job.run(strength=0.5)
    assert (outcome.done, outcome.skipped, outcome.exit_code) == (4, 0, 0)
    assert read_image(job.output / "a.png").max() == 235
    header = json.loads((job.output / "manifest.jsonl").read_bytes().splitlines()[0])
    assert list(header["settings"].values()) == [{"strength": 0.5}]
    records = job.records()
    assert records == outcome.records
    assert [record["path"] for record in records] == NAMES
    first = records[0]
    assert first["input_sha256"] == sha256(job.input / "a.png")
    assert first["output_sha256"] == sha256(job.output / "a.png")
    assert first["settings_sha256"] in header["settings"]
    assert first["seconds"] >= 0
    assert (first["output"], first["status"], first["others_sha256"]) == ("a.png", "done", [])
    assert (first["figures"], first["verdict"], first["notes"]) == ({"mean": 20.0}, "accept", ["inverted"])
    assert records[3]["output"] == "deep/\u00c4rmel blau.png"
    assert sorted(path.name for path in job.output.iterdir()) == ["a.png", "b.png", "deep", "manifest.jsonl"]


def test_more_threads_write_the_same_manifest(job: Job) -> None:
    def slow_first(task: Task) -> dict[str, Any]:
        time.sleep(0.3 if task.name == "a.png" else 0)
        return job.invert(task)

    (job.input / "broken.png").write_bytes(b"no image")
    made = []
    for jobs in (1, 4):
        job.run(slow_first, jobs=jobs)
        made.append([{k: v for k, v in record.items() if k not in ("seconds", "stamps")} for record in job.records()])
        (job.output / "manifest.jsonl").unlink()
    assert made[0] == made[1]
    assert len(made[0]) == 5


def test_no_more_than_jobs_are_in_progress(job: Job) -> None:
    lock, now, most = threading.Lock(), 0, 0

    def work(task: Task) -> dict[str, Any]:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.1)
        with lock:
            now -= 1
        return job.invert(task)

    assert job.run(work, jobs=2).done == 4
    assert most == 2


def test_what_a_format_could_not_keep_is_noted(job: Job) -> None:
    job.photo("d.gif")
    records = job.run(format="same").records
    assert records[2]["notes"] == ["saved as png: no .gif is written", "inverted"]
    assert (job.output / "d.png").exists()


# ------------------------------------------------------------------------------------------------ going on


def test_nothing_is_done_twice(job: Job) -> None:
    job.run(strength=1)
    first = job.records()
    assert job.redone(strength=1) == []
    unstamped = [{k: v for k, v in record.items() if k != "stamps"} for record in first]
    assert [{k: v for k, v in record.items() if k != "stamps"} for record in job.records()] == unstamped


def test_a_changed_photo_is_redone(job: Job) -> None:
    job.run()
    job.photo("b.jpg", 91)
    assert job.redone() == ["b.jpg"]
    assert abs(int(read_image(job.output / "b.png").max()) - 164) <= 1


def test_other_settings_redo_everything_once(job: Job) -> None:
    job.run(strength=1.0)
    assert job.redone(strength=0.5) == NAMES
    assert job.redone(strength=0.5) == []
    assert job.redone(strength=1.0) == NAMES


def test_another_mask_redoes_its_photo(job: Job, tmp_path: Path) -> None:
    mask = tmp_path / "mask.png"
    mask.write_bytes(b"one")
    job.run()
    job.others = {"b.jpg": mask}
    assert job.redone() == ["b.jpg"]
    assert job.redone() == []
    mask.write_bytes(b"two")
    assert job.redone() == ["b.jpg"]
    job.others = {}
    assert job.redone() == ["b.jpg"]


def test_another_format_is_another_result(job: Job) -> None:
    job.run()
    outcome = job.run(format="webp")
    assert (outcome.done, outcome.skipped) == (4, 0)
    assert outcome.left == ("a.png", "b.png", "deep/c.png", "deep/\u00c4rmel blau.png")
    assert (job.output / "a.png").exists()
    assert job.run(format="webp").left == ()


def test_a_result_under_another_name_is_written_down_under_it(job: Job) -> None:
    job.run()
    job.photo("a.jpg", 7)  # now a.png's result has to be told apart from this one's
    (job.output / "a.png.png").write_bytes((job.output / "a.png").read_bytes())
    assert job.redone() == ["a.jpg", "a.png"]
    assert [record["output"] for record in job.records()[:2]] == ["a.jpg.png", "a.png.png"]


def test_a_record_that_says_failed_is_tried_again(job: Job) -> None:
    job.run()
    manifest = job.output / "manifest.jsonl"
    manifest.write_text(manifest.read_text().replace('"status": "done"', '"status": "failed"', 1))
    assert job.redone() == ["a.png"]


def test_new_photos_are_added(job: Job) -> None:
    job.run()
    job.photo("new.png")
    assert job.redone() == ["new.png"]


def test_a_photo_that_is_gone_is_forgotten_and_its_result_left(job: Job) -> None:
    job.run()
    (job.input / "a.png").unlink()
    outcome = job.run()
    assert (outcome.planned, outcome.skipped, outcome.left) == (3, 3, ("a.png",))
    assert (job.output / "a.png").exists()
    assert [record["path"] for record in job.records()] == NAMES[1:]
    assert job.run().left == ()


def test_a_result_that_another_photo_took_over_is_not_left(job: Job) -> None:
    job.run()
    (job.input / "a.png").rename(job.input / "a.bmp")
    outcome = job.run()
    assert (outcome.done, outcome.left) == (1, ())


def test_one_photo_alone_does_not_forget_the_others(job: Job) -> None:
    job.run()
    outcome = run_job(plan_job(job.input / "b.jpg", job.output), job.invert, settings={}, verb="inverting")
    assert (outcome.planned, outcome.skipped, outcome.left) == (1, 1, ())
    assert job.redone() == []


def test_a_torn_manifest_costs_what_was_torn(job: Job) -> None:
    job.run()
    data = (job.output / "manifest.jsonl").read_bytes()
    (job.output / "manifest.jsonl").write_bytes(data[:-9])
    assert job.redone() == [NAMES[-1]]


def test_without_a_manifest_everything_is_redone(job: Job) -> None:
    job.run()
    (job.output / "manifest.jsonl").unlink()
    assert job.redone() == NAMES


# ------------------------------------------------------------------------------------------------ faults


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
@pytest.mark.parametrize("jobs", [1, 3])
def test_a_full_disk_stops_the_job_and_loses_nothing(job: Job, code: int, jobs: int) -> None:
    def work(task: Task) -> dict[str, Any]:
        if task.name == "b.jpg":
            try:
                raise OSError(code, os.strerror(code))
            except OSError as error:
                raise UserError("output: cannot write b.png") from error
        time.sleep(0.1)
        return job.invert(task)

    with pytest.raises(UserError, match=rf"{os.strerror(code)}; stopped after {1 if jobs == 1 else 2} images, .*again"):
        job.run(work, jobs=jobs)
    done = ["a.png"] if jobs == 1 else ["a.png", "deep/c.webp"]
    assert sorted(job.called) == done
    assert [record["path"] for record in job.records()] == done
    assert job.redone() == [name for name in NAMES if name not in done]


def test_a_real_full_disk_is_seen(job: Job) -> None:
    def work(task: Task) -> dict[str, Any]:
        job.called.append(task.name)
        with open("/dev/full", "wb") as file:
            file.write(b"x")
        return {}

    with pytest.raises(UserError, match="No space left on device"):
        job.run(work)
    assert job.called == ["a.png"]


def test_a_manifest_that_cannot_be_written_stops_the_job(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda file, data: real(file, data[:5] if data.startswith(b"{") else data))
    with pytest.raises(UserError, match="No space left on device"):
        job.run()
    assert job.called == ["a.png"]
    monkeypatch.undo()
    assert [record["path"] for record in job.records()] == ["a.png"]  # the disk had room for it at the end


def test_an_output_that_cannot_be_made_is_told(job: Job) -> None:
    job.output.symlink_to("/proc/self/nothing")
    with pytest.raises(UserError, match=r"output=.*out: cannot be written to"):
        job.run()
    assert job.called == []


@pytest.mark.parametrize("deep", [False, True])
def test_an_output_folder_with_a_link_that_leads_out_of_it_is_refused(deep: bool, job: Job, tmp_path: Path) -> None:
    job.photo("2024/may/a.png")
    theirs = tmp_path / "theirs/may/a.png"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"a picture")
    link = job.output / "2024" / ("may" if deep else "")
    link.parent.mkdir(parents=True)
    link.symlink_to(theirs.parent if deep else theirs.parent.parent)
    with pytest.raises(UserError, match=f"{link}: is a link to .*name another folder"):
        job.run()
    assert job.called == []
    assert theirs.read_bytes() == b"a picture"


def test_a_result_that_is_a_link_is_replaced_and_not_what_it_leads_to(job: Job, tmp_path: Path) -> None:
    job.output.mkdir()
    for name in ("a.png", "manifest.jsonl"):
        (tmp_path / name).write_bytes(b"")
        (job.output / name).symlink_to(tmp_path / name)
    assert job.run().done == len(job.records())
    for name in ("a.png", "manifest.jsonl"):
        assert not (job.output / name).is_symlink()
        assert (tmp_path / name).read_bytes() == b""


@pytest.mark.parametrize("jobs", [0, -1, 1.5, True, "2"])
def test_jobs_is_a_number_of_threads(job: Job, jobs: Any) -> None:
    with pytest.raises(UserError, match=f"jobs={jobs}: needs a whole number"):
        job.run(jobs=jobs)
    assert not job.output.exists()


# ------------------------------------------------------------------------------------------------ stopping and killing


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_what_is_begun_and_no_more(
    job: Job, number: int, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def before(number: int, frame: Any) -> None:
        raise AssertionError("the signal had its usual effect")

    outer = signal.signal(number, before)  # a shell may start tests with SIGINT ignored
    handlers = []

    def work(task: Task) -> dict[str, Any]:
        if task.name == "b.jpg":
            os.kill(os.getpid(), number)
            time.sleep(0.6)
            handlers.append(signal.getsignal(number))
        return job.invert(task)

    outcome = job.run(work)
    assert signal.signal(number, outer) == before
    assert handlers == [signal.SIG_DFL]  # a second one kills
    assert job.called == ["a.png", "b.jpg"]
    assert [record["path"] for record in job.records()] == ["a.png", "b.jpg"]
    assert "stopping after 1 images in progress" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stopped:
        report_job(outcome, "inverted")
    assert stopped.value.code == code
    assert "2 images are left; run the same command again" in capsys.readouterr().out
    assert job.redone() == NAMES[2:]


def test_a_signal_after_the_last_image_is_too_late(job: Job) -> None:
    def work(task: Task) -> dict[str, Any]:
        if task.name == NAMES[-1]:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.3)
        return job.invert(task)

    assert job.run(work).exit_code == 0


def test_a_signal_that_is_ignored_stays_ignored(job: Job) -> None:
    def work(task: Task) -> dict[str, Any]:
        os.kill(os.getpid(), signal.SIGINT)
        return job.invert(task)

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as nohup and a shell's & leave it
    try:
        assert job.run(work).exit_code == 0
    finally:
        signal.signal(signal.SIGINT, before)


def test_it_runs_where_no_signal_can_be_caught(job: Job) -> None:
    outcomes: list[Outcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(job.run()))
    thread.start()
    thread.join()
    assert outcomes[0].done == 4


KILLED = """
import sys, time
from gan_lab.photo_files import read_image
from gan_lab.storage import write_atomically
from gan_lab.jobs import plan_job, run_job
from gan_lab.jobs.sampling import as_photo

def work(task):
    if task.name >= "deep":
        with write_atomically(task.target) as file:
            file.write(b"half a picture")
            file.flush()
            time.sleep(600)
    as_photo(255 - read_image(task.source))(task.target, None)
    return {"by": "the killed one"}

run_job(plan_job(sys.argv[1], sys.argv[2]), work, settings={}, verb="inverting", jobs=2)
"""


@pytest.fixture
def killed(job: Job) -> Iterator[subprocess.Popen[bytes]]:
    """Yield a process at work on the job that is in the midst of two results, and kill it in the end."""
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(job.input), str(job.output)])
    try:
        while len(list(job.output.glob("deep/.*.part"))) < 2:
            assert process.poll() is None
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_killed_job_goes_on_where_it_stopped(job: Job, killed: subprocess.Popen[bytes]) -> None:
    with pytest.raises(UserError, match=rf"out: another process is at work there \(process {killed.pid}\)"):
        job.run()
    assert job.called == []
    assert len(list(job.output.glob("deep/.*.part"))) == 2  # the second one touched nothing
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    assert sorted(path.name for path in job.output.glob("*.png")) == ["a.png", "b.png"]
    foreign = job.output / "deep" / ".mine.part"
    foreign.write_text("x")
    assert job.redone() == NAMES[2:]
    assert [record.get("by") for record in job.records()] == ["the killed one", "the killed one", None, None]
    names = {path.relative_to(job.output).as_posix() for path in job.output.rglob("*") if path.is_file()}
    results = {"a.png", "b.png", "deep/c.png", "deep/\u00c4rmel blau.png"}
    assert names == results | {"manifest.jsonl", "deep/.mine.part"}


# ------------------------------------------------------------------------------------------------ what is said


def test_an_unlisted_folder_is_no_success_and_forgets_nothing(job: Job) -> None:
    job.run()
    unseen = "d" * 300 + "/x.png"  # longer than a name may be: as little to be looked at as what is forbidden
    with (job.output / "manifest.jsonl").open("a") as file:
        file.write(json.dumps({"path": unseen, "output": unseen, "status": "done"}) + "\n")
    planned = replace(job.plan(), unlisted=("in/secret: Permission denied",))
    outcome = run_job(planned, job.invert, settings={}, verb="inverting")
    assert (outcome.skipped, outcome.exit_code) == (4, 1)
    assert unseen in [record["path"] for record in job.records()]


def test_what_is_no_photo_is_in_the_manifest_and_the_summary(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    (job.input / "notes.txt").touch()
    (job.input / "@eaDir").mkdir()
    outcome = job.run()
    assert (outcome.exit_code, job.records()[-1]) == (0, {"path": "notes.txt", "output": None, "status": "no photo"})
    capsys.readouterr()
    report_job(outcome, "inverted")
    assert capsys.readouterr().out.splitlines()[1:] == [
        *("no photos    1 files:", "  notes.txt", "left out     1 files and folders of the system:", "  @eaDir")
    ]
    (job.input / "notes.txt").rename(job.input / "other.txt")
    job.run()
    assert [record["path"] for record in job.records() if record["status"] == "no photo"] == ["other.txt"]
    Image.open(job.input / "a.png").save(job.input / "other.png")
    (job.input / "other.txt").unlink()
    job.run()
    assert {record["status"] for record in job.records()} == {"done"}


def test_a_photo_that_cannot_be_read_is_a_failure(job: Job) -> None:
    (job.input / "a.cr2").write_bytes(b"II*\0\x10\0\0\0CR\2\0")
    (job.input / "c.png").symlink_to("c.png")
    outcome = job.run()
    assert outcome.exit_code == 1
    assert {record["path"]: record["error"][:20] for record in outcome.failures} == {
        "a.cr2": "the raw file of a ca",
        "c.png": "a link that leads in",
    }
