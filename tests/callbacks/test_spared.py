"""What may fail beside a run does, is said once, and is taken up again."""

from __future__ import annotations

import logging

import pytest

from gan_lab.callbacks.spared import survive_errors


def fail(what: str, *errors: Exception | None, kinds: tuple[type[Exception], ...] = ()) -> None:
    for error in errors:
        with survive_errors(what, *kinds):
            if error is not None:
                raise error


def test_a_failure_is_said_when_it_begins_and_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    full = OSError(28, "No space left on device")
    fail("pictures", None, full, full, None, None, full)
    assert [record.message for record in caplog.records] == [
        "pictures cannot be written (No space left on device); the run goes on without",
        "pictures is written again",
        "pictures cannot be written (No space left on device); the run goes on without",
    ]


def test_what_is_no_failure_to_write_is_not_survived_unless_asked() -> None:
    with pytest.raises(ValueError, match="a mistake"):
        fail("pictures", ValueError("a mistake"))
    fail("a service", ValueError("its own way"), kinds=(Exception,))
    with pytest.raises(KeyboardInterrupt), survive_errors("a service", Exception):
        raise KeyboardInterrupt
