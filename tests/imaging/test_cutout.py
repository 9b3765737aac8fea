from __future__ import annotations

import cv2
import numpy as np
import pytest

from gan_lab.imaging import cutout as module
from gan_lab.imaging.cutout import cut_out


def on_cloth(mask: np.ndarray, product: tuple[int, ...], ground: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Return a photo of a product of one colour on an uneven, grainy ground."""
    rng = np.random.default_rng(seed)
    height, width = mask.shape
    light = np.linspace(0.9, 1.1, width)[None, :, None] * np.linspace(1.05, 0.95, height)[:, None, None]
    colours = np.where(mask[..., None], np.float64(product), np.float64(ground) * light)
    return np.clip(colours + rng.normal(0, 4, (height, width, 1)), 0, 255).astype(np.uint8)


def drawn(*shapes: tuple[str, tuple], size: tuple[int, int] = (240, 200)) -> np.ndarray:
    canvas = np.zeros(size, np.uint8)
    for shape, arguments in shapes:
        getattr(cv2, shape)(canvas, *arguments)
    return canvas > 0


BODY = ("rectangle", ((60, 110), (140, 190), 255, -1))
HANDLE = ("ellipse", ((100, 112), (25, 45), 0, 180, 360, 255, 7))
SHIRT = (BODY, ("rectangle", ((30, 110), (170, 130), 255, -1)))


def overlap(found: np.ndarray, truth: np.ndarray) -> float:
    return float((found & truth).sum() / (found | truth).sum())


@pytest.mark.parametrize(
    ("product", "ground", "confidence"),
    [
        ((50, 60, 140), (205, 180, 150), 0.8),
        ((235, 235, 235), (160, 30, 30), 0.8),
        ((30, 30, 30), (120, 85, 60), 0.8),
        ((166, 164, 168), (178, 172, 160), 0.5),  # only the finest tolerance tells them apart
    ],
)
def test_a_product_is_found_with_the_hole_of_its_handle(product: tuple, ground: tuple, confidence: float) -> None:
    truth = drawn(BODY, HANDLE)
    cutout = cut_out(on_cloth(truth, product, ground))
    assert cutout.confidence > confidence
    assert overlap(cutout.mask, truth) > 0.95
    assert not cutout.mask[95, 95:105].any()


def test_a_product_that_leaves_the_picture_is_no_ground() -> None:
    truth = drawn(("rectangle", ((60, 70), (140, 240), 255, -1)))
    cutout = cut_out(on_cloth(truth, (50, 60, 140), (205, 180, 150)))
    assert cutout.confidence > 0.8
    assert overlap(cutout.mask, truth) > 0.95


def test_a_dark_label_is_not_taken_for_the_product() -> None:
    truth = drawn(*SHIRT)
    photo = on_cloth(truth, (166, 164, 168), (178, 172, 160))
    photo[112:135, 88:112] = (40, 30, 30)
    cutout = cut_out(photo)
    assert cutout.confidence > 0.5
    assert overlap(cutout.mask, truth) > 0.95


def test_a_print_of_the_grounds_hue_is_no_hole() -> None:
    truth = drawn(*SHIRT)
    photo = on_cloth(truth, (50, 60, 140), (150, 140, 125))
    photo[140:165, 85:115] = (210, 203, 190)
    cutout = cut_out(photo)
    assert overlap(cutout.mask, truth) > 0.97
    assert cutout.mask[142:163, 87:113].all()


def test_joints_of_the_floor_and_crumbs_are_left_out() -> None:
    truth = drawn(*SHIRT)
    photo = on_cloth(truth, (40, 40, 45), (205, 195, 180))
    floor = photo.copy()
    floor[:, 98:101], floor[20:24, 20:24], floor[215:219, 60:64] = (45, 42, 40), 40, 40
    photo[~truth] = floor[~truth]
    cutout = cut_out(photo)
    assert overlap(cutout.mask, truth) > 0.95
    assert not cutout.mask[:80].any()
    assert not cutout.mask[205:].any()


def test_a_pair_is_found_whole() -> None:
    truth = drawn(
        ("ellipse", ((60, 120), (28, 75), 0, 0, 360, 255, -1)), ("ellipse", ((140, 120), (28, 75), 0, 0, 360, 255, -1))
    )
    cutout = cut_out(on_cloth(truth, (90, 50, 30), (200, 200, 205)))
    assert cutout.confidence > 0.8
    assert overlap(cutout.mask, truth) > 0.95


def stripes(photo: np.ndarray) -> np.ndarray:
    """Paint every second eight rows of a shirt in the colour of its ground: no outline holds it together."""
    striped = photo.copy()
    rows = np.arange(len(photo)) // 8 % 2 == 0
    striped[rows, 45:155] = (205, 180, 150)
    return striped


@pytest.mark.parametrize(
    "photo",
    [
        pytest.param(np.full((200, 200, 3), 180, np.uint8), id="nothing"),
        pytest.param(on_cloth(np.zeros((240, 200), bool), (0, 0, 0), (205, 180, 150)), id="ground alone"),
        pytest.param(np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8), id="noise"),
        pytest.param(on_cloth(drawn(*SHIRT), (203, 181, 152), (205, 180, 150)), id="the ground's colour"),
        pytest.param(
            on_cloth(drawn(("circle", ((100, 120), 4, 255, -1))), (20, 20, 20), (205, 180, 150)), id="a speck"
        ),
        pytest.param(
            stripes(on_cloth(drawn(("rectangle", ((45, 30), (155, 210), 255, -1))), (40, 35, 30), (205, 180, 150))),
            id="stripes",
        ),
        pytest.param(np.zeros((15, 400, 3), np.uint8), id="too flat"),
        pytest.param(np.zeros((1, 1, 3), np.uint8), id="one pixel"),
    ],
)
def test_it_says_when_it_has_found_nothing_sure(photo: np.ndarray) -> None:
    cutout = cut_out(photo)
    assert cutout.confidence < 0.3
    assert cutout.mask.shape == photo.shape[:2]


def test_the_same_photo_has_the_same_outline() -> None:
    rng = np.random.default_rng(0)
    patches = cv2.resize(
        rng.integers(50, 178, (24, 20, 3)).astype(np.uint8), (200, 240), interpolation=cv2.INTER_NEAREST
    )
    cloth = cv2.GaussianBlur(rng.integers(90, 218, (240, 200, 3)).astype(np.uint8), (0, 0), 1)
    photo = np.where(drawn(*SHIRT)[..., None], patches, cloth)
    cv2.setRNGSeed(1)
    once = cut_out(photo)
    cv2.setRNGSeed(2)
    np.testing.assert_array_equal(cut_out(photo).mask, once.mask)


SQUARE = drawn(("rectangle", ((50, 60), (150, 180), 255, -1)))


def colours_of(mask: np.ndarray) -> np.ndarray:
    return np.where(mask[..., None], np.float32((60, 0, 0)), np.float32((30, 0, 0)))


def test_a_sharp_outline_around_the_middle_is_trusted() -> None:
    assert module._confidence(colours_of(SQUARE), SQUARE, SQUARE) == 1


def test_each_doubt_suffices() -> None:
    corners = drawn(*(("rectangle", ((x, y), (x + 30, y + 30), 255, -1)) for x in (20, 150) for y in (20, 190)))
    aside = drawn(("rectangle", ((10, 10), (90, 110), 255, -1)))
    comb = SQUARE & (np.arange(240) // 4 % 2 == 0)[:, None]
    part = SQUARE & (np.arange(240) < 90)[:, None]
    fading = colours_of(SQUARE)
    fading[:120] = 45
    for colours, start, mask in (
        (colours_of(comb), comb, comb),
        (colours_of(corners), corners, corners),
        (colours_of(aside), aside, aside),
        (colours_of(SQUARE), part, SQUARE),
        (fading, SQUARE, SQUARE),
    ):
        assert module._confidence(colours, start, mask) < 0.1


def test_the_coarsest_outline_does_not_stand_against_two_finer_ones() -> None:
    truth = drawn(("rectangle", ((40, 50), (160, 200), 255, -1)))
    photo = on_cloth(truth, (160, 160, 170), (178, 172, 160))
    photo[50:150, 40:161] = (40, 35, 60)  # of the two colours of the product one is nearly the ground's
    assert overlap(cut_out(photo).mask, truth) > 0.95


def test_outlines_that_disagree_are_doubted() -> None:
    half = SQUARE & (np.arange(200) < 100)
    nearly = SQUARE & (np.arange(200) < 148)
    whole = module.Cutout(SQUARE, 1.0)
    assert module._weigh_agreement([whole, module.Cutout(nearly, 0.4)])[0].confidence == 1
    assert module._weigh_agreement([module.Cutout(half, 1.0), whole, module.Cutout(nearly, 0.9)])[0].confidence < 0.1
    assert 0.5 < module._weigh_agreement([whole])[0].confidence < 0.8
    assert (
        0.5 < module._weigh_agreement([whole, module.Cutout(half, 0.0)])[0].confidence < 0.8
    )  # a failed try says nothing


def test_grab_cut_starts_from_what_is_salient_in_the_middle() -> None:
    salience = np.zeros((240, 200), np.float32)
    salience[90:150, 70:130] = salience[:60, :60] = 1
    start = module._starting_point(salience)
    assert (start[95:145, 75:125] == cv2.GC_FGD).all()
    assert (start[70, 70], start[10, 10]) == (cv2.GC_PR_BGD, cv2.GC_PR_BGD)
    assert (start[-3:] == cv2.GC_BGD).all()
    assert start[0, 30] == cv2.GC_PR_BGD  # what is salient at the border may be a product that leaves the picture


def test_small_pieces_are_debris_and_second_products_are_not() -> None:
    pair = SQUARE | drawn(("rectangle", ((5, 200), (40, 235), 255, -1)))
    crumb = drawn(("rectangle", ((170, 20), (180, 30), 255, -1)))
    np.testing.assert_array_equal(module._without_debris(pair | crumb), pair)


def test_holes_show_the_ground_or_are_none() -> None:
    mask = SQUARE | (np.arange(200) >= 170)
    colours = colours_of(mask)
    ground, lining, pinhole, notch = (
        np.s_[100:120, 60:80],
        np.s_[100:120, 90:110],
        np.s_[150:153, 100:103],
        np.s_[100:104, 195:],
    )
    for part, colour in ((ground, (33, 1, 1)), (lining, (42, 0, 0)), (pinhole, (30, 0, 0)), (notch, (30, 0, 0))):
        mask[part], colours[part] = False, colour
    found = module._without_false_holes(mask, colours)
    assert not found[ground].any()
    assert found[lining].all()
    assert found[pinhole].all()
    assert not found[notch].any()  # it reaches the border
