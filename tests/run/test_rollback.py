"""After a failure a run goes back to a sound checkpoint from before, as often as it may."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from gan_lab.checkpoint import FORMAT
from gan_lab.errors import UserError
from gan_lab.models import TrainingDivergedError
from gan_lab.run.rollback import finite, go_back


def save(run: Path, name: str, iteration: int, weight: float = 0.0) -> None:
    path = run / "checkpoints" / f"{name}.ckpt"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"config": {"model": {}}, "clock": {"iteration": iteration, "progress": 0.5, "rollbacks": 0}}
    torch.save(content | {"state_dict": {"w": torch.tensor([weight])}, "format": FORMAT}, path)


def failure(since: int, rollbacks: int = 0) -> TrainingDivergedError:
    error: Any = TrainingDivergedError("the loss is not finite")
    error.since, error.rollbacks = since, rollbacks
    return error


def test_a_run_goes_back_to_the_newest_sound_checkpoint_from_before(tmp_path: Path) -> None:
    for name, iteration, weight in (("iteration-10", 10, 0.25), ("previous", 20, torch.nan), ("last", 30, 0.5)):
        save(tmp_path, name, iteration, weight)
    last = go_back(tmp_path, failure(since=25), 3)
    assert last == tmp_path / "checkpoints/last.ckpt"
    content = torch.load(last, weights_only=True)
    assert (content["clock"]["iteration"], content["clock"]["rollbacks"]) == (10, 1)
    assert content["state_dict"]["w"].item() == 0.25
    (setback,) = json.loads((tmp_path / "doctor.json").read_text())["setbacks"]
    assert (setback["since"], setback["back_to"], setback["learning_rates"]) == (25, 10, 0.5)


def test_without_a_checkpoint_from_before_it_starts_again_without_those_of_what_failed(tmp_path: Path) -> None:
    for name in ("last", "best", "iteration-40"):
        save(tmp_path, name, 40)
    assert go_back(tmp_path, failure(since=25), 3) is None
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["iteration-40.ckpt"]


def test_a_run_that_has_failed_as_often_as_it_may_is_given_up(tmp_path: Path) -> None:
    save(tmp_path, "last", 10)
    with pytest.raises(UserError, match=r"the run went back 2 times, and it came to this again\); see .*doctor\.json"):
        go_back(tmp_path, failure(since=25, rollbacks=2), 2)


def test_every_number_at_any_depth_has_to_be_finite() -> None:
    sound = {"a": [torch.zeros(2), (torch.tensor([1]), "text", None)]}
    assert finite(sound)
    for value in (torch.nan, torch.inf):
        assert not finite(sound | {"b": [{"c": torch.tensor([0.0, value])}]})
