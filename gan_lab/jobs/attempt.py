"""One task: skipped where it is done already, else done, with its record; its faults are its own."""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Callable, Mapping
from itertools import chain, repeat
from typing import Any

from gan_lab.errors import UserError
from gan_lab.hardware import fit_threads
from gan_lab.jobs.folder import Task
from gan_lab.jobs.manifest import Fingerprint, Record, fingerprint, make_plain
from gan_lab.photo_files import UnreadableImage
from gan_lab.photo_files.access import describe_link

log = logging.getLogger(__name__)

Work = Callable[[Task], Mapping[str, Any]]

#: With these, every further image would fail too.
_HOPELESS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def attempt(task: Task, work: Work, result: str, old: Record, settings: str) -> tuple[str, Record]:
    """Do a task unless it is done already; in a thread of its own.

    Args:
        task: what to do.
        work: see `run`.
        result: the target's path in the results' folder.
        old: the task's record so far, which may be empty.
        settings: their hash.

    Returns:
        "done", "skipped" or "failed", and the record.

    Raises:
        OSError: no further image could be written either.
    """
    start = time.monotonic()
    fit_threads()
    prints: dict[str, Any] = {}
    try:
        inputs = _inputs(task, old)
        prints = {"input_sha256": inputs[0].sha256, "others_sha256": [each.sha256 for each in inputs[1:]]}
        prints |= {"settings_sha256": settings}
        stamps: dict[str, Any] = {"inputs": [each.stamp for each in inputs]}
        written = _result(task, old, result, prints)
        if written is not None:
            return "skipped", old | {"stamps": stamps | {"output": written.stamp}}
        made = make_plain(work(task))
        written = fingerprint(task.target, own=True)
    except Exception as error:
        if (hopeless := _hopeless(error)) is not None:
            raise hopeless from None
        log.debug("%s", task.name, exc_info=True)
        older = result if os.path.exists(task.target) else None
        made = {"error": _reason(error, task), "notes": ["the result in its place is an older one"] if older else []}
        state, ends = "failed", {"path": task.name, "output": older, "status": "failed"}
    else:
        prints |= {"output_sha256": written.sha256, "stamps": stamps | {"output": written.stamp}}
        state, ends = "done", {"path": task.name, "output": result, "status": "done"}
    notes = {"notes": [*task.notes, *(made.get("notes") or ())]}
    return state, ends | made | notes | prints | ends | {"seconds": round(time.monotonic() - start, 3)}


def _inputs(task: Task, old: Record) -> list[Fingerprint]:
    """Return the fingerprints of a task's photo and other files.

    Raises:
        OSError: one cannot be read.
    """
    known = [old.get("input_sha256", ""), *old.get("others_sha256", ())]
    stamps = old.get("stamps", {}).get("inputs", ())
    before = [Fingerprint(*each) for each in zip(known, stamps, strict=False)]
    files = (task.source, *task.others)
    return [fingerprint(path, each) for path, each in zip(files, chain(before, repeat(None)), strict=False)]


def _result(task: Task, old: Record, result: str, prints: Record) -> Fingerprint | None:
    """Return the fingerprint of a task's result; None where it has to be made (anew)."""
    if old.get("status") != "done" or old.get("output") != result or any(old.get(key) != prints[key] for key in prints):
        return None
    known = Fingerprint(old.get("output_sha256", ""), old.get("stamps", {}).get("output", ""))
    try:
        written = fingerprint(task.target, known)
    except (OSError, UnreadableImage):
        return None
    return written if written.sha256 == known.sha256 else None


def _hopeless(error: BaseException | None) -> OSError | None:
    """Return the error, or the one behind it, that would meet every further image too."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _HOPELESS:
            return error
        error = error.__cause__ or error.__context__
    return None


def _reason(error: Exception, task: Task) -> str:
    """Say in one line what went wrong with an image."""
    if isinstance(error, UnreadableImage) and error.path == task.source:
        text = error.reason
    elif (link := describe_link(task.source)) is not None:
        text = link
    elif isinstance(error, OSError) and error.strerror:
        text = error.strerror + (f": {error.filename}" if error.filename else "")
    else:
        text = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
    return " ".join(text.split())[:500].rstrip(": ")
