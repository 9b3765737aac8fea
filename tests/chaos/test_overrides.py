"""Random options end in a run or in a message; `overrides.py` says what is thrown."""

from __future__ import annotations

import pytest

from tests.chaos import overrides
from tests.integration.runs import FAMILIES


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("vae", 12),
        *[(command, 4) for command in (*overrides.COMMANDS, *overrides.WAYS)],
        *[
            pytest.param(name, 100, marks=pytest.mark.slow)
            for name in (*FAMILIES, *overrides.COMMANDS, *overrides.WAYS)
        ],
    ],
)
def test_no_option_ends_in_a_traceback(name: str, count: int) -> None:
    findings = overrides.thrown(name, count, seed=5, show=False)
    assert findings.failures == {}
    assert findings.ends["refused"]
    assert (
        findings.ends["ran"] or count < 12
    )  # of few cases each may be refused; that none need be, `thrown` makes sure


def test_a_traceback_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(overrides.train, "main", broken)
    findings = overrides.Findings()
    overrides.ended(overrides.subject("vae"), ["seed=1"], findings, 7)
    assert list(findings.failures) == [7]
    assert "seed=1" in findings.failures[7]
