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


def test_whites_that_burn_out_are_caught() -> None:
    dim = from_light(to_light(goods()[0]) * np.float32(0.4))
    burnt = np.where(dim.min(axis=2, keepdims=True) > 150, 255, dim).astype(np.uint8)
    assert 0.1 < (burnt == 255).mean() < 0.9
    assert "clipped whites" in objections(dim, burnt)
    brighter = from_light(to_light(dim) * np.float32(3))  # the light alone may take a ground to white
    assert (brighter == 255).mean() > 0.1
    assert measure_fidelity(dim, brighter)["clipped_whites"] < 0.01
    assert measure_fidelity(brighter, brighter)["clipped_whites"] == 0


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


def test_sixteen_bits_give_the_figures_of_eight() -> None:
    before, after = FAULTS["local hue"](goods()[0], np.random.default_rng(0))
    wide = measure_fidelity(before.astype(np.uint16) * 257, after.astype(np.uint16) * 257)
    assert wide == pytest.approx(measure_fidelity(before, after), rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (1, 3), (2, 2), (9, 5), (20, 3000), (2000, 24)])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_shape_is_measured(size: tuple[int, int], channels: int) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (*size, channels), dtype=np.uint8)
    figures = measure_fidelity(picture, picture)
    assert all(math.isfinite(value) for value in figures.values())
    assert failures(figures, Thresholds()) == []
    measure_fidelity(picture, np.repeat(np.repeat(picture, 2, axis=0), 2, axis=1))


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_plain_picture_has_nothing_to_lose(level: int) -> None:
    plain = np.full((64, 64, 3), level, np.uint8)
    assert objections(plain, plain) == set()
    assert objections(plain, plain, ignore=np.ones((64, 64), bool)) == set()


def test_fine_print_of_a_large_photo_is_looked_at() -> None:
    """At a tenth of its size nothing of it would be left."""
    before = np.full((4000, 4000, 3), 200, np.uint8)
    after = before.copy()
    for photo, shift in ((before, 0), (after, 3)):
        for line in range(6):
            where = (3000 + shift, 1000 + 16 * line)
            cv2.putText(photo, "100 % cotton, made in Portugal", where, cv2.FONT_HERSHEY_SIMPLEX, 0.4, (60, 60, 60), 1)
    assert objections(before, before) == set()
    assert objections(before, after) & STRUCTURE


def test_what_is_no_repair_is_refused() -> None:
    photo = np.zeros((8, 8, 3), np.uint8)
    for after in (photo[:7], photo[..., :1], photo.astype(np.uint16), np.zeros((8, 16, 3), np.uint8), photo / 255):
        with pytest.raises(ValueError, match=r"is no repair of|expected uint8"):
            measure_fidelity(photo, after)


# ---------------------------------------------------------------------------------------------------- verdicts


def test_the_product_decides_the_colour_drift() -> None:
    before = goods()[0]
    after = before.copy()
    after[100:130, 100:130] = np.clip(after[100:130, 100:130].astype(int) - 40, 0, 255)
    product = np.zeros(before.shape[:2], bool)
    product[90:140, 90:140] = True
    everywhere = np.ones_like(product)
    assert measure_fidelity(before, after, foreground=product)["colour_drift"] > 6
    assert measure_fidelity(before, after, foreground=everywhere)["colour_drift"] < 6


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
