"""How far a run is, on a terminal and in a log file."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from gan_lab.callbacks import Budget, TermsLogger
from gan_lab.callbacks.progress import ProgressBar, clock


@pytest.mark.parametrize(("seconds", "text"), [(5, "0:05"), (65.9, "1:05"), (3725, "1:02:05")])
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_a_log_file_gets_a_line_now_and_then_and_one_at_the_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("gan_lab.callbacks.progress.time.monotonic", lambda: now)
    budget, terms = Budget(max_iterations=10), TermsLogger()
    budget.total = 10
    terms.latest = {"train/loss_g": 0.5, "train/lr_0": 0.1, "train/images_per_s": 12.34}
    trainer: Any = SimpleNamespace(callbacks=[budget, terms], is_global_zero=True, should_stop=False)
    bar = ProgressBar(every_n_seconds=25.0)
    model: Any = SimpleNamespace(iteration=0)
    bar.on_train_start(trainer, model)
    for model.iteration in range(1, 8):
        now += 10
        trainer.should_stop = model.iteration == 7
        bar.on_train_batch_end(trainer, model, None, {}, 0)
    assert capsys.readouterr().err.splitlines() == [
        f" {10 * n}% iteration {n}/10  ETA {eta}  12.3 images/s  loss_g 0.5"
        for n, eta in ((3, "1:10"), (6, "0:40"), (7, "0:30"))
    ]
