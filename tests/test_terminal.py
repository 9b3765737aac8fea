"""Text that came from anywhere moves no cursor."""

from __future__ import annotations

import logging

import pytest

from gan_lab.config import MaskedFormatter, fail
from gan_lab.errors import UserError
from gan_lab.terminal import printable

NASTY = "a\x1b[2J\x1b]0;title\x07\r\x9b1mb\u202e\udcff\x7fé"
ESCAPED = "a\\x1b[2J\\x1b]0;title\\x07\\r\\x9b1mb\\u202e\\udcff\\x7fé"


def test_what_no_terminal_shows_is_escaped() -> None:
    assert printable(NASTY) == ESCAPED
    assert printable("a\n\tb") == "a\\n\\tb"
    assert printable("a\n\tb", keep="\n\t") == "a\n\tb"
    assert printable("plain äöü 漢字") == "plain äöü 漢字"


def test_errors_and_the_log_show_names_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    assert str(UserError(f"data.root: {NASTY}\n  more")) == f"data.root: {ESCAPED}\n  more"
    with pytest.raises(SystemExit):
        fail(UserError(NASTY))
    assert capsys.readouterr().err == f"error: {ESCAPED}\n"
    record = logging.LogRecord("x", logging.WARNING, "", 0, "class %s", (NASTY,), None)
    assert MaskedFormatter("%(message)s").format(record) == f"class {ESCAPED}"
