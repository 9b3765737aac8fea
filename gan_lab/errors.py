"""The one exception that a command turns into a single clear message."""

from __future__ import annotations

from gan_lab.terminal import printable


class UserError(Exception):
    """A mistake that the user can put right; its message is `<option>=<value>: <what is wrong>; <what to do>`."""

    def __str__(self) -> str:
        # A DataLoader hands on a worker's error as one made of its traceback's text, which ends with the message.
        text = super().__str__().rpartition(f"{type(self).__module__}.{type(self).__qualname__}: ")[2].rstrip()
        return printable(text, keep="\n\t")  # it may name a file or a class, and a name may hold a terminal's orders
