"""A mistake of the user's, as one message."""

from __future__ import annotations

from gan_lab.errors import UserError


def test_of_a_workers_traceback_the_message_alone_is_said() -> None:
    # as torch hands on the error of a worker
    text = "Caught UserError in DataLoader worker process 0.\nTraceback (most recent call last):\n  File ...\n"
    assert str(UserError(f"{text}gan_lab.errors.UserError: data.root=a: is empty; name another\n")) == (
        "data.root=a: is empty; name another"
    )


def test_what_a_name_holds_moves_no_cursor() -> None:
    assert str(UserError("input=a\x1b[2J\n\tb: is no folder")) == "input=a\\x1b[2J\n\tb: is no folder"
