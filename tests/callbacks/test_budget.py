"""When a run ends, by whichever limit comes first, and how it is asked to."""

from __future__ import annotations

import os
import signal
from types import SimpleNamespace
from typing import Any

import pytest

from gan_lab.callbacks import Budget


@pytest.mark.parametrize(
    ("limits", "total"),
    [((10, None), 10), ((None, 3.0), 21), ((10, 3.0), 10), ((100, 3.0), 21), ((None, 0.01), 1), ((None, None), None)],
)
def test_total_iterations_is_whichever_limit_comes_first(limits: Any, total: int | None) -> None:
    assert Budget(*limits).total_iterations(per_epoch=7) == total


def test_progress_is_the_largest_share_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("gan_lab.callbacks.budget.time.monotonic", lambda: now)
    budget = Budget(max_iterations=10, max_minutes=1.0)
    budget.load_state_dict({"elapsed": 15.0})
    datamodule = SimpleNamespace(iterations_per_epoch=lambda world: 7)
    budget.on_train_start(SimpleNamespace(datamodule=datamodule, world_size=1), SimpleNamespace())  # type: ignore[arg-type]
    now = 115.0
    assert budget.progress(2) == pytest.approx(0.5)  # 30 of 60 seconds
    assert budget.progress(8) == pytest.approx(0.8)
    assert budget.progress(12) == 1.0
    assert budget.state_dict() == {"elapsed": pytest.approx(30.0)}


@pytest.mark.parametrize("ignored", [True, False])
def test_a_hangup_asks_a_run_to_stop_unless_it_was_started_by_nohup(ignored: bool) -> None:
    def usual(number: int, frame: Any) -> None:
        raise AssertionError("the signal had its usual effect")

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else usual)
    budget = Budget(max_iterations=10)
    trainer: Any = SimpleNamespace(datamodule=SimpleNamespace(iterations_per_epoch=lambda world: 7), world_size=1)
    try:
        budget.on_train_start(trainer, SimpleNamespace())  # type: ignore[arg-type]
        os.kill(os.getpid(), signal.SIGHUP)
        assert budget.stopped_by == (None if ignored else signal.SIGHUP)
        budget.teardown(trainer, SimpleNamespace(), "fit")  # type: ignore[arg-type]
        assert signal.getsignal(signal.SIGHUP) == (signal.SIG_IGN if ignored else usual)
    finally:
        budget.teardown(trainer, SimpleNamespace(), "fit")  # type: ignore[arg-type]
        signal.signal(signal.SIGHUP, before)
