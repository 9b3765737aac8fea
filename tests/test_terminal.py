"""Text that came from anywhere moves no cursor, and no reader of it ends what is done."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import gan_lab
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


# ---------------------------------------------------------------------------------------------------- who reads it

#: Prints what few encodings hold as `gan_lab` prints, and leaves with a code of its own.
SPEAK = """
import os, sys
from gan_lab.terminal import secure_output
secure_output()
print("failed", "Gr\\u00f6\\u00dfe/\\u4e2d\\u6587.jpg", flush=True)
print("more\\n" * 20000)
print("progress", sys.stderr.isatty(), file=sys.stderr)
with open("file", "w") as file:
    assert file.fileno() > 2
os.write(1, b"by the descriptor")
raise SystemExit(3)
"""
SPOKEN = "failed Gr\u00f6\u00dfe/\u4e2d\u6587.jpg"


def speak(folder: Path, shell: str = "", environment: dict[str, str] | None = None, **streams: Any) -> tuple[Any, ...]:
    """Run `SPEAK` with the redirections of a shell; return its exit code, stdout and stderr."""
    path = {"PYTHONPATH": str(Path(gan_lab.__file__).parent.parent)}
    done = subprocess.run(
        ["sh", "-c", f'"$0" -c "$1" {shell}', sys.executable, SPEAK],
        cwd=folder,
        env=os.environ | path | (environment or {}),
        **({"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams),
    )
    return done.returncode, done.stdout or b"", done.stderr or b""


@pytest.mark.parametrize(
    ("environment", "shown"),
    [
        ({"PYTHONIOENCODING": "utf-8"}, SPOKEN.encode()),
        ({"PYTHONIOENCODING": "ascii"}, SPOKEN.encode("ascii", "backslashreplace")),
        ({"PYTHONIOENCODING": "cp1252"}, SPOKEN.encode("cp1252", "backslashreplace")),
        ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, SPOKEN.encode("ascii", "backslashreplace")),
    ],
)
def test_what_an_encoding_lacks_is_escaped(environment: dict[str, str], shown: bytes, tmp_path: Path) -> None:
    code, out, _ = speak(tmp_path, "", environment)
    assert code == 3
    assert out.splitlines()[0] == shown
    assert b"by the descriptor" in out


@pytest.mark.parametrize("shell", [">&-", ">/dev/full"])
def test_without_a_stdout_results_go_to_stderr(shell: str, tmp_path: Path) -> None:
    code, _, err = speak(tmp_path, shell, {"PYTHONIOENCODING": "utf-8"})
    assert code == 3
    assert err.splitlines()[0] == SPOKEN.encode()
    assert b"by the descriptor" in err
    assert b"Exception" not in err


@pytest.mark.parametrize("shell", [">&- 2>&-", ">/dev/full 2>/dev/full", "2>&-"])
def test_without_a_stderr_the_exit_code_stays(shell: str, tmp_path: Path) -> None:
    assert speak(tmp_path, shell)[0] == 3


def test_a_reader_that_has_gone_has_read_enough(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    code, _, err = speak(tmp_path, "", stdout=writing)
    os.close(writing)
    assert (code, err) == (3, b"progress False\n")


def test_a_terminal_that_closes_ends_nothing(tmp_path: Path) -> None:
    terminal, end = os.openpty()
    os.close(terminal)
    assert speak(tmp_path, "", stdout=end, stderr=end)[0] == 3
    os.close(end)


def test_a_pipe_that_does_not_block_gets_everything(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    reader = subprocess.Popen(["sh", "-c", "sleep 0.5; wc -l"], stdin=reading, stdout=subprocess.PIPE)
    os.close(reading)
    assert speak(tmp_path, "", stdout=writing)[0] == 3
    os.close(writing)
    assert int(reader.communicate()[0]) == 20002


def test_a_command_secures_its_output(tmp_path: Path) -> None:
    line = "import sys; sys.argv = ['x', '--help']; import gan_lab.config as c; c.command('enhance')()"
    environment = os.environ | {"PYTHONPATH": str(Path(gan_lab.__file__).parent.parent)}
    for code in (line, "import sys; sys.argv = ['x']; from gan_lab.__main__ import main; main()"):
        with open("/dev/full", "w") as full:
            done = subprocess.run([sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, env=environment)
        assert done.returncode == 0, done.stderr
        assert b"gan_lab.enhance" in done.stderr
