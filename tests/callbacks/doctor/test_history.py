"""What the doctor remembers."""

from __future__ import annotations

from gan_lab.callbacks.doctor.history import History
from tests.callbacks.doctor.test_diagnoses import history


def test_history_keeps_the_newest_and_comes_back_from_plain_containers() -> None:
    made = history(12_000, step=10, train__loss=lambda i: float(i))
    assert len(made["train/loss"]) == 512
    assert made["train/loss"][-1] == (12_000, 12_000.0)
    assert History(made.plain()).plain() == made.plain()
    assert made.window("train/loss", 100, 5, after=0) == [(i, float(i)) for i in range(11_910, 12_001, 10)]
    assert made.window("train/loss", 100, 50, after=0) == []
    assert made.window("train/loss", 100, 5, after=11_950) == []
