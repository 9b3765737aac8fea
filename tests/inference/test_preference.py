"""Images by a taste: the nearest of many, no two alike, and nearer still where their latents are steered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gan_lab.errors import UserError
from gan_lab.inference.generation import Generation
from gan_lab.inference.preference import (
    DOUBLES,
    OUTSIDE,
    POOL,
    Candidates,
    PreferenceSearch,
    Taste,
    direct,
    keep_different,
    measure_likeness,
)
from gan_lab.metrics import to_uint8


class Discs(nn.Module):
    """Draws a disc on a ground: z has the disc's colour, the ground's, and the disc's size."""

    latents, conditional = 7, False

    def __init__(self) -> None:
        super().__init__()
        self.contrast = nn.Parameter(torch.ones(()))
        axis = torch.linspace(-1, 1, 32)
        self.register_buffer("radius", (axis[:, None].square() + axis.square()).sqrt())

    @property
    def device(self) -> torch.device:
        return self.contrast.device

    def render(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        disc, ground, size = (1.5 * z[:, :3]).tanh(), (1.5 * z[:, 3:6]).tanh(), 0.5 + 0.3 * z[:, 6].tanh()
        mask = ((size[:, None, None, None] - self.radius) * 8).sigmoid()
        return self.contrast * (mask * disc[..., None, None] + (1 - mask) * ground[..., None, None])

    @torch.no_grad()
    def generate(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return self.render(z)


RED, GREEN, WHITE = (1.0, -1.0, -1.0), (-1.0, 1.0, -1.0), (1.0, 1.0, 1.0)


def draw(*colours: tuple[float, ...]) -> Any:
    """Return discs of some colours on white, uint8 [N, H, W, C]."""
    z = torch.tensor([[*colour, *WHITE, size] for colour in colours for size in (-0.5, 0.0, 0.5)])
    return to_uint8(Discs().generate(2 * z)).permute(0, 2, 3, 1).numpy()


def begin(steering: bool = False) -> PreferenceSearch:
    generation = Generation(Discs().eval(), "discs", Path("discs.ckpt"))
    return PreferenceSearch(generation, generation.draw_latents(3), [0], "like=discs", steering)


#: Images that are looked at.
LOOKED = 48


@pytest.fixture(scope="module", name="looked")
def look_at_seed() -> tuple[PreferenceSearch, Candidates]:
    search = begin(steering=True)
    liked, none = search.describe(draw(RED)), [torch.zeros(0, 1280)] * 2
    return search, search.look(range(LOOKED), 24, liked, none, lambda _: None)[0]


def find_reddest(z: Tensor) -> Tensor:
    return z[:, 0] - z[:, 1] - z[:, 2]


def test_what_is_liked_comes_first(looked: tuple[PreferenceSearch, Candidates]) -> None:
    _, found = looked
    kept = keep_different(found, 8)
    assert len(kept) == 8
    assert (kept.scores[:-1] >= kept.scores[1:]).all()
    assert kept.distances.mean() < found.distances.mean()
    assert find_reddest(kept.z).mean() > find_reddest(found.z).mean() + 1


def test_what_is_disliked_is_kept_away_from() -> None:
    search = begin()
    liked = search.describe(draw(RED, GREEN))
    kept = {}
    for name, disliked in {"green": draw(GREEN), "red": draw(RED)}.items():
        found, _ = search.look(range(LOOKED), 8, liked, search.describe(disliked), lambda _: None)
        kept[name] = find_reddest(keep_different(found, 8).z).mean()
    assert kept["green"] > kept["red"] + 0.4


def test_the_images_are_those_of_the_seed_and_the_same_each_time(
    looked: tuple[PreferenceSearch, Candidates],
) -> None:
    search, found = looked
    kept = keep_different(found, 5)
    plain = {number: image for numbers, images in search.generation.images(
        kept.numbers.tolist(), search.latents, [0]
    ) for number, image in zip(numbers, images, strict=True)}  # fmt: skip
    ((places, images),) = search.make(kept, range(5))
    for place, image in zip(places, images, strict=True):
        assert np.abs(image.astype(int) - plain[int(kept.numbers[place])]).max() <= 1
    again, _ = begin().look(range(LOOKED), 24, search.describe(draw(RED))[:1], [torch.zeros(0, 1280)], lambda _: None)
    assert torch.equal(again.scores, found.scores)


def test_only_the_best_are_held_however_many_are_looked_at(
    looked: tuple[PreferenceSearch, Candidates], monkeypatch: pytest.MonkeyPatch
) -> None:
    search, _ = looked
    monkeypatch.setattr("gan_lab.inference.preference.CENTRED", 32)
    ticks: list[int] = []
    held, distances = begin().look(
        range(40, 88), 2, search.describe(draw(RED))[:1], [torch.zeros(0, 1280)], ticks.append
    )
    assert (len(held), len(distances), sum(ticks)) == (2 * POOL, 48, 48)
    assert held.numbers.tolist() == sorted(held.numbers.tolist())
    assert all(40 <= number < 88 for number in held.numbers)
    assert held.distances.mean() < distances.mean()
    z = search.latents(held.numbers.tolist())
    assert torch.equal(held.z, z)


def test_steering_brings_them_nearer_and_keeps_z_as_long(looked: tuple[PreferenceSearch, Candidates]) -> None:
    search, found = looked
    kept = keep_different(found, 6)
    ticks: list[int] = []
    steered = search.steer(kept, 6, ticks.append)
    assert sum(ticks) == 36
    assert steered.steered.any()
    assert (steered.scores >= kept.scores).all()
    assert (steered.scores > kept.scores)[steered.steered].all()
    assert find_reddest(steered.z).mean() > find_reddest(kept.z).mean() + 0.05
    torch.testing.assert_close(steered.z.norm(dim=1), kept.z.norm(dim=1))
    assert torch.equal(steered.z[~steered.steered], kept.z[~steered.steered])
    assert not steered.z.requires_grad
    assert search.generation.model.contrast.grad is None
    images = np.concatenate([images for _, images in search.make(steered, range(6))])
    points = direct(search.describe(images)[0], search.tastes[0].centre)
    torch.testing.assert_close(search.tastes[0].score(points), steered.scores, rtol=0, atol=1e-3)


def test_none_becomes_the_double_of_another(
    looked: tuple[PreferenceSearch, Candidates], monkeypatch: pytest.MonkeyPatch
) -> None:
    search, found = looked
    kept = keep_different(found, 4)
    goal = found.z[found.scores.argmax()]
    monkeypatch.setattr(search, "_climb", lambda part, steps, tick: goal.expand(len(part), -1))
    steered = search.steer(kept, 1, lambda _: None)
    assert torch.cdist(steered.points, steered.points).fill_diagonal_(2).min() >= DOUBLES
    assert not steered.steered.all()


def point(*angles: float) -> Tensor:
    return torch.tensor([[np.cos(angle), np.sin(angle)] for angle in angles])


def test_near_doubles_are_passed_over_and_fill_up_where_there_is_nothing_else() -> None:
    points = point(0.0, 0.1, 1.0, 1.05, 2.0)
    blank = torch.zeros(5)
    found = Candidates(
        torch.arange(5), blank[:, None], blank.long(), points, torch.tensor([5.0, 4, 3, 2, 1]), blank, blank.bool()
    )
    assert keep_different(found, 2).numbers.tolist() == [0, 2]
    assert keep_different(found, 3).numbers.tolist() == [0, 2, 4]
    assert keep_different(found, 4).numbers.tolist() == [0, 1, 2, 4]


def test_a_likeness_lies_between_the_mean_cosine_and_the_nearest() -> None:
    photos, here = point(0.0, np.pi / 2), point(0.0)
    assert 0.5 < measure_likeness(here, photos).item() < 1
    assert measure_likeness(here, photos[:1]).item() == pytest.approx(1)
    one = Taste(torch.zeros(2), photos[:1], photos[:0])
    assert one.score(here).item() == pytest.approx(1)
    assert replace(one, unliked=photos[:1]).score(here).item() == pytest.approx(0)
    assert one.measure_distance(point(np.pi)).item() == pytest.approx(2)


def test_a_model_without_a_gradient_is_not_steered() -> None:
    class Plain:
        latents, device = 7, torch.device("cpu")

    generation = Generation(Plain(), "mine", Path())
    with pytest.raises(UserError, match=r"^steer: .* render\(z, label\), and the model mine has none; give steer=0"):
        PreferenceSearch(generation, generation.draw_latents(0), [0], "like=x", steering=True)


def test_images_far_from_photos_that_are_alike_are_outside() -> None:
    photos = point(0.0, 0.5)
    apart = float((photos[0] - photos[1]).norm())
    blank = torch.zeros(1)
    for factor, outside in ((0.9, False), (1.1, True)):
        far = torch.tensor([factor * OUTSIDE * apart])
        kept = Candidates(blank.long(), blank[:, None], blank.long(), photos[:1], blank, far, blank.bool())
        assert Taste(torch.zeros(2), photos, photos[:0]).is_outside(kept) == outside
        assert not Taste(torch.zeros(2), photos[:1], photos[:0]).is_outside(kept)
