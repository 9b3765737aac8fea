from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from gan_lab.augment import geometry

Execute = Callable[[Tensor, Tensor], Tensor]
P0, P1 = torch.tensor(0.0), torch.tensor(1.0)


def pictures(n: int = 3, height: int = 16, width: int = 16) -> Tensor:
    return torch.rand(n, 3, height, width, generator=torch.Generator().manual_seed(0)) * 2 - 1


def many(value: float) -> Tensor:
    return torch.full((3,), value)


def smooth(height: int, width: int, x: float = 0.0, y: float = 0.0, spread: float = 40) -> Tensor:
    """Return a bump with a slope, its middle moved by (x, y), [3, 1, H, W]."""
    across = torch.arange(width) - (width - 1) / 2 - x
    down = torch.arange(height)[:, None] - (height - 1) / 2 - y
    return torch.exp(-(across**2 + 0.5 * down**2 + 0.4 * across * down) / spread).expand(3, 1, height, width)


# ---------------------------------------------------------------------------------------------------- exact to the pixel


@pytest.fixture(params=[geometry.warp, geometry.move])
def execute(request: pytest.FixtureRequest) -> Execute:
    return request.param


@pytest.mark.parametrize("side", [5, 16, 28, 64])
def test_a_flip_mirrors_x(execute: Execute, side: int) -> None:
    x = pictures(3, side, side)
    assert_same(execute, geometry.scaling(many(-1.0), many(1.0)), x, x.flip(3))


@pytest.mark.parametrize("side", [5, 16, 28, 64])
@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_quarter_turns_are_clockwise_and_exact(execute: Execute, side: int, count: int) -> None:
    x = pictures(3, side, side)
    assert_same(execute, geometry.quarter_turns(torch.full((3,), count)), x, torch.rot90(x, -count, (2, 3)))


@pytest.mark.parametrize(("height", "width"), [(16, 16), (12, 20), (7, 9)])
@pytest.mark.parametrize(("x", "y"), [(3, 0), (-2, 0), (0, 1), (2, -3)])
def test_whole_translations_mirror_what_moves_in(execute: Execute, height: int, width: int, x: int, y: int) -> None:
    images = pictures(3, height, width)
    twice = torch.cat([images.flip(3), images, images.flip(3)], 3)
    twice = torch.cat([twice.flip(2), twice, twice.flip(2)], 2)
    expected = twice[..., height - y : 2 * height - y, width - x : 2 * width - x]
    assert_same(execute, geometry.translation(many(float(x)), many(float(y))), images, expected)


def test_beyond_the_mirror_image_there_is_another(execute: Execute) -> None:
    """Nothing is ever black: a translation by two widths shows the picture again."""
    x = pictures()
    assert_same(execute, geometry.translation(many(32.0), many(-32.0)), x, x)
    assert_same(execute, geometry.translation(many(48.0), many(0.0)), x, x.flip(3))


def assert_same(execute: Execute, matrix: Tensor, images: Tensor, expected: Tensor) -> None:
    """Bit for bit where pixels are copied; but for the coordinates' rounding where they are interpolated."""
    atol = 0 if execute is geometry.move else 2e-5
    torch.testing.assert_close(execute(images, matrix), expected, rtol=0, atol=atol)


def test_an_identity_changes_nothing() -> None:
    x = pictures(3, 64, 64)
    assert torch.equal(geometry.warp(x, geometry.identities(3, 3, x.device)), x)


def test_matrix_products_may_round() -> None:
    """With fewer bits in matrix products, as training allows a GPU, pixels still come from where they should."""
    before = torch.get_float32_matmul_precision()
    x = pictures(3, 64, 64)
    torch.set_float32_matmul_precision("medium")
    try:
        turned = geometry.warp(x, geometry.quarter_turns(torch.ones(3, dtype=torch.int64)))
    finally:
        torch.set_float32_matmul_precision(before)
    torch.testing.assert_close(turned, torch.rot90(x, -1, (2, 3)), rtol=0, atol=2e-2)


# ---------------------------------------------------------------------------------------------------- interpolated


def test_translations_by_parts_of_a_pixel() -> None:
    moved = geometry.warp(smooth(32, 32), geometry.translation(many(2.25), many(-1.4)))
    expected = smooth(32, 32, 2.25, -1.4)
    torch.testing.assert_close(moved[..., 6:26, 6:26], expected[..., 6:26, 6:26], rtol=0, atol=3e-3)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (28, 40)])
def test_rotations_and_scalings_against_the_formula(height: int, width: int) -> None:
    """A blob right of the middle goes to the angle below it when turned clockwise, and away from it when enlarged."""
    turned = geometry.warp(smooth(height, width, 6, 0, spread=8), geometry.rotation(many(math.pi / 6)))
    place = centre_of_mass(turned)
    assert place == pytest.approx((6 * math.cos(math.pi / 6), 6 * math.sin(math.pi / 6)), abs=0.15)
    larger = geometry.warp(smooth(height, width, 4, 2, spread=8), geometry.scaling(many(1.5), many(0.8)))
    assert centre_of_mass(larger) == pytest.approx((6, 1.6), abs=0.15)
    assert larger.sum() / smooth(height, width, spread=8).sum() == pytest.approx(1.5 * 0.8, rel=0.03)


def centre_of_mass(x: Tensor) -> tuple[float, float]:
    weight = x[0, 0].square()
    across = torch.arange(x.shape[3]) - (x.shape[3] - 1) / 2
    down = torch.arange(x.shape[2]) - (x.shape[2] - 1) / 2
    return float((weight.sum(0) * across).sum() / weight.sum()), float((weight.sum(1) * down).sum() / weight.sum())


def test_a_rotation_and_its_inverse_lose_little() -> None:
    x = smooth(32, 32)
    back = geometry.warp(geometry.warp(x, geometry.rotation(many(0.5))), geometry.rotation(many(-0.5)))
    torch.testing.assert_close(back[..., 8:24, 8:24], x[..., 8:24, 8:24], rtol=0, atol=5e-3)


def test_halves_interpolate_polynomials_exactly_and_keep_pixels() -> None:
    """Twelve taps reproduce a polynomial of degree 11 inside; every row sums to one, at the border too."""
    matrix = geometry.halves(32, torch.zeros((), dtype=torch.float64))
    place = torch.linspace(-1, 1, 32, dtype=torch.float64)
    between = torch.linspace(-1 - 1 / 31, 1 + 1 / 31, 65, dtype=torch.float64)
    torch.testing.assert_close((matrix @ place**11)[12:-12], between[12:-12] ** 11, rtol=0, atol=1e-12)
    torch.testing.assert_close(matrix.sum(1), torch.ones(65, dtype=torch.float64))
    assert torch.equal(matrix[1::2], torch.eye(32, dtype=torch.float64))


def test_the_filter_is_sym6_up_and_down() -> None:
    """The paper's wavelet convolved with its mirror image has these taps at odd distances and none at even ones."""
    sym6 = [0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633]
    sym6 += [0.4910559419267466, 0.787641141030194, 0.3379294217276218, -0.07263752278646252]
    sym6 += [-0.021060292512300564, 0.04472490177066578, 0.0017677118642428036, -0.007800708325034148]
    taps = torch.tensor(sym6, dtype=torch.float64)
    both = torch.nn.functional.conv1d(taps.view(1, 1, -1), taps.view(1, 1, -1), padding=11).flatten()
    row = geometry.halves(32, both)[32]
    torch.testing.assert_close(row[row != 0], both[0::2], rtol=0, atol=1e-9)


def test_matrices_compose_in_the_order_of_events() -> None:
    """First stands leftmost: moved, then turned by a right angle."""
    x = pictures()
    both = geometry.translation(many(3.0), many(0.0)) @ geometry.quarter_turns(torch.ones(3, dtype=torch.int64))
    expected = torch.rot90(geometry.warp(x, geometry.translation(many(3.0), many(0.0))), -1, (2, 3))
    torch.testing.assert_close(geometry.warp(x, both), expected, rtol=0, atol=2e-5)


def test_gradients() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 1, 4, 5, dtype=torch.float64, requires_grad=True)
    matrix = geometry.draw_geometric(2, P1, 4, 5)
    assert torch.autograd.gradcheck(lambda x: geometry.warp(x, matrix), x)
    assert torch.autograd.gradgradcheck(lambda x: geometry.warp(x, matrix).square(), x)


# ---------------------------------------------------------------------------------------------------- the draws


def test_nothing_is_drawn_at_zero() -> None:
    same = geometry.identities(500, 3, P0.device)
    assert torch.equal(geometry.draw_blitting(500, P0, 16, 16), same)
    assert torch.equal(geometry.draw_geometric(500, P0, 16, 16), same)


def test_blitting_draws_each_of_its_kinds_alike() -> None:
    """Half are flipped, a quarter stand at each angle, and moves are uniform up to an eighth: whole pixels all."""
    torch.manual_seed(0)
    matrix = geometry.draw_blitting(8000, P1, 64, 64)
    assert torch.equal(matrix, matrix.round())
    linear = matrix[:, :2, :2]
    assert (torch.linalg.det(linear) < 0).float().mean().item() == pytest.approx(0.5, abs=0.02)
    for angle in (linear[:, 1, 1] == 1, linear[:, 1, 1] == -1, linear[:, 1, 0] == 1, linear[:, 1, 0] == -1):
        assert angle.float().mean().item() == pytest.approx(0.25, abs=0.02)
    moved = torch.linalg.solve(linear, matrix[:, :2, 2:])[:, :, 0]
    assert moved[:, 0].abs().max() == 8
    assert moved[:, 1].abs().max() == 8
    assert moved[:, 0].std().item() == pytest.approx(64 * 0.125 / math.sqrt(3), rel=0.03)


def test_images_that_are_no_squares_are_turned_by_halves_alone() -> None:
    torch.manual_seed(0)
    matrix = geometry.draw_blitting(8000, P1, 32, 64)
    linear = matrix[:, :2, :2]
    for upright in (1, -1):
        assert (linear[:, 1, 1] == upright).float().mean().item() == pytest.approx(0.5, abs=0.02)
    moved = torch.linalg.solve(linear, matrix[:, :2, 2:])[:, :, 0]
    assert moved.abs().amax(dim=0).tolist() == [8, 4]
    x = pictures(len(matrix[:64]), 32, 64)
    assert sorted(geometry.move(x, matrix[:64] * (torch.eye(3) != 0)).unique()) == sorted(x.unique())


def test_geometric_strengths_are_the_papers() -> None:
    torch.manual_seed(0)
    matrix = geometry.draw_geometric(20000, P1, 32, 64)
    values = torch.linalg.svdvals(matrix[:, :2, :2]).log2()
    isotropic, stretch = values.mean(1), (values[:, 0] - values[:, 1]) / 2  # -log2 s; |log2 r|
    assert isotropic.std().item() == pytest.approx(0.2, rel=0.03)
    assert isotropic.mean().item() == pytest.approx(0, abs=0.01)
    assert stretch.square().mean().sqrt().item() == pytest.approx(0.2, rel=0.03)
    moved = torch.linalg.solve(matrix[:, :2, :2], matrix[:, :2, 2:])[:, :, 0]
    assert moved.std(0).tolist() == pytest.approx([8, 4], rel=0.03)


@pytest.mark.parametrize("p", [0.2, 0.8, 1.0])
def test_one_rotation_or_the_other_occurs_with_p(p: float) -> None:
    torch.manual_seed(0)
    once, again = (geometry.draw_angles(20000, torch.tensor(p)) for _ in range(2))
    assert (once != 0).float().mean().item() == pytest.approx(1 - math.sqrt(1 - p), abs=0.01)
    assert ((once != 0) | (again != 0)).float().mean().item() == pytest.approx(p, abs=0.01)
    assert once.abs().max() <= math.pi
    assert once[once != 0].std().item() == pytest.approx(math.pi / math.sqrt(3), rel=0.03)


def test_both_rotations_are_drawn() -> None:
    """With p = 0.5 and no stretch a picture stands upright with 0.5, were there but one draw with 0.71."""
    torch.manual_seed(0)
    matrix = geometry.draw_geometric(20000, torch.tensor(0.5), 32, 32)
    upright = (matrix[:, 0, 1] == 0) & (matrix[:, 1, 0] == 0)
    assert upright.float().mean().item() == pytest.approx(0.5, abs=0.015)


def test_each_transformation_has_its_own_draw() -> None:
    torch.manual_seed(0)
    flipped, moved = [], []
    for _ in range(2):
        matrix = geometry.draw_blitting(20000, torch.tensor(0.5), 64, 64)
        flipped.append(torch.linalg.det(matrix[:, :2, :2]) < 0)
        moved.append(matrix[:, :2, 2].any(1))
    assert not torch.equal(*flipped)
    f, m = flipped[0].float(), moved[0].float()
    assert f.mean().item() == pytest.approx(0.25, abs=0.01)  # a drawn flip is none as often as one
    assert torch.corrcoef(torch.stack([f, m]))[0, 1].item() == pytest.approx(0, abs=0.03)
