from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from gan_lab.errors import UserError
from gan_lab.losses import GradientPenalty, RelativisticPairing, drifting_loss
from gan_lab.models import Drifting
from gan_lab.models.batches import split_batch
from gan_lab.models.drifting import TIMES, pair_stages
from gan_lab.networks import FeatureDiscriminator, FeatureGroups, SkipGenerator

from .fitting import Stream, adam, fit, quiet_trainer, same, weights


def drifting(modes: int = 0, labels: int = 0, **options: Any) -> Drifting:
    """Return a small drifting model, whose generator has modes for so many clusters, and takes so many labels."""
    torch.manual_seed(0)
    optimizer = partial(torch.optim.Adam, lr=1e-3)
    generator = SkipGenerator(32, latents=8, width=2, clusters=modes, classes=labels)
    options = {"samples": 6, "photos": 6, "memory": 20, "clusters": 2, **options}
    return Drifting(generator, FeatureGroups(0), optimizer, **options)


def build_judged(**options: Any) -> Drifting:
    """Return a drifting model with a discriminator."""
    discriminator = FeatureDiscriminator(width=4)
    return drifting(discriminator=discriminator, discriminator_optimizer=adam(), **options)


def show(iteration: int) -> dict[str, Tensor]:
    """Return five noisy photos, light and dark ones in turn, of three classes."""
    noise = torch.rand(5, 3, 32, 32, generator=torch.Generator().manual_seed(iteration))
    label = torch.arange(5 * iteration, 5 * iteration + 5) % 3
    return {"image": 0.2 * noise + (0.6 if iteration % 2 else -0.8), "label": label}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 1}, r"^model.samples=1: "),
        ({"temperatures": []}, "temperatures"),
        ({"temperatures": [0.1, 0]}, "above 0"),
        ({"memory": 5}, "^model.memory=5: "),
        ({"photos": 1}, "^model.photos=1: "),
        ({"conditional": True, "classes": 1}, "needs labels, and the data has 1 classes.*model=drifting"),
        ({"conditional": True, "classes": 2}, "^model.generator.clusters=0: "),
        ({"modes": 2, "clusters": 0}, "^model.clusters=0: "),
        ({"lambda_adversarial": -1}, "^model.lambda_adversarial=-1: "),
        ({"discriminator": FeatureDiscriminator()}, "^model.discriminator_optimizer=null: "),
        ({"adversarial": RelativisticPairing()}, "^model.adversarial=RelativisticPairing: "),
        ({"penalties": {"r1": GradientPenalty()}}, "^model.penalties=.*leave them out"),
        ({"micro_batches": 4}, "^model.samples=6: "),
        ({"modes": 2, "micro_batches": 3}, "^model.micro_batches=3: "),
    ],
)
def test_what_cannot_drift_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        drifting(**options)


def test_only_the_generator_learns_and_nothing_else_is_saved() -> None:
    model = drifting()
    assert model.list_trainable_networks() == [model.generator]
    assert {key.split(".")[0] for key in model.state_dict()} == {"generator", "generator_ema"}


def start(model: Drifting, batch: Callable[[int], dict[str, Tensor]] = show) -> Drifting:
    """Give a model what its start gives it."""
    model.trainer = quiet_trainer()
    model.trainer.datamodule = Stream(batch)  # type: ignore[attr-defined]
    model.on_fit_start()
    return model


def test_the_loss_flows_into_all_of_the_generator() -> None:
    model = start(drifting())
    loss = model.generator_loss(model.draw_inputs())
    loss.total.backward()
    assert set(loss.terms) == {"loss_g", "drift"}
    assert not loss.outputs  # there is no D to hand them to
    assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in model.generator.parameters())


def test_the_field_is_that_of_each_sets_own_samples_and_photos(monkeypatch: pytest.MonkeyPatch) -> None:
    model, seen = start(drifting(modes=2, photos=8)), []

    def loss(generated: Any, real: Any, temperatures: Any) -> Any:
        seen.append((generated, real))
        return drifting_loss(generated, real, temperatures)

    monkeypatch.setattr("gan_lab.models.drifting.drifting_loss", loss)
    inputs = model.draw_inputs()
    assert inputs["z"].shape == (2, 3, 8)
    assert inputs["rows"].shape == (2, 4)
    torch.manual_seed(1)
    model.generator_loss(inputs)
    ((generated, real),) = seen
    torch.manual_seed(1)
    whole = model.features(model.generator(inputs["z"].flatten(0, 1)))
    for made, photos, group, kept in zip(generated, real, whole, model.seen.groups, strict=True):  # type: ignore[union-attr]
        places = len(group)
        for place in range(places):
            for number in range(2):
                torch.testing.assert_close(made[2 * place + number], group[place, 3 * number : 3 * number + 3])
                assert torch.equal(photos[2 * place + number], kept[place, inputs["rows"][number]].float())


def test_the_start_finds_the_clusters_of_photos_and_latents_stand_for_them() -> None:
    model = start(drifting(modes=2, samples=8, photos=8))
    assert model.seen is not None
    assert sorted(map(len, model.seen.members)) == [10, 10]
    light = [bool(model.seen.groups[0][0, rows].float().mean() > 0) for rows in model.seen.members]
    assert light in ([True, False], [False, True])
    rows = model.draw_inputs()["rows"]
    brightness = model.seen.groups[0][0, rows.flatten()].float().mean(dim=1).unflatten(0, (2, 4))
    assert all(bool((each > 0).all()) or bool((each < 0).all()) for each in brightness)
    for generator in (model.generator, model.generator_ema.module):  # type: ignore[union-attr]
        share = generator.choice(torch.randn(2000, 8)).float().mean()  # type: ignore[operator, union-attr]
        assert 0.45 < share < 0.55


def test_a_start_from_a_checkpoint_keeps_its_clusters() -> None:
    first, second = start(drifting(modes=2, samples=8, photos=8)), drifting(modes=2, samples=8, photos=8)
    state = first.state_dict()
    # in another order, for otherwise k-means, too, finds them
    state["generator.choice.all_centres"] = state["generator.choice.all_centres"].flip(0)
    second.load_state_dict(state)
    start(second)
    assert second.choice is not None
    assert torch.equal(second.choice.centres, state["generator.choice.all_centres"])
    pairs = zip(first.seen.members, reversed(second.seen.members), strict=True)  # type: ignore[union-attr]
    assert all(torch.equal(a, b) for a, b in pairs)


def build_conditional(**options: Any) -> Drifting:
    """Return a model that draws one of three classes on request."""
    names = ["a", "b", "c"]
    return drifting(modes=7, labels=3, conditional=True, classes=3, class_names=names, samples=8, photos=8, **options)


def test_a_conditional_model_moves_each_class_among_its_own_photos() -> None:
    model = start(build_conditional())
    assert model.seen is not None
    assert model.choice is not None
    owners = model.choice.owners[: len(model.choice.centres)].tolist()
    assert set(owners) == {0, 1, 2}
    assert len(owners) > 3
    for owner, rows in zip(owners, model.seen.members, strict=True):
        assert set((rows % 3).tolist()) == {owner}  # as the stream has them
    for _ in range(5):
        inputs = model.draw_inputs()
        assert torch.equal(inputs["rows"] % 3, inputs["label"][:, :1].expand(2, 4))
        clusters = model.choice(inputs["z"].flatten(0, 1), inputs["label"].flatten())
        assert torch.equal(model.choice.owners[clusters], inputs["label"].flatten())
    z = torch.randn(4, 8)
    images = [model.generate(z, torch.full((4,), label)) for label in range(3)]
    assert not torch.equal(images[0], images[1])
    assert len(model.probe({"image": torch.rand(3, 3, 32, 32), "label": torch.tensor([0, 1, 2])})[0].made) == 3
    assert all(loss["loss_g"] > 0 for loss in fit(build_conditional(), show, 2))


def test_classes_that_the_kept_images_do_not_show_are_named() -> None:
    lopsided = lambda iteration: {**show(iteration), "label": torch.tensor([0, 0, 2, 2, 2])}  # noqa: E731
    with pytest.raises(UserError, match=r"^model.memory=20: the 20 images .* show no b; .*data.balance=true"):
        start(build_conditional(), lopsided)


def test_as_many_images_are_kept_as_there_is_room_for_and_too_few_are_said(caplog: pytest.LogCaptureFixture) -> None:
    assert start(drifting(memory=20)).seen.count().tolist() == [20]  # type: ignore[union-attr]
    assert "model.memory=20: samples move towards the first images of the stream alone, of 30 photos" in caplog.text
    caplog.clear()
    assert start(drifting(memory=4096)).seen.count().tolist() == [TIMES * 30]  # type: ignore[union-attr]
    assert "model.memory" not in caplog.text


def test_samples_are_as_many_whatever_the_batch_and_the_average_follows() -> None:
    model = drifting()
    before = weights(model.generator_ema)  # type: ignore[arg-type]
    fit(model, show, 2)
    assert model.generator_ema.images == 12  # type: ignore[union-attr]
    assert not same(before, weights(model.generator_ema))  # type: ignore[arg-type]


def test_the_two_sides_take_turns_each_with_its_own_weights() -> None:
    model = build_judged()
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
    model, gradients = start(build_judged()), []

    def minimize(optimizer: Any, loss_fn: Any, inputs: dict[str, Tensor]) -> Any:
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
    model.step({"image": torch.rand(5, 3, 32, 32)})
    # G's turn passes through D, whose weights its optimiser does not hold; D's turn does not reach G
    assert gradients == [[True, True], [False, True]]


def test_a_discriminator_learns_to_tell_photos_from_samples_that_stay() -> None:
    model = build_judged(lambda_adversarial=0)
    model.optimizer = adam(lr=0)
    terms = fit(model, show, 30)
    assert terms[0]["loss_d"] > 1.5
    assert terms[-1]["loss_d"] < 1
    assert terms[-1]["accuracy_d"] > 0.9
    photos = show(0)
    logits = model.probe(photos)[0].judge(torch.cat([photos["image"], model.generate(torch.randn(5, 8))]))  # type: ignore[misc]
    assert logits.shape == (10,)
    assert logits[:5].min() > logits[5:].max()


def test_its_word_moves_the_generator() -> None:
    plain, led = build_judged(lambda_adversarial=0), build_judged(lambda_adversarial=1)
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


@pytest.mark.parametrize("modes", [0, 2])
def test_micro_batches_take_the_same_turn_without_the_spread_of_batch_norm(modes: int) -> None:
    """In evaluation mode nothing but the sums' order differs between one part and two; each has a set of its own."""
    gradients = []
    for parts in (1, 2):
        model = drifting(modes=modes, samples=8, photos=8, micro_batches=2)
        start(model)
        model.generator.eval()
        torch.manual_seed(0)
        inputs = model.draw_inputs()
        for part in split_batch(inputs, parts):
            (model.generator_loss(part).total / parts).backward()
        gradients.append(torch.cat([p.grad.flatten() for p in model.generator.parameters() if p.grad is not None]))
    assert gradients[0].shape == gradients[1].shape
    assert torch.isfinite(gradients[1]).all()
    assert torch.nn.functional.cosine_similarity(*gradients, dim=0) > 0.5  # the field's scale is that of a part
    terms = fit(build_judged(modes=modes, samples=4, photos=8, micro_batches=2), show, 2)
    assert all(0 < each["loss_d"] < 4 for each in terms)
