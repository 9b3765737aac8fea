"""Text that a terminal may show, whatever it was made of, and streams that take any text, whatever reads them."""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from contextlib import suppress
from typing import Any


def printable(text: str, keep: str = "") -> str:
    r"""Return text with what no terminal shows escaped: control characters, and bytes of a name that are no Unicode.

    Args:
        text: of any origin: a file's name, a class, a message about either.
        keep: characters that stay as they are: "\n\t" for text of several lines.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() or letter in keep else ascii(letter)[1:-1] for letter in text)


class LastingFile(io.FileIO):
    """A descriptor for output to which writing is never an error.

    Where stdout cannot be written to, what follows goes to stderr; where its reader has gone, or stderr fails too, nowhere.
    The descriptor itself is led there, so that whatever else writes to it goes along.
    """

    _redirected = False

    def write(self, content: Any) -> int:
        """Write bytes, and return how many."""
        while True:
            try:
                written = super().write(content)
            except OSError as error:
                self._redirect(error)
            else:
                if written is not None:
                    return written
                select.select([], [self], [])  # the other end of a pipe made it one that does not block

    def _redirect(self, error: OSError) -> None:
        to_stderr = self.fileno() == 1 and not self._redirected and error.errno != errno.EPIPE
        lead_descriptor(self.fileno(), 2 if to_stderr else None)
        self._redirected = True


def secure_output() -> None:
    """Have stdout and stderr take any text and outlive their readers, so that no output ends or fails what was done.

    What an encoding lacks is escaped. A stream that is closed is none to write to: stdout is then stderr, and stderr nothing.
    """
    for name, number in (("stderr", 2), ("stdout", 1)):
        stream: Any = getattr(sys, name)
        if stream is None:
            with suppress(OSError):
                os.fstat(number)
                continue  # something else was opened in its place
            lead_descriptor(number, 2 if name == "stdout" else None)
            stream = open(number, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, f"__{name}__", stream)
        elif stream is not getattr(sys, f"__{name}__"):  # another program's, which has its own
            continue
        if os.name == "nt":  # a console there is no file
            stream.reconfigure(errors="backslashreplace")
            continue
        with suppress(OSError):
            stream.flush()
        file = io.BufferedWriter(LastingFile(number, "w", closefd=False))
        options = {"line_buffering": stream.line_buffering, "write_through": stream.write_through}
        setattr(sys, name, io.TextIOWrapper(file, stream.encoding, "backslashreplace", **options))


def lead_descriptor(number: int, to: int | None) -> None:
    """Make a descriptor a copy of another; of none, one that swallows what is written."""
    other = os.open(os.devnull, os.O_WRONLY) if to is None else to
    if other == number:  # the first that was free
        os.set_inheritable(number, True)
        return
    os.dup2(other, number)
    if to is None:
        os.close(other)
