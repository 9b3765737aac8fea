"""The one exception that a command turns into a single clear message."""

from __future__ import annotations


class UserError(Exception):
    """A mistake that the user can mend: the message names the option or the file, the value it had, and the mend."""
