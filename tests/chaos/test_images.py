"""Damaged and hostile image files in numbers; `images.py` says what is done to them and what counts as a failure."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from tests.chaos import images


@pytest.mark.parametrize("count", [440, pytest.param(20_000, marks=pytest.mark.slow)])
def test_every_file_is_decoded_or_refused(count: int) -> None:
    findings = images.fuzzed(count, seed=1, show=False)
    assert findings.failures == {}
    assert sum(findings.outcomes.values()) == count


def test_whole_files_are_decoded_and_a_case_is_what_its_number_says(tmp_path: Path) -> None:
    originals = images.whole_files()
    for kind, data in originals.items():
        path = tmp_path / "whole"
        path.write_bytes(data)
        assert images.outcome(path, tmp_path) == "decoded", kind
    first, again, other = (images.case(number, 1, originals) for number in (7, 7, 8))
    assert first == again != other


@pytest.mark.parametrize(
    ("fault", "seconds", "told"),
    [
        (lambda *_: os.kill(os.getpid(), signal.SIGKILL), 30, "ended the process (-9)"),
        (lambda *_: sum(range(10**12)), 0.5, "held for more than"),
        (lambda *_: [bytes(200 * 2**20)[::4096] and bytearray(b"x") * (500 * 2**20)], 30, "MB more"),
        (lambda *_: 1 / 0, 30, "ZeroDivisionError: division by zero"),
    ],
)
def test_what_a_reader_must_not_do_is_found(
    fault: object, seconds: float, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, seen = images.outcome, multiprocessing.Value("i", 0)

    def outcome(path: Path, folder: Path) -> str:
        seen.value += 1
        if seen.value == len(images.whole_files()) + 3:  # the third case; the whole files come first
            fault()  # type: ignore[operator]
        return read(path, folder)

    monkeypatch.setattr(images, "outcome", outcome)
    monkeypatch.setattr(images, "SECONDS", seconds)
    begin = time.monotonic()
    findings = images.fuzzed(6, seed=1, show=False)
    assert list(findings.failures) == [2]
    assert told in findings.failures[2]
    assert sum(findings.outcomes.values()) == 6
    assert time.monotonic() - begin < 120
