from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

from gan_lab.errors import UserError
from gan_lab.imaging import (
    JPEG,
    Blur,
    ColourCast,
    Degradation,
    GaussianNoise,
    Holes,
    LowLight,
    LowResolution,
    MotionBlur,
    SensorNoise,
)
from gan_lab.imaging.light import to_light

EVERY = [GaussianNoise, SensorNoise, LowLight, ColourCast, Blur, MotionBlur, JPEG, LowResolution, Holes]


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def textured(height: int = 40, width: int = 56, channels: int = 3) -> np.ndarray:
    return generator(9).integers(0, 256, (height, width, channels)).astype(np.uint8)


def plain(level: int, channels: int = 3, size: int = 128) -> np.ndarray:
    return np.full((size, size, channels), level, np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", EVERY)
def test_each_gives_an_image_of_the_same_shape_and_leaves_its_input(kind: type, channels: int) -> None:
    image = textured(channels=channels)
    before = image.copy()
    for seed in range(5):
        degraded = kind()(image, generator(seed))
        assert degraded.dtype == np.uint8
        assert degraded.shape == image.shape
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("kind", EVERY)
def test_each_is_a_function_of_the_generator_and_changes_the_image(kind: type) -> None:
    image, degradation = textured(), pickle.loads(pickle.dumps(kind()))
    first, again, other = (degradation(image, generator(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != image).any()
    assert (first != other).any()


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("view", ["mirrored", "turned", "strided", "one channel"])
def test_each_takes_views_that_are_not_contiguous(kind: type, view: str) -> None:
    image = textured()
    image = {
        "mirrored": image[:, ::-1],
        "turned": image.transpose(1, 0, 2),
        "strided": image[::2, ::-2],
        "one channel": image[..., 1:2],
    }[view]
    expected = kind()(np.ascontiguousarray(image), generator())
    np.testing.assert_array_equal(kind()(image, generator()), expected)


@pytest.mark.parametrize("kind", EVERY)
def test_each_takes_a_single_pixel(kind: type) -> None:
    assert kind()(textured(1, 1), generator()).shape == (1, 1, 3)


@pytest.mark.parametrize(
    "neutral",
    [
        GaussianNoise(0),
        SensorNoise(0, 0),
        LowLight(0, 0, 0),
        ColourCast(1),
        Blur(0),
        MotionBlur(0),
        LowResolution(1),
        Holes(0),
    ],
    ids=lambda degradation: type(degradation).__name__,
)
def test_at_zero_strength_nothing_changes(neutral: Degradation) -> None:
    np.testing.assert_array_equal(neutral(textured(), generator()), textured())


@pytest.mark.parametrize("sigma", [5, 25])
def test_gaussian_noise_has_its_sigma(sigma: float) -> None:
    noise = GaussianNoise(sigma)(plain(128), generator()).astype(float) - 128
    assert noise.std() == pytest.approx(sigma, rel=0.02)
    assert abs(noise.mean()) < 0.2
    assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]) < 0.03


def test_a_range_is_drawn_from_anew_each_time() -> None:
    rng = generator()
    spreads = [(GaussianNoise((5, 25))(plain(128, size=64), rng).astype(float)).std() for _ in range(200)]
    assert 4.5 < min(spreads) < 6.5
    assert 23.5 < max(spreads) < 26
    assert np.mean(spreads) == pytest.approx(15, abs=1.2)


@pytest.mark.parametrize("level", [60, 120, 200])
def test_sensor_noise_follows_its_model_in_linear_light(level: int) -> None:
    shot, read = 1e-3, 1e-4
    light = to_light(SensorNoise(shot, read)(plain(level), generator()))
    scene = float(to_light(plain(level, size=1)).mean())
    assert light.mean() == pytest.approx(scene, rel=0.01)
    assert light.std() == pytest.approx(math.sqrt(shot * scene + read), rel=0.03)


@pytest.mark.parametrize("stops", [1, 2, 3])
def test_low_light_takes_away_stops_of_light(stops: float) -> None:
    image = plain(230)
    dark = to_light(LowLight(stops, 0, 0)(image, generator())).mean()
    assert to_light(image).mean() / dark == pytest.approx(2**stops, rel=0.03)


def test_low_light_is_noisier_than_the_same_sensor_in_full_light() -> None:
    def relative_noise(stops: float) -> float:
        light = to_light(LowLight(stops, 1e-3, 1e-5)(plain(180), generator()))
        return light.std() / light.mean()

    assert relative_noise(3) > 2 * relative_noise(0)


def test_a_cast_multiplies_the_light_of_each_channel() -> None:
    image = plain(150)
    gains = to_light(ColourCast((0.7, 1.3))(image, generator())).mean((0, 1)) / to_light(image).mean((0, 1))
    assert np.ptp(gains) > 0.02
    assert (gains > 0.69).all()
    assert (gains < 1.31).all()


def test_a_grey_image_has_no_cast() -> None:
    np.testing.assert_array_equal(ColourCast()(textured(channels=1), generator()), textured(channels=1))


@pytest.mark.parametrize("sigma", [0.8, 2.0])
def test_blur_spreads_a_point_by_its_sigma_in_linear_light(sigma: float) -> None:
    image = np.zeros((41, 41, 1), np.uint8)
    image[20, 20] = 255
    light = to_light(Blur(sigma)(image, generator()))[..., 0]
    offsets = np.arange(41) - 20
    assert light.sum() == pytest.approx(1, rel=0.08)
    assert math.sqrt((light.sum(0) * offsets**2).sum() / light.sum()) == pytest.approx(sigma, rel=0.1)


@pytest.mark.parametrize(("angle", "axis"), [(0, 1), (90, 0)])
def test_motion_smears_along_its_direction_only(angle: float, axis: int) -> None:
    image = np.zeros((41, 41, 1), np.uint8)
    image[20, 20] = 255
    rows, columns = np.nonzero(MotionBlur(9, angle)(image, generator())[..., 0] > 40)
    extents = (np.ptp(rows) + 1, np.ptp(columns) + 1)
    assert extents[axis] in (9, 10, 11)
    assert extents[1 - axis] == 1


def test_motion_keeps_the_picture_in_its_place_and_its_light() -> None:
    for seed in range(30):
        image = np.zeros((41, 41, 1), np.uint8)
        image[18:23, 18:23] = 255
        light = to_light(MotionBlur((0, 20))(image, generator(seed)))[..., 0]
        assert light.sum() == pytest.approx(25, rel=0.02)
        rows, columns = np.mgrid[0:41, 0:41]
        assert (light * rows).sum() / light.sum() == pytest.approx(20, abs=0.1)
        assert (light * columns).sum() / light.sum() == pytest.approx(20, abs=0.1)


def test_jpeg_is_real_worse_at_low_quality_and_keeps_colours() -> None:
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    image = np.stack([np.tile(ramp, (64, 1)), np.tile(ramp[:, None], (1, 64)), plain(40, 1, 64)[..., 0]], axis=-1)
    image[::7, ::5] = 255
    errors = [
        np.abs(JPEG(quality)(image, generator()).astype(float) - image).mean(axis=(0, 1)) for quality in (10, 50, 95)
    ]
    assert (errors[0] > errors[1]).all()
    assert (errors[1] > errors[2]).all()
    # A plain colour has no detail to lose, so it comes back: not so if red and blue were exchanged on one way.
    red = np.broadcast_to(np.array([200, 30, 60], np.uint8), (32, 32, 3))
    assert np.abs(JPEG(90)(red, generator()).astype(int) - red).max() <= 4


def test_jpeg_loses_more_colour_than_brightness() -> None:
    """Chroma is stored at half the resolution, in YCbCr of RGB and not of BGR: grey stripes survive, others do not."""
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    grey = np.abs(JPEG(100)(stripes, generator()).astype(int) - stripes).mean()
    blue = stripes.copy()
    blue[..., :2] = 0
    red = stripes.copy()
    red[..., 1:] = 0
    lost_blue = np.abs(JPEG(100)(blue, generator()).astype(int) - blue)[..., 2].mean()
    lost_red = np.abs(JPEG(100)(red, generator()).astype(int) - red)[..., 0].mean()
    assert grey < 3 < lost_red < lost_blue  # blue adds least to the luma


def test_low_resolution_loses_detail_by_its_factor_and_keeps_the_rest() -> None:
    columns = np.arange(64)

    def contrast_left(period: float, factor: float) -> float:
        wave = 128 + 100 * np.sin(2 * math.pi * (columns + 0.5) / period)
        image = np.repeat(np.tile(wave, (64, 1))[..., None], 3, axis=2).astype(np.uint8)
        return float(np.mean([LowResolution(factor)(image, generator(seed)).std() for seed in range(8)]) / image.std())

    assert contrast_left(period=4, factor=4) < 0.1  # gone, not folded into a false pattern
    assert contrast_left(period=32, factor=4) > 0.85
    assert contrast_left(period=4, factor=1.3) > 0.5


def test_low_resolution_draws_among_several_kernels() -> None:
    results = {LowResolution(3)(textured(), generator(seed)).tobytes() for seed in range(60)}
    assert len(results) == len(LowResolution.shrinking) * len(LowResolution.enlarging)


def test_holes_have_the_marked_colour_and_the_rest_is_untouched() -> None:
    image = plain(77)
    damaged = Holes(count=5, colour=[255, 0, 255])(image, generator())
    changed = (damaged != image).any(axis=-1)
    assert 0.002 < changed.mean() < 0.3
    assert (damaged[changed] == (255, 0, 255)).all()


def test_the_number_of_holes_lies_in_its_range() -> None:
    covered = [(Holes(count, colour=(0, 0, 0))(plain(99), generator(3)) == 0).mean() for count in (1, 4, 12)]
    assert 0 < covered[0] < covered[1] < covered[2]
    assert any((Holes((0, 1))(plain(99), generator(seed)) == 99).all() for seed in range(10))
    assert any((Holes((0, 1))(plain(99), generator(seed)) != 99).any() for seed in range(10))


def test_holes_scale_with_the_image() -> None:
    def share(size: int) -> float:
        return float(np.mean([(Holes(9)(plain(99, 1, size), generator(seed)) != 99).mean() for seed in range(20)]))

    assert share(64) == pytest.approx(share(256), rel=0.5)


@pytest.mark.parametrize(
    ("kind", "option", "value"),
    [
        (GaussianNoise, "sigma", (25, 5)),
        (GaussianNoise, "sigma", -1),
        (GaussianNoise, "sigma", (1, 2, 3)),
        (GaussianNoise, "sigma", "25"),
        (GaussianNoise, "sigma", "strong"),
        (GaussianNoise, "sigma", None),
        (GaussianNoise, "sigma", float("nan")),
        (SensorNoise, "shot", (0, 1)),
        (LowLight, "stops", (-1, 1)),
        (JPEG, "quality", (0, 50)),
        (JPEG, "quality", (20, 101)),
        (JPEG, "quality", (20.5, 20.6)),
        (LowResolution, "factor", 0.5),
        (Holes, "count", 1.5),
        (Holes, "colour", [1, 2]),
        (Holes, "colour", [1, 2, 300]),
    ],
)
def test_an_option_that_makes_no_sense_is_named_with_its_value(kind: type, option: str, value: object) -> None:
    if value == "25":
        assert kind(**{option: value}).sigma == (25, 25)  # a number that a shell wrote as text
        return
    with pytest.raises(UserError, match=rf"{kind.__name__}\.{option}=.*: ") as caught:
        kind(**{option: value})
    assert str(value) in str(caught.value)
