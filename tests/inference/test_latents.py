from __future__ import annotations

import math

import pytest
import torch

from gan_lab.errors import UserError
from gan_lab.inference.latents import directions, draw_latents, shift_latents, slerp, walk_in_circle


def test_a_quarter_turn_by_hand() -> None:
    a, b = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 2.0])
    for t in (0.0, 0.25, 0.5, 1.0):
        expected = 2 * torch.tensor([math.cos(t * math.pi / 2), math.sin(t * math.pi / 2)])
        torch.testing.assert_close(slerp(a, b, t), expected)


def test_ends_shapes_and_lengths() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(5, 64, generator=generator), torch.randn(5, 64, generator=generator)
    torch.testing.assert_close(slerp(a, b, 0.0), a)
    torch.testing.assert_close(slerp(a, b, 1.0), b)
    torch.testing.assert_close(slerp(a, b, 0.3), slerp(b, a, 0.7))
    way = slerp(a[0], b[0], torch.linspace(0, 1, 7))
    assert way.shape == (7, 64)
    torch.testing.assert_close(way[3], slerp(a, b, 0.5)[0])
    assert slerp(a, b, torch.linspace(0, 1, 7)[:, None]).shape == (7, 5, 64)
    # halfway a straight line would have lost about 30 % of the length
    assert (slerp(a, b, 0.5).norm(dim=1) / a.norm(dim=1)).min() > 0.85
    assert (torch.lerp(a, b, 0.5).norm(dim=1) / a.norm(dim=1)).max() < 0.85


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([1.0, 2.0], [2.0, 4.0]),  # parallel
        ([1.0, 2.0], [1.0, 2.0]),  # equal
        ([1.0, 2.0], [1.0, 2.0 + 1e-7]),  # nearly
        ([0.0, 0.0], [1.0, 2.0]),
        ([1.0, 2.0], [0.0, 0.0]),
        ([0.0, 0.0], [0.0, 0.0]),
        ([1.0, 2.0], [-2.0, -4.0]),  # opposite
    ],
)
def test_where_there_is_no_arc_it_is_the_straight_line(a: list[float], b: list[float]) -> None:
    for t in (0.0, 0.3, 1.0):
        found = slerp(torch.tensor(a), torch.tensor(b), t)
        torch.testing.assert_close(found, torch.lerp(torch.tensor(a), torch.tensor(b), t))


def test_the_straight_line_is_the_limit_of_the_arc() -> None:
    a = torch.tensor([1.0, 0.0]).double()
    for turn in (1e-3, 1e-5, 2e-6, 5e-7):  # on both sides of where the one takes over from the other
        b = 3 * torch.tensor([math.cos(turn), math.sin(turn)]).double()
        torch.testing.assert_close(slerp(a, b, 0.4), torch.lerp(a, b, 0.4), atol=turn**2, rtol=0)


def test_rows_are_independent() -> None:
    a, b = torch.tensor([[1.0, 0.0], [0.0, 0.0]]), torch.tensor([[0.0, 1.0], [4.0, 0.0]])
    torch.testing.assert_close(slerp(a, b, 0.5), torch.tensor([[0.5**0.5, 0.5**0.5], [2.0, 0.0]]))


def test_directions_by_hand() -> None:
    z = torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 4.0], [0.0, 0.0]])
    found = directions(z, torch.tensor([0, 0, 1, 2]), 3)
    torch.testing.assert_close(found[0], torch.tensor([2.0, 0.0]) - torch.tensor([0.0, 2.0]))
    torch.testing.assert_close(found[1], torch.tensor([0.0, 4.0]) - torch.tensor([4.0 / 3, 0.0]))
    torch.testing.assert_close(shift_latents(z, found[0], 0.5), z + torch.tensor([1.0, -1.0]))
    assert torch.equal(shift_latents(z, found[0], 0.0), z)


@pytest.mark.parametrize(("label", "message"), [([0, 0], "class 0 is all of the 2"), ([1, 2], "class 0 is not among")])
def test_a_class_without_others_or_without_images_has_no_direction(label: list[int], message: str) -> None:
    with pytest.raises(UserError, match=message):
        directions(torch.zeros(2, 3), torch.tensor(label), 3)


def test_a_latent_depends_on_seed_and_number_alone() -> None:
    some = draw_latents(8, 3, [5, 0, 2])
    assert (some.shape, some.dtype) == ((3, 8), torch.float32)
    torch.testing.assert_close(some[0], draw_latents(8, 3, [5])[0], rtol=0, atol=0)
    assert not torch.equal(some[1], draw_latents(8, 4, [0])[0])
    assert len(draw_latents(8, 3, range(50)).unique(dim=0)) == 50


def test_latents_are_normal_and_truncated_ones_have_no_tails() -> None:
    whole, half = draw_latents(5000, 0, [0])[0], draw_latents(5000, 0, [0], 0.5)[0]
    assert whole.std() == pytest.approx(1, abs=0.05)
    assert whole.abs().max() > 3
    assert half.abs().max() <= 1
    assert half.unique(return_counts=True)[1].max() < 5  # drawn again, not clipped
    assert half.std() == pytest.approx(0.5 * 0.8796, abs=0.02)  # of a normal distribution cut off at 2
    inside = whole.abs() <= 2
    torch.testing.assert_close(half[inside], 0.5 * whole[inside])  # the same image, nearer to the typical one


def test_a_closed_walk_passes_each_latent_and_comes_back() -> None:
    z = draw_latents(16, 0, range(3))
    walk = walk_in_circle(z, 4)
    assert walk.shape == (12, 16)
    torch.testing.assert_close(walk[::4], z)
    torch.testing.assert_close(walk[6], slerp(z[1], z[2], 0.5))
    torch.testing.assert_close(walk[11], slerp(z[2], z[0], 0.75))
