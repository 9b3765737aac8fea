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
        ({"shift": -1}, "^model.shift=-1: "),
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
    photos = model.describe(torch.rand(5, 3, 32, 32) * 2 - 1, [3, 11])
    loss = model.drifting_loss(torch.randn(6, 8), photos, [3, 11])
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


def test_all_images_are_moved_by_the_offset_and_mirrored_beyond() -> None:
    model = drifting(shift=2)
    model.features = nn.Identity()
    images = torch.arange(25.0).view(1, 1, 5, 5)
    assert torch.equal(model.describe(images, [2, 2]), images)
    moved = model.describe(images, [4, 1])
    assert torch.equal(moved[0, 0, :3, 1:], images[0, 0, 2:, :4])
    assert torch.equal(moved[0, 0, 3, 1:], images[0, 0, 3, :4])
    assert torch.equal(moved[0, 0, :3, 0], images[0, 0, 2:, 1])


def test_a_shift_beyond_the_image_is_refused() -> None:
    with pytest.raises(UserError, match=r"^model.shift=32: needs less than the images' side, 32 pixels"):
        drifting(shift=32).describe(torch.zeros(1, 3, 48, 32), [0, 0])
