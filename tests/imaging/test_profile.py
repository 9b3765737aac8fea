"""The profile of product photos: what the model sees, what it shall make of it, and where the holes are."""

from __future__ import annotations

import numpy as np
import pytest

from gan_lab.errors import UserError
from gan_lab.imaging import DefectProfile, GaussianNoise, Holes, LightProfile, PoorLight, Reduction, Several
from gan_lab.imaging.light import to_light
from gan_lab.imaging.profile import LightChange, fill_holes, hole_mask


def photo(size: int = 64, channels: int = 3) -> np.ndarray:
    ramp = np.linspace(20, 230, size)
    image = np.stack([np.tile(ramp, (size, 1)), np.tile(ramp[:, None], (1, size)), np.full((size, size), 128)], axis=-1)
    return image.astype(np.uint8)[..., :channels].copy()


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def nothing(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return image


class Mark:
    """Sets one pixel, so that the value tells who came when."""

    def __init__(self, column: int) -> None:
        self.column = column

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        image = image.copy()
        image[0, self.column] = image[0, :8, 0].max() + 1
        return image


def test_several_applies_as_many_as_drawn_in_any_order() -> None:
    steps, blank = [Mark(0), Mark(1), Mark(2)], np.zeros((1, 8, 1), np.uint8)
    found = [tuple(Several(steps, counts=[1, 1, 2])(blank, rng(seed))[0, :3, 0]) for seed in range(400)]
    singles, pairs = (
        [(1, 0, 0), (0, 1, 0), (0, 0, 1)],
        [(1, 2, 0), (2, 1, 0), (1, 0, 2), (2, 0, 1), (0, 1, 2), (0, 2, 1)],
    )
    assert set(found) == {(0, 0, 0), *singles, *pairs}
    assert 60 < found.count((0, 0, 0)) < 140
    heavy = [Several(steps, weights=[8, 1, 1])(blank, rng(seed))[0, 0, 0] for seed in range(300)]
    assert 210 < sum(map(int, heavy)) < 270


def test_a_light_is_undone_but_for_its_error() -> None:
    change = LightChange(np.array([0.3, 0.5, 0.8], np.float32), veil=0.05)
    image = photo()
    poor = change.apply(image)
    np.testing.assert_allclose(to_light(poor)[..., 2], to_light(image)[..., 2] * 0.8 * 0.95 + 0.05, atol=0.004)
    back = change.undo(poor, np.ones(3, np.float32))
    assert np.abs(back.astype(int) - image)[image > 40].max() <= 3  # below, 8 bits of a poor light are too coarse
    brighter = to_light(change.undo(poor, np.full(3, 0.5, np.float32)))  # the gain was taken for half of what it was
    np.testing.assert_allclose(brighter, np.minimum(2 * to_light(image), 1), atol=0.05)


def test_noise_belongs_to_the_exposure() -> None:
    change = LightChange(np.full(3, 0.2, np.float32), noise=(1e-3, 1e-5))
    assert np.array_equal(change.apply(photo()), change.apply(photo()))
    assert not np.array_equal(change.apply(photo(), rng()), change.apply(photo()))


@pytest.mark.parametrize("kind", range(3))
def test_lights_stay_in_their_ranges(kind: int) -> None:
    shares = np.eye(3)[kind]
    draws = [PoorLight(shares).draw(rng(seed)) for seed in range(200)]
    gains = np.array([draw.gain for draw in draws])
    assert gains.min() > 0.05
    assert gains.max() < 1.5
    grey = np.ptp(gains, axis=1) < 1e-6
    assert grey.all() if kind == 0 else not grey.any()
    assert (max(draw.veil for draw in draws) > 0.02) == (kind == 2)


def test_a_restorer_is_shown_defects_and_keeps_the_light() -> None:
    change_only = DefectProfile(nothing, PoorLight(), lit=1, undone=0, clean=0)
    image = photo()
    for seed in range(8):
        made = change_only(image, rng(seed))
        assert made.mask is None
        # the target is in the same poor light: nothing but noise lies between the two
        assert np.abs(made.lq.mean((0, 1)) - made.gt.mean((0, 1))).max() < 4
        assert np.abs(made.gt.astype(int) - image).mean() > 1
    noisy = DefectProfile(GaussianNoise(20), lit=0, clean=0)(image, rng())
    assert np.array_equal(noisy.gt, image)
    assert 15 < (noisy.lq.astype(int) - image).std() < 22
    clean = DefectProfile(GaussianNoise(20), clean=1)(image, rng())
    assert np.array_equal(clean.lq, clean.gt)


def test_corrected_light_brings_the_target_back() -> None:
    profile = DefectProfile(nothing, PoorLight((0, 1, 0), gain=(0.6, 0.9)), lit=1, undone=1, error=0.0, clean=0)
    made = profile(photo(), rng(3))
    assert np.abs(made.gt.astype(int) - photo()).max() <= 4


def test_holes_are_marked_and_guessed() -> None:
    profile = DefectProfile(nothing, holes=Holes(count=3), holed=1, clean=1)
    made = profile(photo(), rng(1))
    assert made.mask is not None
    assert made.mask.shape == (64, 64, 1)
    hole = made.mask[..., 0] > 0
    assert 0 < hole.mean() < 0.9
    assert np.array_equal(made.lq[~hole], made.gt[~hole])
    assert np.array_equal(made.gt, photo())
    none = DefectProfile(nothing, holes=Holes(count=3), holed=0, clean=1)(photo(), rng(1))
    assert none.mask is not None
    assert not none.mask.any()


@pytest.mark.parametrize("channels", [1, 3])
def test_a_first_guess_continues_the_rim(channels: int) -> None:
    image = np.full((40, 40, channels), 90, np.uint8)
    mask = np.zeros((40, 40, 1), np.uint8)
    mask[10:20, 10:20] = 255
    image[10:20, 10:20] = 255
    assert np.abs(fill_holes(image, mask).astype(int) - 90).max() <= 1
    assert fill_holes(image, np.full_like(mask, 255)).shape == image.shape
    assert fill_holes(image, np.zeros_like(mask)) is image
    deep = image.astype(np.uint16) * 257 + 5
    made = fill_holes(deep, mask)
    assert made.dtype == np.uint16
    np.testing.assert_array_equal(made[mask[..., 0] == 0], deep[mask[..., 0] == 0])
    assert np.abs(made.astype(int) - 90 * 257).max() <= 257
    assert (fill_holes(deep, np.full_like(mask, 255)) == 128 * 257).all()
    assert hole_mask(Holes(count=4), (30, 20), rng()).shape == (30, 20, 1)


def test_a_light_corrector_is_shown_thumbnails() -> None:
    profile = LightProfile(PoorLight((1, 0, 0), stops=(2, 2)), nothing, clean=0.0, side=16)
    made = profile(photo(), rng())
    assert made.lq.shape == made.gt.shape == (16, 16, 3)
    assert to_light(made.lq).mean() == pytest.approx(to_light(made.gt).mean() / 4, rel=0.1)
    clean = LightProfile(PoorLight(), nothing, clean=1.0)(photo(), rng())
    assert np.array_equal(clean.lq, clean.gt)


def test_a_light_corrector_judges_by_the_defects_and_does_not_undo_them() -> None:
    black = np.zeros((64, 64, 3), np.uint8)
    made = LightProfile(PoorLight(), GaussianNoise(50), defective=1.0, clean=1.0)(black, rng())
    assert made.seen is not None
    assert made.seen.mean() > 10  # noise that is clipped at black lifts it
    assert not made.lq.any()
    holed = LightProfile(PoorLight(), nothing, defective=0.0, clean=1.0, holes=Holes(count=4), holed=1.0)(
        photo(), rng()
    )
    assert not np.array_equal(holed.seen, holed.lq)
    assert np.array_equal(holed.lq, holed.gt)
    dark = LightProfile(PoorLight((1, 0, 0), shot=1e-2, read=1e-3), nothing, clean=0.0)(photo(), rng())
    assert not np.array_equal(dark.seen, dark.lq)


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_reduction_is_the_bicubic_one_but_for_others(scale: int, channels: int) -> None:
    image = photo(channels=channels)
    sets = {Reduction(scale, others=0.5)(image, rng(seed)).lq.tobytes() for seed in range(40)}
    assert len(sets) > 2
    made = Reduction(scale, others=0)(image, rng())
    assert made.lq.shape == (64 // scale, 64 // scale, channels)
    assert made.gt is image
    with pytest.raises(UserError, match=r"data\.image_size=63: needs a multiple"):
        Reduction(scale)(image[:63, :63], rng())
    with pytest.raises(UserError, match=r"data\.image_size=\[64,61\]: needs a multiple"):
        Reduction(scale)(image[:, :61], rng())
    assert Reduction(scale, others=0)(image[:, :40], rng()).lq.shape == (64 // scale, 40 // scale, channels)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Several([nothing], weights=[1, 2]), "Several.weights"),
        (lambda: Several([nothing], counts=[1, 1, 1]), "Several.counts"),
        (lambda: PoorLight(kinds=(1, 1)), "PoorLight.kinds"),
        (lambda: PoorLight(gain=(0, 1)), "PoorLight.gain"),
        (lambda: DefectProfile(nothing, clean=2), "DefectProfile.clean"),
        (lambda: LightProfile(PoorLight(), nothing, clean=-1), "LightProfile.clean"),
        (lambda: Reduction(3), "Reduction.scale"),
    ],
)
def test_mistakes_are_named(make: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()  # type: ignore[operator]
