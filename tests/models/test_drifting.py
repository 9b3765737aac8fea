from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from gan_lab.errors import UserError
from gan_lab.models import Drifting
from gan_lab.models.drifting import FeatureMemory
from gan_lab.networks import FeatureGroups, SkipGenerator


def drifting(**options: Any) -> Drifting:
    torch.manual_seed(0)
    optimizer = partial(torch.optim.Adam, lr=1e-3)
    return Drifting(SkipGenerator(32, latents=8, width=2), FeatureGroups(0), optimizer, **{"samples": 6, **options})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 1}, r"^model.samples=1: "),
        ({"temperatures": []}, "temperatures"),
        ({"temperatures": [0.1, 0]}, "above 0"),
        ({"memory": -1}, "^model.memory=-1: "),
        ({"micro_batches": 4}, "^model.micro_batches=4: "),
        ({"micro_batches": 6}, "^model.micro_batches=6: "),
    ],
)
def test_what_cannot_drift_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        drifting(**options)


def test_only_the_generator_learns_and_nothing_else_is_saved() -> None:
    model = drifting()
    assert model.list_trainable_networks() == [model.generator]
    assert {key.split(".")[0] for key in model.state_dict()} == {"generator", "generator_ema"}


def test_the_loss_is_the_papers_and_flows_into_the_generator() -> None:
    model = drifting()
    photos = model.describe(torch.rand(5, 3, 32, 32) * 2 - 1)
    loss = model.drifting_loss(torch.randn(6, 8), photos)
    loss.total.backward()
    assert set(loss.terms) == {"loss_g", "drift"}
    assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in model.generator.parameters())


def test_samples_are_drawn_whatever_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    model, seen = drifting(), []

    def minimize(optimizer: Any, loss_fn: Any, inputs: dict[str, torch.Tensor]) -> Any:
        seen.append(inputs["z"].shape)
        return SimpleNamespace(terms=dict(loss_fn(inputs).terms), stepped=True)

    monkeypatch.setattr(model, "minimize", minimize)
    monkeypatch.setattr(model, "optimizer_list", lambda: [None])
    monkeypatch.setattr(model, "count_images", len)
    average = [p.clone() for p in model.generator_ema.parameters()]  # type: ignore[union-attr]
    nn.init.ones_(model.generator.out.bias)
    model.step({"image": torch.rand(3, 3, 32, 32)})
    assert seen == [(6, 8)]
    assert model.generator_ema.images == 6  # type: ignore[union-attr]
    assert any(not torch.equal(a, b) for a, b in zip(average, iterate_parameters(model.generator_ema), strict=True))


def iterate_parameters(module: nn.Module | None) -> Iterator[nn.Parameter]:
    assert module is not None
    return module.parameters()


def test_the_memory_holds_the_features_of_the_photos_seen_last() -> None:
    memory = FeatureMemory(5)
    first, second, third = ([torch.rand(1, n, 3), torch.rand(4, n, 2)] for n in (3, 3, 7))
    for groups, kept in (
        (first, first),
        (second, [torch.cat([a[:, 1:], b], 1) for a, b in zip(first, second, strict=True)]),
    ):
        for group, expected in zip(memory.add(groups), kept, strict=True):
            assert torch.equal(group, expected)
    # a batch that is larger than the memory is used whole
    for group, expected in zip(memory.add(third), third, strict=True):
        assert torch.equal(group, expected)


def test_samples_move_towards_the_memory_too_and_a_resumed_run_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    model, seen = drifting(memory=8), []

    def minimize(optimizer: Any, loss_fn: Any, inputs: dict[str, torch.Tensor]) -> Any:
        return SimpleNamespace(terms=dict(loss_fn(inputs).terms), stepped=False)

    def loss(generated: Any, real: list[torch.Tensor], temperatures: Any) -> Any:
        seen.append([group.shape[1] for group in real])
        return torch.zeros(()), torch.zeros(())

    monkeypatch.setattr(model, "minimize", minimize)
    monkeypatch.setattr(model, "optimizer_list", lambda: [None])
    monkeypatch.setattr("gan_lab.models.drifting.drifting_loss", loss)
    for _ in range(3):
        model.step({"image": torch.rand(3, 3, 32, 32)})
    assert [set(sizes) for sizes in seen] == [{3}, {6}, {8}]

    other = drifting(memory=8)
    assert other.rank_state() == {"memory": None}
    other.load_rank_state(model.rank_state())
    assert other.memory.groups is not None
    assert all(torch.equal(a, b) for a, b in zip(other.memory.groups, model.memory.groups or [], strict=True))
    other.load_rank_state({"memory": None})
    assert other.memory.groups is None
