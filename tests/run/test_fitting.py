"""What a failed training is answered with: smaller parts of a batch, or what to do."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from gan_lab.errors import UserError
from gan_lab.run import fitting


@pytest.fixture(autouse=True)
def give_one_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """One setting is given."""
    monkeypatch.setattr(fitting, "list_given_settings", lambda: ["model.latents=0"])


def explain(
    error: Exception, *, iteration: int = 5, start: int = 0, processes: int = 1, resume: Path | None = None
) -> UserError | None:
    config = OmegaConf.create({"name": "a", "data": {"batch_size": 8}})
    run: Any = SimpleNamespace(config=config, resume=resume, folder=Path("runs/a"))
    model = SimpleNamespace(iteration=iteration, began=iteration > start)
    parts: Any = SimpleNamespace(
        trainer=SimpleNamespace(world_size=processes), model=model, datamodule=SimpleNamespace(num_workers=2)
    )
    return fitting.explain_failure(error, run, parts, start)


@pytest.mark.parametrize(
    ("error", "case", "message"),
    [
        (torch.OutOfMemoryError("full"), {}, "data.batch_size=8: the GPU's memory was full at iteration 5"),
        (RuntimeError("gloo: closed"), {"processes": 2}, "name=a: another process of this run has ended"),
        (RuntimeError("DataLoader worker (pid 3) is killed by signal: Killed."), {}, "data.num_workers=2: a worker"),
        (
            KeyError("exp_avg"),
            {"iteration": 5, "start": 5, "resume": Path("a.ckpt")},
            "resume=a.ckpt: what it holds does not fit this run ('exp_avg')",
        ),
    ],
)
def test_a_failure_is_answered_with_what_to_do(error: Exception, case: dict[str, Any], message: str) -> None:
    assert str(explain(error, **case)).startswith(message)


def test_a_run_that_went_on_and_fails_later_has_a_sound_checkpoint() -> None:
    assert explain(KeyError("exp_avg"), iteration=6, start=5, resume=Path("a.ckpt")) is None


def test_what_is_set_is_named_where_the_first_iteration_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    error = RuntimeError("shapes differ")
    assert str(explain(error, iteration=0)).startswith("model.latents=0: the first iteration failed (shapes differ)")
    assert explain(error, iteration=1) is None  # a defect, to be shown whole
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    assert explain(error, iteration=0) is None


def test_a_batch_that_never_fitted_is_tried_in_parts_before_anything_is_said() -> None:
    assert explain(torch.OutOfMemoryError("full"), iteration=0) is None


@pytest.mark.parametrize(("batch", "now", "parts"), [(16, 1, 2), (12, 3, 6), (15, 2, 5), (7, 1, 7)])
def test_the_next_parts_are_half_as_large_or_the_next_that_divide(batch: int, now: int, parts: int) -> None:
    run: Any = SimpleNamespace(
        config=OmegaConf.create({"data": {"batch_size": batch}, "model": {"micro_batches": now}})
    )
    error = torch.OutOfMemoryError("full")
    assert fitting.halve_parts(run, error) == parts
    run.config.model.micro_batches = batch
    with pytest.raises(UserError, match=rf"data\.batch_size={batch}, model\.micro_batches={batch}: more than"):
        fitting.halve_parts(run, error)
