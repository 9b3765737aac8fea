"""Threads that follow the load while a run trains."""

from __future__ import annotations

from typing import Any

import pytest

from gan_lab.callbacks import threads


def test_the_load_is_looked_at_after_each_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    monkeypatch.setattr(threads, "fit_threads", lambda: looks.append(1))
    nothing: Any = None
    for number in range(3):
        threads.FittedThreads().on_train_batch_end(nothing, nothing, None, {}, number)
    assert len(looks) == 3
