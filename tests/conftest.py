"""What every test runs under: one thread, so that tests in several processes do not wait for each other's, and a cache.

Refusals are recorded (tests/refusals.py). Where all tests ran, it is a failure that none of them made one of the package's.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch

from tests.refusals import Record, list_refusals

torch.set_num_threads(1)
torch.set_flush_denormal(True)

# The index of photos goes to a cache of the tests' own, which is gone after them; what is compiled stays in the user's.
_CACHE = tempfile.TemporaryDirectory()
os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(Path("~/.cache/gan_lab/compiled").expanduser()))
os.environ["XDG_CACHE_HOME"] = _CACHE.name

_RECORD = Record()


def pytest_configure() -> None:
    _RECORD.start()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the record to the process that collects those of pytest-xdist; there, fail for what it shows."""
    config = session.config
    if hasattr(config, "workeroutput"):
        config.workeroutput["refusals"] = _RECORD.made, _RECORD.malformed
        return
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not config.option.keyword
    # without the photos some tests are skipped
    if whole and not session.testsfailed and os.environ.get("GAN_LAB_PHOTOS"):
        _RECORD.missing = list_refusals() - _RECORD.made.keys()
    if _RECORD.malformed or _RECORD.missing:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Take over what a process of pytest-xdist has recorded."""
    made, malformed = getattr(node, "workeroutput", {}).get("refusals", ({}, {}))
    _RECORD.made.update(made)
    _RECORD.malformed.update(malformed)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for place, message in sorted(_RECORD.malformed.items()):
        terminalreporter.write_line(f"REFUSAL of another form, {place}: {message}", red=True)
    for place in sorted(_RECORD.missing):
        terminalreporter.write_line(f"REFUSAL that no test makes: {place}", red=True)
