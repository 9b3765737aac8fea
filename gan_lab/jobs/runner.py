"""A plan carried out: what is done already is skipped, one image's fault is no other's, and a kill costs nothing."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gan_lab.errors import UserError
from gan_lab.jobs.attempt import Work, attempt
from gan_lab.jobs.folder import Plan
from gan_lab.jobs.manifest import Manifest, Record
from gan_lab.jobs.outcome import Outcome
from gan_lab.jobs.progress import Progress
from gan_lab.storage import remove_incomplete_files
from gan_lab.storage.locks import lock_folder, refuse_linked_folders

#: Seconds until a signal is noticed while no image ends.
_PATIENCE = 0.25
#: What stops a job, where it was not ignored when that began (nohup ignores SIGHUP).
_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
#: The status of what lies among the photos and is none.
NO_PHOTO = "no photo"


def run_job(plan: Plan, work: Work, *, settings: Mapping[str, Any], verb: str, jobs: int = 1) -> Outcome:
    """Do every task that is not done yet, and write down in the output folder's `manifest.jsonl` what was done.

    A task is done where its record says so, and its photo, its other files, the settings and its result are still those
    of the record. A task that fails, for whatever reason, is recorded, named on stderr, and tried again by the next call.
    SIGINT, SIGTERM and SIGHUP let the images in progress end and start no more; a second one kills.

    A record holds path, output (both relative, with slashes), status ("done" or "failed"), what `work` returned, notes
    (the task's and work's), error (of a failure), input_sha256, others_sha256, output_sha256, settings_sha256, seconds,
    and stamps, which spare reading a file again. That of a file that is no photo has path, output (null) and status
    ("no photo").

    Args:
        plan: what there is to do.
        work: makes the target, whole or not at all, and returns what the record shall hold: plain containers, the
            numbers in them numpy's or Python's. It is called in `jobs` threads at once.
        settings: everything that decides a result beside the files of a task; plain containers, kept in the manifest.
        verb: for the progress: "enhancing".
        jobs: images in progress at once.

    Raises:
        UserError: `jobs` is no number from 1; another process is at work in the output folder; a folder in it is a link;
            it cannot be written to, or its disk is full: then the next call goes on from there.
    """
    check_jobs(jobs)
    folders = {plan.output, *(task.target.parent for task in plan.tasks)}
    with lock_folder(plan.output):
        refuse_linked_folders(plan.output, sorted(folders))
        remove_incomplete_files(folders)
        manifest = Manifest(plan.output, settings)
        outcome = Outcome(plan.output, len(plan.tasks), left=_forget(manifest, plan), unlisted=plan.unlisted)
        outcome.others, outcome.aside = plan.others, plan.aside
        manifest.records |= {path: {"path": path, "output": None, "status": NO_PHOTO} for path in plan.others}
        try:
            with manifest:
                _do_all(plan, work, manifest, outcome, verb, jobs)
        except OSError as error:
            raise UserError(
                f"output={plan.output}: {error.strerror or error}; stopped after {outcome.done} images, and nothing is "
                "lost: repair it and run the same command again to go on"
            ) from error
    outcome.records.sort(key=lambda record: str(record["path"]))
    return outcome


def check_jobs(jobs: int) -> None:
    """Refuse what is no number of threads."""
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
        raise UserError(f"jobs={jobs}: needs a whole number from 1")


def _forget(manifest: Manifest, plan: Plan) -> tuple[str, ...]:
    """Drop the records whose photos are gone; return the results that no photo of the plan stands behind any more."""
    targets = {task.name: plan.result(task) for task in plan.tasks}
    current = set(targets.values())
    left = []
    for path, record in list(manifest.records.items()):
        gone = path not in targets and _is_gone(plan.root / path)
        if gone:
            del manifest.records[path]
        result = record.get("output")
        moved = result != targets.get(path, result)
        if (gone or moved) and isinstance(result, str) and result not in current and (plan.output / result).is_file():
            left.append(result)
    return tuple(sorted(left))


def _is_gone(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:  # it may be there, in a folder that may not be listed
        return False
    return False


def _do_all(plan: Plan, work: Work, manifest: Manifest, outcome: Outcome, verb: str, jobs: int) -> None:
    """Do the tasks in threads, and all that is written down in this one.

    Raises:
        OSError: no more can be written.
    """
    tasks = iter(plan.tasks)
    fault: BaseException | None = None
    pending: set[Future[tuple[str, Record]]] = set()
    with _note_signals() as noted, Progress(verb, len(plan.tasks)) as progress:
        with ThreadPoolExecutor(jobs) as threads:
            while True:
                while fault is None and not noted and len(pending) < jobs and (task := next(tasks, None)) is not None:
                    old = manifest.records.get(task.name, {})
                    pending.add(threads.submit(attempt, task, work, plan.result(task), old, manifest.settings_sha256))
                if not pending:
                    break
                ended, pending = wait(pending, _PATIENCE, FIRST_COMPLETED)
                for future in ended:
                    try:
                        _settle(*future.result(), manifest, outcome, progress)
                    except BaseException as error:
                        fault = fault or error
                if noted and outcome.signal is None:
                    outcome.signal = noted[0]
                    progress.close(f"stopping after {len(pending)} images in progress; once more to stop at once")
        try:
            manifest.compact()
        except OSError as error:
            fault = fault or error
    if len(outcome.records) == len(plan.tasks):
        outcome.signal = None  # it came too late
    if fault is not None:
        raise fault


@contextmanager
def _note_signals() -> Iterator[list[int]]:
    """Note the first of `_SIGNALS` in the yielded list, in place of its effect; the next one kills."""
    noted: list[int] = []

    def note(number: int, _: object) -> None:
        noted.append(number)
        signal.signal(number, signal.SIG_DFL)

    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():  # no other may set handlers
        before = {number: signal.getsignal(number) for number in _SIGNALS}
    before = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for number in before:
        signal.signal(number, note)
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _settle(state: str, record: Record, manifest: Manifest, outcome: Outcome, progress: Progress) -> None:
    """Write down what became of a task."""
    if state == "skipped":
        manifest.records[record["path"]] = record  # its stamps may be fresher; the end writes them
        outcome.skipped += 1
        progress.skip()
    else:
        manifest.append(record)
        outcome.done += state == "done"
        progress.advance()
    if state == "failed":
        progress.say(f"failed: {record['path']}: {record['error']}")
    outcome.records.append(record)
