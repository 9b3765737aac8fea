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


#: By a part of their message: refusals that are made in a process of its own, or behind minutes of work.
ELSEWHERE = (
    "continue the sweep with",  # of a sweep's job: a process of tests/integration/test_train.py
    "that were looked at, and a direction is",  # of a class that none of the searched photos is of, or all
    "has no photos to take a direction from",
    "belongs beside a _target_, and there is none",  # of an argument of any kind, which shipped classes have none of
    "does not fit Inception",  # of a file of 90 MB
)


def list_refusals() -> set[str]:
    """Return every place that makes a `UserError`, as "gan_lab/options.py:31", but for those of `ELSEWHERE`."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "UserError":
                texts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
                if not any(known in str(text) for known in ELSEWHERE for text in texts):
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
