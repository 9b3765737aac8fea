from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from gan_lab.errors import UserError
from gan_lab.losses import GradientPenalty, RelativisticPairing
from gan_lab.models import Drifting
from gan_lab.models.drifting import FeatureMemory, pair_stages
from gan_lab.networks import FeatureDiscriminator, FeatureGroups, SkipGenerator

from .fitting import adam, fit, same, weights


def drifting(**options: Any) -> Drifting:
    torch.manual_seed(0)
    optimizer = partial(torch.optim.Adam, lr=1e-3)
    return Drifting(SkipGenerator(32, latents=8, width=2), FeatureGroups(0), optimizer, **{"samples": 6, **options})


def judged(**options: Any) -> Drifting:
    """Return a drifting model with a discriminator."""
    torch.manual_seed(1)
    return drifting(discriminator=FeatureDiscriminator(width=4), discriminator_optimizer=adam(), **options)


def show(iteration: int) -> dict[str, torch.Tensor]:
    """Return a batch of five photos."""
    return {"image": torch.rand(5, 3, 32, 32, generator=torch.Generator().manual_seed(iteration)) * 2 - 1}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 1}, r"^model.samples=1: "),
        ({"temperatures": []}, "temperatures"),
        ({"temperatures": [0.1, 0]}, "above 0"),
        ({"memory": -1}, "^model.memory=-1: "),
        ({"lambda_adversarial": -1}, "^model.lambda_adversarial=-1: "),
        ({"discriminator": FeatureDiscriminator()}, "^model.discriminator_optimizer=null: "),
        ({"adversarial": RelativisticPairing()}, "^model.adversarial=RelativisticPairing: "),
        ({"penalties": {"r1": GradientPenalty()}}, "^model.penalties=.*leave them out"),
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
    photos = model.features(torch.rand(5, 3, 32, 32) * 2 - 1)
    loss = model.generator_loss(torch.randn(6, 8), photos)
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


def test_the_two_sides_take_turns_each_with_its_own_weights() -> None:
    model = judged()
    assert model.list_trainable_networks() == [model.generator, model.discriminator]
    before = [weights(network) for network in (model.generator, model.discriminator)]  # type: ignore[arg-type]
    terms = fit(model, show, 2)
    after = [weights(network) for network in (model.generator, model.discriminator)]  # type: ignore[arg-type]
    assert not any(same(a, b) for a, b in zip(before, after, strict=True))
    names = {"loss_g", "drift", "loss_drifting", "loss_adversarial", "loss_d"}
    assert set(terms[0]) == names | {"accuracy_d", "cross_entropy_d", "logits_real", "logits_fake"}
    for each in terms:
        assert each["loss_g"] == pytest.approx(each["loss_drifting"] + 0.2 * each["loss_adversarial"])


def test_each_turn_leaves_the_other_sides_weights_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    model, gradients = judged(), []

    def minimize(optimizer: Any, loss_fn: Any, inputs: dict[str, torch.Tensor]) -> Any:
        loss = loss_fn(inputs)
        sides = (model.generator, model.discriminator)
        for parameter in model.parameters():
            parameter.grad = None
        loss.total.backward()
        gradients.append([any(p.grad is not None for p in side.parameters()) for side in sides])  # type: ignore[union-attr]
        outputs = {name: output.detach() for name, output in loss.outputs.items()}
        return SimpleNamespace(terms=dict(loss.terms), outputs=outputs, stepped=False)

    monkeypatch.setattr(model, "minimize", minimize)
    monkeypatch.setattr(model, "optimizer_list", lambda: [None, None])
    model.step(show(0))
    # G's turn passes through D, whose weights its optimiser does not hold; D's turn does not reach G
    assert gradients == [[True, True], [False, True]]


def test_a_discriminator_learns_to_tell_photos_from_samples_that_stay() -> None:
    model = judged(lambda_adversarial=0)
    model.optimizer = adam(lr=0)
    terms = fit(model, show, 30)
    assert terms[0]["loss_d"] == pytest.approx(2, abs=0.5)
    assert terms[-1]["loss_d"] < 1
    assert terms[-1]["accuracy_d"] > 0.9
    images = torch.cat([show(99)["image"], model.generate(torch.randn(5, 8))])
    logits = model.probe(show(0))[0].judge(images)  # type: ignore[misc]
    assert logits.shape == (10,)
    assert logits[:5].min() > logits[5:].max()


def test_its_word_moves_the_generator_where_the_field_is_left_out() -> None:
    plain, led = judged(lambda_adversarial=0), judged(lambda_adversarial=1)
    for model in (plain, led):
        fit(model, show, 2)
    assert not same(weights(plain.generator), weights(led.generator))


def test_a_discriminator_sees_as_many_samples_as_photos() -> None:
    photos, made = [torch.rand(2, 3, 4, 4), torch.rand(2, 5, 2, 2)], [torch.rand(6, 3, 4, 4), torch.rand(6, 5, 2, 2)]
    pairs = pair_stages(photos, made)
    assert list(pairs) == ["real_0", "real_1", "fake_0", "fake_1"]
    assert torch.equal(pairs["real_1"], photos[1])
    assert torch.equal(pairs["fake_0"], made[0][:2])
    assert len(pair_stages(made, photos)["real_0"]) == 2


def test_parts_of_a_batch_take_their_turns_as_one() -> None:
    terms = fit(judged(micro_batches=2, ema_half_life=None), lambda i: {"image": show(i)["image"][:4]}, 2)
    assert all(0 < each["loss_d"] < 4 for each in terms)
