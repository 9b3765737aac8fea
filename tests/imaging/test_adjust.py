from __future__ import annotations

import colorsys
import math

import numpy as np
import pytest

from gan_lab.errors import UserError
from gan_lab.imaging import Adjustment, adjust

STRONG = [
    {name: factor}
    for name, limits in adjust.LIMITS.items()
    for factor in (*limits, 1.3)
    if (name, factor) != ("sharpness", 0)
]


@pytest.fixture
def picture() -> np.ndarray:
    """Every hue, from dark to light and from grey to full: 40 x 60, smooth along the rows."""
    columns, rows = np.meshgrid(np.linspace(0, 1, 60), np.linspace(0, 1, 40))
    colours = [colorsys.hsv_to_rgb(h, (7 * h) % 1, v) for h, v in zip(columns.flat, rows.flat, strict=True)]
    return np.rint(np.array(colours).reshape(40, 60, 3) * 255).astype(np.uint8)


def luma(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(float) @ [0.2126, 0.7152, 0.0722]


def hue(pixels: np.ndarray) -> np.ndarray:
    """Return the hue as a unit vector in the plane across grey, where there is colour enough to have one."""
    red, green, blue = np.moveaxis(pixels.astype(float), 2, 0)
    across = np.stack([red - (green + blue) / 2, (green - blue) * math.sqrt(3) / 2], axis=2)
    length = np.linalg.norm(across, axis=2, keepdims=True)
    return np.where(length > 0.1 * np.iinfo(pixels.dtype).max, across / np.maximum(length, 1e-9), np.nan)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_factors_of_one_give_back_every_value(dtype: type) -> None:
    pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (9, 7, 3), dtype, endpoint=True)
    np.testing.assert_array_equal(Adjustment()(pixels), pixels)
    assert Adjustment(1, 1, 1, 1)(pixels) is pixels


@pytest.mark.parametrize("factors", STRONG)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_white_stays_white_and_black_black_beside_other_colours(factors: dict, dtype: type, channels: int) -> None:
    top = np.iinfo(dtype).max
    pixels = np.random.default_rng(0).integers(0, top, (32, 32, channels), dtype, endpoint=True)
    pixels[8:16], pixels[16:24] = 0, top
    before = pixels.copy()
    adjusted = Adjustment(**factors)(pixels)
    assert adjusted.dtype == dtype
    assert adjusted.shape == pixels.shape
    assert (adjusted[8:16] == 0).all()
    assert (adjusted[16:24] == top).all()
    np.testing.assert_array_equal(pixels, before)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("factors", "level", "expected"),
    [
        ({"brightness": 2.0}, 85, 127.5),  # the odds 1:2 become 1:1
        ({"brightness": 0.5}, 170, 127.5),
        ({"contrast": 2.0}, 85, 51),  # 1:2 becomes 1:4
        ({"contrast": 2.0}, 170, 204),
        ({"contrast": 5.0}, 127.5, 127.5),
        ({"brightness": 2.0, "contrast": 2.0}, 51, 51),  # 1:4, then 1:2, then 1:4
        ({"saturation": 3.0}, 85, 85),
        ({"sharpness": 3.0}, 85, 85),
    ],
)
def test_greys_follow_the_documented_curves(factors: dict, level: float, expected: float, channels: int) -> None:
    pixels = np.full((6, 5, channels), round(level * 257), np.uint16)
    np.testing.assert_allclose(Adjustment(**factors)(pixels), expected * 257, atol=3)


@pytest.mark.parametrize("factors", [{"brightness": 1.6}, {"contrast": 0.6}, {"contrast": 1.8}, {"saturation": 1.7}])
def test_hues_stay(factors: dict, picture: np.ndarray) -> None:
    pixels = picture.astype(np.uint16) * 257
    adjusted = Adjustment(**factors)(pixels)
    assert np.abs(adjusted.astype(int) - pixels).max() > 2000
    turned = np.einsum("ijk,ijk->ij", hue(pixels), hue(adjusted))
    assert np.isfinite(turned).mean() > 0.3
    assert np.nanmin(turned) > math.cos(math.radians(0.2))


def test_the_luma_of_colours_follows_the_curve_even_where_they_are_pure(picture: np.ndarray) -> None:
    pixels = picture.astype(np.uint16) * 257
    odds = luma(pixels) / (65535 - luma(pixels) + 1e-9)
    expected = 65535 * 1.5 * odds / (1 + 1.5 * odds)
    np.testing.assert_allclose(luma(Adjustment(brightness=1.5)(pixels)), expected, atol=2)


def test_saturation_runs_from_grey_to_full_colour_at_constant_luma(picture: np.ndarray) -> None:
    grey = Adjustment(saturation=0)(picture)
    assert np.ptp(grey, axis=2).max() == 0
    rich = Adjustment(saturation=1.5)(picture)
    for adjusted in (grey, rich):
        np.testing.assert_allclose(luma(adjusted), luma(picture), atol=1)
    make_muted_picture = np.full((2, 2, 3), (150, 120, 100), np.uint8)
    middle = luma(make_muted_picture)[0, 0]
    np.testing.assert_allclose(
        Adjustment(saturation=1.5)(make_muted_picture)[0, 0],
        middle + 1.5 * (make_muted_picture[0, 0] - middle),
        atol=0.51,
    )


def test_sharpening_steepens_an_edge_and_softening_flattens_it() -> None:
    pixels = np.full((9, 40, 3), 80, np.uint8)
    pixels[:, 20:] = 160
    across = {factor: Adjustment(sharpness=factor)(pixels)[4, :, 0].astype(int) for factor in (0.0, 0.5, 2.0)}
    assert across[2.0][19] < 60
    assert across[2.0][20] > 180
    assert 85 < across[0.5][19] < across[0.0][19] < 115
    for values in across.values():
        np.testing.assert_array_equal(values[:10], 80)


@pytest.mark.parametrize("shape", [(301, 17, 3), (64, 64, 1), (1, 1, 3), (3, 2000, 1)])
def test_strips_equal_the_whole(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(1).integers(0, 65536, shape, np.uint16)
    adjustment = Adjustment(1.3, 0.8, 1.4, 2.5)
    whole = adjustment(pixels)
    for strip in (1, 40, 500):
        monkeypatch.setattr(adjust, "_STRIP", strip)
        np.testing.assert_array_equal(adjustment(pixels), whole)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("brightness", 0),
        ("contrast", 5.1),
        ("saturation", -0.1),
        ("sharpness", math.nan),
        ("brightness", "2"),
        ("contrast", True),
    ],
)
def test_bad_factors_are_named(option: str, value: object) -> None:
    with pytest.raises(UserError, match=rf"adjust\.{option}={value}: needs a factor from [\d.]+ to 5"):
        Adjustment(**{option: value})
