"""The fidelity guard: it catches what alters a product, lets good repairs pass, and softens what goes too far."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from gan_lab.errors import UserError
from gan_lab.fidelity.figures import measure_fidelity
from gan_lab.fidelity.guard import Guarded, Thresholds, blend, failures, guard
from gan_lab.imaging import JPEG, Blur, ColourCast, GaussianNoise, Holes, LowLight
from gan_lab.imaging.degradations import Degradation
from gan_lab.imaging.light import from_light, to_light
from gan_lab.imaging.traditional import sharpening
from tests.fidelity.pictures import fault_makers, goods, photos

FAULTS = fault_makers().FAULTS
DEGRADATIONS: dict[str, Degradation] = {
    "clean": lambda image, rng: image,
    "noise": GaussianNoise(25),
    "jpeg": JPEG(20),
    "dark": LowLight((2, 3), shot=8e-4, read=1e-5),
    "cast": ColourCast((0.7, 1.0)),
    "veil": lambda image, rng: from_light(to_light(image) * 0.7 + 0.06),
    "soft": Blur(1.0),
}
STRUCTURE = {"edge drift", "detail lost", "detail invented"}


def objections(before: np.ndarray, after: np.ndarray, ignore: np.ndarray | None = None) -> set[str]:
    reasons = failures(measure_fidelity(before, after, ignore=ignore), Thresholds())
    return {" ".join(reason.split()[:2]) for reason in reasons}


# ------------------------------------------------------------------------------------------ what passes and what does not


@pytest.mark.parametrize("pictures", [goods, lambda: photos(6)], ids=["goods", "photos"])
@pytest.mark.parametrize("degradation", DEGRADATIONS)
def test_good_repairs_pass(degradation: str, pictures: object) -> None:
    for number, picture in enumerate(pictures()):  # type: ignore[operator]
        before = DEGRADATIONS[degradation](picture, np.random.default_rng(number))
        assert objections(before, picture) == set(), number


@pytest.mark.parametrize("pictures", [goods, lambda: photos(6)], ids=["goods", "photos"])
@pytest.mark.parametrize("degradation", ["clean", "jpeg", "cast"])
@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_caught(fault: str, degradation: str, pictures: object) -> None:
    for number, picture in enumerate(pictures()):  # type: ignore[operator]
        product, altered = FAULTS[fault](picture, np.random.default_rng(number))
        before = DEGRADATIONS[degradation](product, np.random.default_rng(number))
        found = objections(before, altered)
        assert found & ({"hue drift"} if fault == "local hue" else STRUCTURE), number


@pytest.mark.parametrize("degradation", ["noise", "dark"])
@pytest.mark.parametrize("fault", ["local hue", "moved logo", "mangled text", "other letters", "moved part"])
def test_noise_hides_no_fault_that_shows(fault: str, degradation: str) -> None:
    for number, picture in enumerate(goods()):
        product, altered = FAULTS[fault](picture, np.random.default_rng(number))
        before = DEGRADATIONS[degradation](product, np.random.default_rng(number))
        assert objections(before, altered), number


def test_sharpening_a_little_passes() -> None:
    for picture in goods():
        assert not objections(picture, sharpening(picture)) & STRUCTURE


def test_a_product_of_one_colour_on_white_may_not_change_its_hue() -> None:
    """A line per channel would go through both colours; the light has no such freedom."""
    before = np.full((200, 200, 3), 250, np.uint8)
    before[50:150, 50:150] = (180, 40, 50)
    after = before.copy()
    after[50:150, 50:150] = (180, 52, 40)
    assert "hue drift" in objections(before, after)


def test_what_was_white_may_stay_white_where_a_cast_is_taken_out() -> None:
    scene = np.full((120, 120, 3), 120, np.uint8)
    scene[40:80, 40:80, 0] = 255
    before = from_light(to_light(scene) * np.array([1.6, 1, 1], np.float32))
    assert objections(before, scene) == set()


def test_what_jpeg_lost_of_a_colour_is_not_held_against_its_repair() -> None:
    colours = np.random.default_rng(3).integers(90, 160, (4, 4, 3), dtype=np.uint8)
    picture = np.repeat(np.repeat(colours, 64, axis=0), 64, axis=1)
    before = JPEG(20)(picture, np.random.default_rng(0))
    assert "hue drift" not in objections(before, picture)
    assert "hue drift" in objections(
        np.pad(before, ((5, 0), (5, 0), (0, 0)), "edge"), np.pad(picture, ((5, 0), (5, 0), (0, 0)), "edge")
    )


def test_filled_holes_are_left_out_where_a_mask_says_so() -> None:
    for number, picture in enumerate(goods()):
        damaged = Holes((6, 6), colour=(255, 0, 255))(picture, np.random.default_rng(number))
        mask = np.where((damaged != picture).any(axis=2), 255, 0).astype(np.uint8)
        assert objections(damaged, picture), number
        assert objections(damaged, picture, ignore=mask) == set(), number


def test_a_mask_hides_nothing_beside_it() -> None:
    picture = goods()[0]
    product, altered = FAULTS["local hue"](picture, np.random.default_rng(0))
    mask = np.zeros(picture.shape[:2], np.uint8)
    mask[:20] = 255
    assert "hue drift" in objections(product, altered, ignore=mask)


# ---------------------------------------------------------------------------------------------------- any kind of photo


@pytest.mark.parametrize("scale", [2, 4])
def test_an_enlarged_repair_is_compared_at_the_photos_size(scale: int) -> None:
    for number, small in enumerate(goods()):
        side = small.shape[0] * scale
        large = cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)
        assert objections(small, large) == set(), number
        _, altered = FAULTS["local hue"](large, np.random.default_rng(number))
        assert "hue drift" in objections(small, altered), number
        assert objections(small, np.roll(large, 3 * scale, axis=1)) & STRUCTURE


def test_grey_photos_are_judged_too() -> None:
    for number, picture in enumerate(goods()):
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None]
        noisy = GaussianNoise(25)(grey, np.random.default_rng(number))
        assert objections(noisy, grey) == set()
        _, altered = FAULTS["mangled text"](picture, np.random.default_rng(number))
        assert objections(grey, cv2.cvtColor(altered, cv2.COLOR_RGB2GRAY)[..., None]) & STRUCTURE


# ---------------------------------------------------------------------------------------------------- verdicts


def test_a_good_repair_is_accepted_as_it_is() -> None:
    picture = goods()[0]
    before = LowLight((2, 2))(picture, np.random.default_rng(0))
    judged = guard(before, picture)
    assert (judged.verdict, judged.strength, judged.reasons) == ("accept", 1.0, ())
    assert judged.pixels is picture
    assert judged.figures["exposure_stops"] == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_what_goes_too_far_is_softened(dtype: type) -> None:
    step = np.iinfo(dtype).max // 255
    before, after = (
        photo.astype(dtype) * dtype(step) for photo in FAULTS["local hue"](goods()[0], np.random.default_rng(0))
    )
    judged = guard(before, after)
    assert (judged.verdict, judged.strength) == ("softened", 0.5)
    assert judged.reasons[0].startswith("hue drift ")
    assert failures(judged.figures, Thresholds()) == []
    mean = (before.astype(np.float64) + after) / 2
    assert np.abs(judged.pixels - mean).max() <= 0.5
    assert judged.pixels.dtype == dtype


@pytest.mark.parametrize("scale", [1, 2])
def test_what_no_weakening_mends_is_not_done(scale: int) -> None:
    before = goods()[1]
    ruined = np.repeat(np.repeat(before[::-1], scale, axis=0), scale, axis=1)
    judged = guard(before, ruined)
    assert (judged.verdict, judged.strength) == ("kept", 0.0)
    assert judged.reasons
    assert failures(judged.figures, Thresholds())
    assert judged.pixels.shape == ruined.shape
    if scale == 1:
        np.testing.assert_array_equal(judged.pixels, before)
    else:
        assert np.abs(judged.pixels[::2, ::2].astype(int) - before).mean() < 4


def test_a_weaker_repair_does_not_show_half_a_scratch() -> None:
    picture = goods()[0]
    _, altered = FAULTS["local hue"](picture, np.random.default_rng(0))
    scratched = picture.copy()
    scratched[20:24] = (255, 0, 255)
    mask = np.zeros(picture.shape[:2], np.uint8)
    mask[20:24] = 255
    for before, after in ((scratched, altered), (scratched.astype(np.uint16) * 257, altered.astype(np.uint16) * 257)):
        judged = guard(before, after, ignore=mask)
        assert judged.verdict == "softened"
        assert np.abs(judged.pixels[20:24] / np.iinfo(before.dtype).max * 255 - picture[20:24]).max() < 40


def test_limits_can_be_widened() -> None:
    before, after = FAULTS["local hue"](goods()[0], np.random.default_rng(0))
    assert guard(before, after, Thresholds(hue_drift=math.inf, colour_drift=50)).verdict == "accept"
    assert guard(before, before, Thresholds(hue_drift=1e-9)).verdict == "accept"


@pytest.mark.parametrize("value", [0, -1, math.nan, True, "4", None])
def test_a_limit_that_is_none_is_refused(value: object) -> None:
    with pytest.raises(UserError, match=r"guard\.edge_drift"):
        Thresholds(edge_drift=value)  # type: ignore[arg-type]


def test_reasons_name_the_worst_figure_first() -> None:
    figures = dict.fromkeys(("hue_drift", "colour_drift", "edge_drift", "detail_lost", "detail_invented"), 0.0)
    figures |= {"clipped_whites": 0.06, "edge_drift": 1.2, "exposure_stops": 9.0}
    assert failures(figures, Thresholds()) == ["edge drift 1.2 above 0.1", "clipped whites 0.06 above 0.03"]


def test_blending_rounds_once_and_its_ends_are_exact() -> None:
    rng = np.random.default_rng(0)
    for dtype in (np.uint8, np.uint16):
        first, second = (rng.integers(0, np.iinfo(dtype).max + 1, (50, 40, 3)).astype(dtype) for _ in range(2))
        np.testing.assert_array_equal(blend(first, second, 0), first)
        np.testing.assert_array_equal(blend(first, second, 1), second)
        exact = first + 0.25 * (second.astype(np.float64) - first)
        assert np.abs(blend(first, second, 0.25) - exact).max() <= 0.5 + 1e-2


def test_a_verdict_is_plain_data() -> None:
    judged = guard(goods()[0], goods()[0])
    assert isinstance(judged, Guarded)
    assert all(type(value) is float for value in judged.figures.values())
