"""What a run writes beside its checkpoints may fail without taking the run along."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

log = logging.getLogger(__name__)

_failing: set[str] = set()


@contextmanager
def survive_errors(what: str, *kinds: type[Exception]) -> Iterator[None]:
    """Go on where something cannot be written, and say so when that begins and when it ends.

    Args:
        what: what is written, for the log.
        kinds: of errors that are survived; OSError unless given: a full disk, a folder that is gone or read-only.
    """
    survived = kinds or (OSError,)
    try:
        yield
    except survived as error:
        if what not in _failing:
            log.error("%s cannot be written (%s); the run goes on without", what, summarise_error(error))
        _failing.add(what)
    else:
        if what in _failing:
            log.info("%s is written again", what)
        _failing.discard(what)


def get_logger_name(logger: Any) -> str:
    """Return a logger's name, for the log."""
    return str(getattr(logger, "name", None) or type(logger).__name__)


def summarise_error(error: Exception) -> str:
    """Return an error in a line."""
    words = getattr(error, "strerror", None) or str(error)
    return words.splitlines()[0][:200] if words else type(error).__name__
