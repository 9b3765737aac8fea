"""A run that ends when it no longer improves."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from gan_lab.callbacks import EarlyStopping, Validation
from gan_lab.errors import UserError


def run(callback: EarlyStopping, values: list[float | None], direction: str = "min") -> int:
    """Return after how many iterations a run ends whose validations give these figures; None: no validation then."""
    trainer: Any = SimpleNamespace(should_stop=False, callbacks=[Validation(), callback])
    callback.on_train_start(trainer, None)  # type: ignore[arg-type]
    for iteration, value in enumerate(values, 1):
        figures = {} if value is None else {"val/x": value}
        model = SimpleNamespace(monitor=("val/x", direction), fresh_figures=figures, iteration=iteration)
        callback.on_train_batch_end(trainer, model, None, None, 0)
        if trainer.should_stop:
            return iteration
    return len(values) + 1


@pytest.mark.parametrize(
    ("values", "direction", "end"),
    [
        ([3.0, 2.0, 2.0, 2.5, 1.0], "min", 4),
        ([3.0, 2.0, 2.5, 1.0, 2.0], "min", 6),
        ([3.0, 3.5, 3.2, 3.1], "max", 4),
        ([3.0, None, None, None, 3.0, None, 4.0], "min", 7),
        ([3.0, float("nan"), float("nan"), float("nan")], "min", 5),
    ],
)
def test_it_ends_after_so_many_validations_without_an_improvement(
    values: list[float | None], direction: str, end: int
) -> None:
    assert run(EarlyStopping(patience=2), values, direction) == end


def test_a_change_that_is_too_small_is_none() -> None:
    assert run(EarlyStopping(patience=2, min_change=0.5), [3.0, 2.8, 2.6, 2.4]) == 3


def test_a_continued_run_goes_on_counting() -> None:
    first, second = EarlyStopping(patience=3), EarlyStopping(patience=3)
    run(first, [3.0, 4.0, 4.0])
    second.load_state_dict(first.state_dict())
    assert run(second, [4.0]) == 1


@pytest.mark.parametrize("options", [{"patience": 0}, {"patience": 1.5}, {"min_change": -1}, {"min_change": True}])
def test_what_is_no_number_is_refused(options: Any) -> None:
    with pytest.raises(UserError, match=rf"callbacks\.early_stopping\.{next(iter(options))}=.*: needs a"):
        EarlyStopping(**options)


def test_a_run_that_never_validates_is_refused() -> None:
    callback = EarlyStopping()
    trainer: Any = SimpleNamespace(callbacks=[callback, Validation()])
    with pytest.raises(UserError, match=r"callbacks\.early_stopping: needs a callbacks\.validation before it"):
        callback.on_train_start(trainer, None)  # type: ignore[arg-type]
