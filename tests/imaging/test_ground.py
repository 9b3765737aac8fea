from __future__ import annotations

import tracemalloc
from dataclasses import replace

import cv2
import numpy as np
import pytest

from gan_lab.imaging import ground, white_ground
from gan_lab.imaging.ground import other_ground

BAG, CLOTH = (50, 60, 140), (205, 180, 150)


def matte_of(side: int) -> np.ndarray:
    """Return how much of each pixel is the bag's, float [side, side, 1]: soft at the edge, with a hole under its handle."""
    canvas = np.zeros((side, side), np.uint8)
    parts = [((500, 600), (280, 220), -1), ((500, 400), (120, 200), round(0.045 * side))]
    for centre, axes, thickness in parts:
        x, y, a, b = (round(value * side / 1000) for value in (*centre, *axes))
        cv2.ellipse(canvas, (x, y), (a, b), 0, 0, 360, 255, thickness, cv2.LINE_AA)
    return cv2.GaussianBlur(canvas, (0, 0), 0.8)[..., None] / 255


def photo_of(matte: np.ndarray, cloth: tuple[int, ...] = CLOTH, grain: float = 3) -> np.ndarray:
    light = np.linspace(0.95, 1.05, matte.shape[1])[None, :, None]
    colours = matte * BAG + (1 - matte) * np.float64(cloth) * light
    return np.clip(colours + np.random.default_rng(0).normal(0, grain, matte.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def matte() -> np.ndarray:
    return matte_of(600)


@pytest.fixture(scope="module")
def photo(matte: np.ndarray) -> np.ndarray:
    return photo_of(matte)


@pytest.mark.parametrize(("side", "grain"), [(250, 3), (600, 3), (600, 15), (1200, 3)])
def test_the_ground_becomes_exact_white_and_the_product_stays(side: int, grain: float) -> None:
    matte = matte_of(side)
    photo = photo_of(matte, grain=grain)
    before = photo.copy()
    result = white_ground(photo)
    assert result.replaced
    assert result.confidence > 0.9
    far = max(6, round(0.01 * side))
    around = cv2.dilate(matte[..., 0], np.ones((far, far))) == 0
    within = cv2.erode(matte[..., 0], np.ones((far, far))) == 1
    assert (result.pixels[around] == 255).all()
    np.testing.assert_array_equal(result.pixels[within], photo[within])
    assert around[round(0.33 * side), side // 2]  # under the handle
    np.testing.assert_array_equal(photo, before)


@pytest.mark.parametrize(("side", "cloth"), [(600, CLOTH), (600, (150, 30, 30)), (1200, (20, 90, 40))])
def test_the_edge_is_soft_and_has_no_fringe_of_the_old_ground(side: int, cloth: tuple[int, ...]) -> None:
    matte = matte_of(side)
    result = white_ground(photo_of(matte, cloth)).pixels
    truth = matte * BAG + (1 - matte) * 255
    edge = ((matte > 0.02) & (matte < 0.98))[..., 0]
    difference = result[edge] - truth[edge]
    assert np.abs(difference.mean(axis=0)).max() < 6
    assert np.sqrt((difference**2).mean()) < 18
    between = (result[edge] > np.array(BAG) + 25).all(axis=1) & (result[edge] < 230).all(axis=1)
    assert between.mean() > 0.2


def edge_of(product: float, ground: float, noise: float) -> tuple[np.ndarray, ...]:
    """Return values, distance, and both sides' colours of an upright edge between columns 20 and 21, five a pixel."""
    distance = np.broadcast_to(np.linspace(-4, 4, 42, dtype=np.float32)[None, :, None], (60, 42, 1))
    values = np.where(distance > 0, product, ground) + np.random.default_rng(0).normal(0, noise, (60, 42, 3))
    sides = (np.full(values.shape, level, np.float32) for level in (product, ground))
    return values.astype(np.float32), distance, *sides


@pytest.mark.parametrize("contrast", [0.0, 0.02])
def test_where_the_sides_are_alike_the_matte_follows_the_outline(contrast: float) -> None:
    matte = ground._matte(*edge_of(0.5 + contrast, 0.5, noise=0.03), scale=5)[..., 0]
    assert (matte[:, :10] == 0).all()
    assert (matte[:, -10:] == 1).all()
    assert matte[:, :15].max() < 0.25
    assert matte[:, -15:].min() > 0.75
    assert matte.std(axis=0).max() < 0.08


def test_where_the_sides_differ_the_matte_follows_the_colour_and_not_a_shifted_outline() -> None:
    values, distance, *sides = edge_of(0.2, 0.8, noise=0.01)
    values[:, 21] = 0.5
    matte = ground._matte(values, distance + 0.4, *sides, scale=5)[..., 0]
    assert matte[:, :20].max() < 0.2  # the outline alone says 0.6
    assert matte[:, 21].mean() == pytest.approx(0.5, abs=0.1)
    assert matte[:, 23:].min() > 0.9


def test_a_joint_in_the_products_colour_ends_near_the_outline() -> None:
    values, distance, *sides = edge_of(0.2, 0.8, noise=0)
    values[28:32] = 0.2
    matte = ground._matte(values, distance, *sides, scale=5)[..., 0]
    assert (matte[:, :10] == 0).all()


def test_16_bits_stay_16_bits(photo: np.ndarray) -> None:
    deep = photo.astype(np.uint16) * 257 + 3
    result = white_ground(deep)
    assert result.pixels.dtype == np.uint16
    assert (result.pixels[:40] == 65535).all()
    np.testing.assert_array_equal(result.pixels[350:400, 250:350], deep[350:400, 250:350])
    difference = result.pixels / 257 - white_ground(photo).pixels
    assert np.abs(difference).max() < 1.5


def test_grey_stays_grey(photo: np.ndarray) -> None:
    grey = np.ascontiguousarray(photo[..., :1])
    result = white_ground(grey)
    assert result.replaced
    assert result.pixels.shape == grey.shape
    assert (result.pixels[:40] == 255).all()
    np.testing.assert_array_equal(result.pixels[350:400, 250:350], grey[350:400, 250:350])


def test_a_picture_without_a_sure_product_is_left_alone(photo: np.ndarray) -> None:
    plain = np.full((300, 200, 3), 200, np.uint8)
    result = white_ground(plain)
    assert (result.replaced, result.confidence) == (False, 0)
    np.testing.assert_array_equal(result.pixels, plain)
    assert not white_ground(plain, limit=0).replaced  # no product at all, whatever the limit


def test_the_limit_decides(photo: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    found = ground.cut_out
    monkeypatch.setattr(ground, "cut_out", lambda reduced: replace(found(reduced), confidence=0.6))
    assert white_ground(photo, limit=0.6).replaced
    result = white_ground(photo, limit=0.61)
    assert (result.replaced, result.confidence) == (False, 0.6)
    np.testing.assert_array_equal(result.pixels, photo)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_an_alpha_channel_is_the_matte(dtype: type) -> None:
    top = np.iinfo(dtype).max
    pixels = np.full((4, 5, 3), top // 5, dtype)
    alpha = np.zeros((4, 5), dtype)
    alpha[:, 1], alpha[:, 2:] = round(0.25 * top), top
    result = white_ground(pixels, alpha)
    assert (result.replaced, result.confidence) == (True, 1)
    assert result.pixels.dtype == dtype
    assert (result.pixels[:, 0] == top).all()
    np.testing.assert_allclose(result.pixels[:, 1] / top, 0.75 + 0.25 * 0.2, atol=1 / 255)
    np.testing.assert_array_equal(result.pixels[:, 2:], pixels[:, 2:])


def test_an_opaque_alpha_channel_says_nothing(photo: np.ndarray) -> None:
    opaque = np.full(photo.shape[:2], 255, np.uint8)
    np.testing.assert_array_equal(white_ground(photo, opaque).pixels, white_ground(photo).pixels)


@pytest.mark.parametrize("shape", [(1, 1, 3), (20, 3000, 3), (2000, 24, 1)])
def test_odd_shapes_pass(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    np.testing.assert_array_equal(white_ground(pixels).pixels, pixels)


def test_tiles_do_not_show(photo: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ground, "_TILE", 4096)
    whole = white_ground(photo).pixels
    monkeypatch.setattr(ground, "_TILE", 23)
    np.testing.assert_allclose(white_ground(photo).pixels.astype(int), whole.astype(int), atol=1)


def test_memory_is_bounded() -> None:
    small = photo_of(matte_of(500))
    large = cv2.resize(small, (4000, 3000), interpolation=cv2.INTER_LINEAR)
    tracemalloc.start()
    result = white_ground(large)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert result.replaced
    assert peak < large.nbytes + 70e6  # the result, and a tile; the whole in floats would be 144 MB


def test_a_thin_strap_and_a_thin_slit_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    mask = np.zeros((200, 200), bool)
    mask[:, 98:101], mask[120:] = True, True
    mask[150:153, 20:180] = False
    pixels = np.where(mask[..., None], np.uint8(BAG), np.uint8(CLOTH))
    monkeypatch.setattr(ground, "_TILE", 20)
    replaced = ground._replace_ground(pixels, ground._Edge.of(pixels, mask), np.full_like(pixels, 255))
    assert np.abs(replaced[20:100, 99].astype(int) - BAG).max() < 20
    assert (replaced[151, 30:170] > 230).all()


@pytest.mark.parametrize("shift", [(0, 0), (1, 1), (-1, 0)])
def test_another_ground_meets_the_product_at_its_own_outline(
    photo: np.ndarray, matte: np.ndarray, shift: tuple[int, int]
) -> None:
    found = np.roll(cv2.resize(matte[..., 0], (150, 150), interpolation=cv2.INTER_AREA) > 0.5, shift, axis=(0, 1))
    green = np.full((150, 150, 3), (0, 200, 0), np.uint8)
    green[cv2.dilate(found.astype(np.uint8), np.ones((5, 5))) > 0] = (255, 0, 0)  # what is drawn there is not used
    before = photo.copy()
    made = other_ground(photo, found, green)
    around = cv2.dilate(matte[..., 0], np.ones((13, 13))) == 0
    within = cv2.erode(matte[..., 0], np.ones((13, 13))) == 1
    np.testing.assert_allclose(made[around], np.broadcast_to((0, 200, 0), made[around].shape), atol=2)
    np.testing.assert_array_equal(made[within], photo[within])
    np.testing.assert_array_equal(photo, before)
    expected = matte * BAG + (1 - matte) * np.float64((0, 200, 0))
    seam = ~around & ~within
    cut = np.where(matte > 0.5, photo, np.float64((0, 200, 0)))  # hard, along the true outline
    assert np.abs(made - expected)[seam].mean() < 0.8 * np.abs(cut - expected)[seam].mean()


@pytest.mark.parametrize("channels", [1, 3])
def test_without_a_product_there_is_ground_alone_and_without_ground_the_photo(photo: np.ndarray, channels: int) -> None:
    grey, pixels = np.full((20, 20, channels), 90, np.uint16), photo[..., :channels].astype(np.uint16) * 257
    nowhere = np.zeros((20, 20), bool)
    assert (other_ground(pixels, nowhere, grey) == 90).all()
    np.testing.assert_array_equal(other_ground(pixels, ~nowhere, grey), pixels)
    half = np.arange(20)[None, :] < np.full((20, 1), 10)
    assert (other_ground(pixels, half, grey)[:, -200:] == 90).all()
