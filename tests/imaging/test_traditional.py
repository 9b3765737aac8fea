from __future__ import annotations

import cv2
import numpy as np
import pytest

from gan_lab.imaging import ColourCast, GaussianNoise, traditional_methods
from gan_lab.imaging.light import to_light
from gan_lab.imaging.traditional import estimate_noise

METHODS = traditional_methods()


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """A smooth picture with one sharp edge, balanced on the whole: 96 x 96."""
    rows, columns = np.mgrid[0:96, 0:96]
    waves = [np.sin(rows / 17 + phase) + np.cos(columns / 13 - phase) for phase in (0, 1, 2)]
    image = 120 + 25 * np.stack(waves, axis=-1)
    image[:, 60:] += 60
    return image.clip(0, 255).astype(np.uint8)


def error(image: np.ndarray, reference: np.ndarray) -> float:
    return float(np.sqrt(np.mean((image.astype(float) - reference) ** 2)))


def noisy(photo: np.ndarray, sigma: float) -> np.ndarray:
    return GaussianNoise(sigma)(photo, np.random.default_rng(0))


@pytest.mark.parametrize("name", METHODS)
def test_each_gives_an_image_of_the_same_shape_and_leaves_its_input(name: str, photo: np.ndarray) -> None:
    for image in (photo, photo[:, ::-1], np.full((33, 47, 3), 128, np.uint8), np.zeros((16, 16, 3), np.uint8)):
        before = image.copy()
        result = METHODS[name](image)
        assert result.dtype == np.uint8
        assert result.shape == image.shape
        np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("name", [name for name in METHODS if name != "grey_world"])
def test_colours_stay_what_they_are(name: str, photo: np.ndarray) -> None:
    orange = (photo * np.array([0.9, 0.6, 0.2])).astype(np.uint8)
    red, green, blue = METHODS[name](orange).mean((0, 1))
    assert red > green + 15 > blue + 30


def test_the_methods_of_the_articles_are_all_there() -> None:
    assert list(METHODS) == [
        "mean_filter",
        "median_filter",
        "gaussian_filter",
        "bilateral_filter",
        "non_local_means",
        "sharpening",
        "histogram_equalisation",
        "clahe",
        "stretch",
        "grey_world",
    ]


@pytest.mark.parametrize(
    ("name", "gain"),
    [
        ("mean_filter", 2),
        ("median_filter", 1.8),
        ("gaussian_filter", 1.8),
        ("bilateral_filter", 1.8),
        ("non_local_means", 2.5),
    ],
)
def test_filters_take_noise_away(name: str, gain: float, photo: np.ndarray) -> None:
    before = noisy(photo, 15)
    assert error(METHODS[name](before), photo) < error(before, photo) / gain


def test_non_local_means_takes_red_for_red(photo: np.ndarray) -> None:
    before = noisy(photo, 25)
    strength = max(1.0, 0.9 * estimate_noise(before))
    as_opencv_has_it = cv2.cvtColor(before, cv2.COLOR_RGB2BGR)
    expected = cv2.fastNlMeansDenoisingColored(as_opencv_has_it, None, strength, strength, 5, 15)
    np.testing.assert_array_equal(METHODS["non_local_means"](before), cv2.cvtColor(expected, cv2.COLOR_BGR2RGB))


def test_the_median_removes_single_bad_pixels(photo: np.ndarray) -> None:
    damaged = photo.copy()
    damaged[5::9, 4::9] = 255
    assert error(METHODS["median_filter"](damaged), photo) < error(METHODS["mean_filter"](damaged), photo) / 2


def test_the_bilateral_filter_spares_the_edge(photo: np.ndarray) -> None:
    edge = np.s_[:, 57:63]
    assert error(METHODS["bilateral_filter"](photo)[edge], photo[edge]) < 5
    assert error(METHODS["mean_filter"](photo)[edge], photo[edge]) > 10


def test_sharpening_undoes_part_of_a_blur(photo: np.ndarray) -> None:
    blurred = cv2.GaussianBlur(photo, (0, 0), 1.2)
    assert error(METHODS["sharpening"](blurred), photo) < 0.9 * error(blurred, photo)


@pytest.mark.parametrize("name", ["histogram_equalisation", "clahe", "stretch"])
def test_contrast_comes_back(name: str, photo: np.ndarray) -> None:
    flat = (100 + photo * 0.2).astype(np.uint8)
    assert METHODS[name](flat).std() > 1.5 * flat.std()


@pytest.mark.parametrize("size", [28, 64, 96])
def test_clahe_keeps_the_brightness_of_small_images(size: int, photo: np.ndarray) -> None:
    small = cv2.resize((60 + photo * 0.3).astype(np.uint8), (size, size), interpolation=cv2.INTER_AREA)
    assert METHODS["clahe"](small).mean() == pytest.approx(small.mean(), abs=30)


def test_equalisation_spreads_the_luma_evenly(photo: np.ndarray) -> None:
    luma = cv2.cvtColor(METHODS["histogram_equalisation"](photo // 3), cv2.COLOR_RGB2GRAY)
    assert np.quantile(luma, [0.25, 0.5, 0.75]) == pytest.approx([64, 128, 191], abs=12)


def test_the_stretch_reaches_both_ends_and_keeps_the_hue() -> None:
    ramp = np.linspace(80, 160, 100)[None, :, None] * np.array([1, 0.9, 0.8])
    stretched = METHODS["stretch"](ramp.astype(np.uint8))
    assert (stretched.min(), stretched.max()) == (0, 255)
    assert (np.diff(stretched.mean((0, 1))) < 0).all()


def test_grey_world_takes_a_cast_away(photo: np.ndarray) -> None:
    cast = ColourCast((0.6, 1))(photo, np.random.default_rng(4))
    before, after = (to_light(image).mean((0, 1)) for image in (cast, METHODS["grey_world"](cast)))
    assert before.max() > 1.2 * before.min()
    assert after.max() < 1.01 * after.min()
    assert after.mean() == pytest.approx(before.mean(), rel=0.01)


@pytest.mark.parametrize("sigma", [3, 10, 25])
def test_noise_is_estimated(sigma: float, photo: np.ndarray) -> None:
    assert estimate_noise(noisy(photo, sigma)) == pytest.approx(sigma, rel=0.08)
