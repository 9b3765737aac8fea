"""The refusals of the package: where one is made, which of them a run of the tests made, and the form of their messages.

Every test process records them (tests/conftest.py); the whole of `make test` fails where a `raise UserError` in the
package was made by no test, and a message of another form than `<option>=<value>: <what is wrong>; <what to do>`.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

from gan_lab.errors import UserError

PACKAGE = Path(sys.modules[UserError.__module__].__file__ or "").parent

#: What is refused: options with or without a value, a flag, or a file.
_NAMED = r"[^\s=:,]+(?:=.*?)?"
#: "needs ..." says in one what is wrong and what to do.
FORM = re.compile(
    rf"(?:{_NAMED}(?:, {_NAMED})*|(?:checkpoint|mask|weights) .+?): (?:.+; \S|(?:.+ )?needs \S|.+did you mean \S)",
    re.DOTALL,
)


def list_refusals() -> set[str]:
    """Return every place that makes a `UserError`, as "gan_lab/options.py:31"."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "UserError":
                found.add(f"{path.relative_to(PACKAGE.parent)}:{node.lineno}")
    return found


class Record:
    """What a process of the tests has refused.

    Attributes:
        made: the places that made a `UserError`, and one message of each.
        malformed: those of another form, likewise.
        missing: the places that no test came to, where all tests ran.
    """

    def __init__(self) -> None:
        self.made: dict[str, str] = {}
        self.malformed: dict[str, str] = {}
        self.missing: set[str] = set()

    def start(self) -> None:
        """Record from now on."""

        def record(error: UserError, *arguments: object) -> None:
            Exception.__init__(error, *arguments)
            frame = sys._getframe(1)
            path = Path(frame.f_code.co_filename)
            if type(error) is UserError and path.is_relative_to(PACKAGE):
                place = f"{path.relative_to(PACKAGE.parent)}:{frame.f_lineno}"
                self.made[place] = str(error)
                if not FORM.match(str(error)):
                    self.malformed[place] = str(error)

        UserError.__init__ = record  # type: ignore[method-assign]
