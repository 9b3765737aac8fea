"""One photo through the networks: sizes, depths, tiles, light, holes, and what must not change."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from gan_lab.errors import UserError
from gan_lab.inference.restoration import SMALLEST_TILE, Networks, Restoration, Wish
from gan_lab.networks import Light, LightCorrector, Restorer, relight

CPU = torch.device("cpu")


def photo(height: int = 40, width: int = 50, channels: int = 3, dtype: Any = np.uint8) -> np.ndarray:
    levels = np.random.default_rng(0).integers(20, 200, (height, width, channels))
    return (levels * (257 if dtype == np.uint16 else 1)).astype(dtype)


class Brighter(LightCorrector):
    """A light corrector that gives every photo four times the light."""

    def __init__(self) -> None:
        super().__init__(bins=2, hidden=4)

    def estimate(self, image: Tensor) -> Light:
        return Light(torch.full((len(image), 3), 4.0), torch.zeros(len(image), 3))


def shift(levels: float) -> Any:
    return lambda image, mask: image + levels / 127.5


def random_restorer(scale: int = 1) -> Restorer:
    torch.manual_seed(0)
    made = Restorer(width=8, blocks=(1, 1, 2), scale=scale, mask=scale == 1).eval().requires_grad_(False)
    for parameter in made.parameters():
        parameter += 0.2 * torch.randn_like(parameter)
    made.head.weight *= 0.05
    return made


@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (300, 5), (33, 61)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_any_size_and_depth_keeps_its_kind(shape: tuple[int, int], channels: int, dtype: Any) -> None:
    image = photo(*shape, channels, dtype)
    unit = 257 if dtype == np.uint16 else 1
    out = Restoration(Networks(restore=shift(24)), CPU)(image, Wish(correct="defects"))
    assert out.dtype == dtype
    np.testing.assert_allclose(out.astype(int), image.astype(int) + 24 * unit, atol=1 if unit > 1 else 0)


def test_sixteen_bits_are_not_rounded_to_eight() -> None:
    image = np.arange(3000, 3000 + 40 * 50 * 3, dtype=np.uint16).reshape(40, 50, 3)
    out = Restoration(Networks(restore=shift(0)), CPU)(image, Wish())
    np.testing.assert_array_equal(out, image)


@pytest.mark.parametrize("strength", [0.0, 0.25, 1.0])
def test_strength_is_a_share_of_the_change(strength: float) -> None:
    image = photo()
    out = Restoration(Networks(restore=shift(40)), CPU)(image, Wish(correct="defects", strength=strength))
    np.testing.assert_array_equal(out, image + np.uint8(40 * strength))


def test_correct_chooses_between_light_and_defects() -> None:
    restoration, image = Restoration(Networks(light=Brighter(), restore=shift(10)), CPU), photo()
    only = {name: restoration(image, Wish(correct=name)).astype(int) for name in ("all", "defects", "light", "none")}
    assert np.array_equal(only["none"], image)
    assert np.array_equal(only["defects"], image.astype(int) + 10)
    assert (only["light"] - image).min() > 15
    np.testing.assert_allclose(only["all"], np.minimum(only["light"] + 10, 255), atol=1)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_light_is_corrected_channel_by_channel_at_the_photos_depth(dtype: Any) -> None:
    class Cast(Brighter):
        def estimate(self, image: Tensor) -> Light:
            return Light(torch.tensor([[0.5, 1.5, 2.5]]), torch.tensor([[0.0, 0.02, 0.01]]))

    image, highest = photo(dtype=dtype), np.iinfo(dtype).max
    out = Restoration(Networks(light=Cast()), CPU)(image, Wish(correct="light"))
    values = torch.from_numpy(image.astype(np.float64) / highest * 2 - 1).permute(2, 0, 1)[None]
    expected = relight(values, Cast().estimate(values))[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(out, (expected + 1) / 2 * highest, atol=0.51 if dtype == np.uint8 else 1)


def test_white_and_black_areas_stay() -> None:
    image = photo(40, 40)
    image[:10], image[-10:] = 255, 0
    image[20, 20] = 255  # a single clipped pixel is no area
    for networks in (
        Networks(restore=shift(-30)),
        Networks(restore=shift(30)),
        Networks(light=Brighter(), restore=shift(-9)),
    ):
        out = Restoration(networks, CPU)(image, Wish())
        assert (out[:9] == 255).all()
        assert (out[-9:] == 0).all()
        assert (out[15:19] != image[15:19]).any()
    assert (Restoration(Networks(restore=shift(-30)), CPU)(image, Wish())[20, 20] == 225).all()


def test_what_is_white_in_a_hole_is_restored() -> None:
    image, mask = np.full((20, 20, 3), 255, np.uint8), np.zeros((20, 20), np.uint8)
    mask[8:12, 8:12] = 255
    out = Restoration(Networks(restore=shift(-30)), CPU)(image, Wish(), mask)
    assert (out[mask > 0] == 225).all()
    assert (out[mask == 0] == 255).all()


@pytest.mark.parametrize("scale", [1, 2])
def test_tiles_give_what_one_pass_gives(scale: int) -> None:
    networks = Networks(light=Brighter(), restore=random_restorer(), enlarge={2: random_restorer(2)})
    restoration, image = Restoration(networks, CPU), photo(700, 330)
    whole = restoration(image, Wish(scale=scale, tile=None)).astype(int)
    tiled = restoration(image, Wish(scale=scale, tile=SMALLEST_TILE)).astype(int)
    assert tiled.shape == (700 * scale, 330 * scale, 3)
    assert np.abs(whole - restoration(image, Wish(correct="light", scale=scale, tile=None))).mean() > 1
    assert np.abs(tiled - whole).max() <= 1


def test_the_light_is_that_of_the_whole_photo() -> None:
    class Mean(Brighter):
        def estimate(self, image: Tensor) -> Light:
            return Light((1 / image.add(1).mean((2, 3))).clamp(1, 9), torch.zeros(len(image), 3))

    image = photo(600, 300)
    image[:300] //= 8  # one half is dark
    restoration = Restoration(Networks(light=Mean()), CPU)
    whole, tiled = (restoration(image, Wish(correct="light", tile=tile)) for tile in (None, 256))
    np.testing.assert_array_equal(whole, tiled)


def test_what_lies_in_holes_does_not_change_the_light() -> None:
    class Mean(Brighter):
        def estimate(self, image: Tensor) -> Light:
            return Light((0.5 / image.add(1).mean((2, 3))).clamp(0.1, 9), torch.zeros(len(image), 3))

    clean = np.full((128, 128, 3), 60, np.uint8)
    mask = np.zeros((128, 128), np.uint8)
    mask[30:60, 30:90] = 255
    damaged = np.where(mask[..., None] > 0, np.uint8([255, 0, 255]), clean)
    restoration = Restoration(Networks(light=Mean()), CPU)
    expected, with_mask, without = (restoration.light(*given) for given in ((clean,), (damaged, mask), (damaged,)))
    torch.testing.assert_close(with_mask.gain, expected.gain, rtol=0.02, atol=0)
    assert (without.gain - expected.gain).abs().max() > 0.1


def test_holes_are_filled_and_the_mask_reaches_the_network() -> None:
    seen: list[Tensor | None] = []

    def restore(image: Tensor, mask: Tensor | None) -> Tensor:
        seen.append(mask)
        return image

    image = np.full((40, 50, 3), 90, np.uint8)
    image[10:20, 10:20] = 255
    mask = np.zeros((40, 50), np.uint8)
    mask[10:20, 10:20] = 255
    out = Restoration(Networks(restore=restore), CPU)(image, Wish(correct="defects"), mask)
    assert seen[0] is not None
    assert seen[0].sum() == 100
    assert np.abs(out.astype(int) - 90).max() <= 1
    Restoration(Networks(restore=restore), CPU)(image, Wish(correct="defects"), np.zeros_like(mask))
    assert seen[1] is None
    with pytest.raises(UserError, match="mask: 9x8, and the photo 50x40"):
        Restoration(Networks(restore=restore), CPU)(image, Wish(), np.zeros((8, 9), np.uint8))


def test_a_grey_photo_stays_grey_unless_it_is_coloured() -> None:
    def coloured(image: Tensor, mask: Tensor | None) -> Tensor:
        return image + torch.tensor([0.1, 0.0, -0.1]).view(1, 3, 1, 1)

    image = photo(channels=1)
    assert Restoration(Networks(restore=coloured), CPU)(image, Wish()).shape == (40, 50, 1)
    assert Restoration(Networks(restore=coloured, colours=True), CPU)(image, Wish()).shape == (40, 50, 3)
    grey = Restoration(Networks(restore=shift(5), channels=1), CPU)
    assert grey(photo(), Wish()).shape == (40, 50, 1)


def test_memory_that_runs_out_halves_the_tiles() -> None:
    sizes: list[int] = []

    def restore(image: Tensor, mask: Tensor | None) -> Tensor:
        sizes.append(max(image.shape[-2:]))
        if sizes[-1] > 300:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: can't allocate memory")
        return image

    image = photo(1000, 900)
    out = Restoration(Networks(restore=restore), CPU)(image, Wish(correct="defects", tile=None))
    np.testing.assert_array_equal(out, image)
    assert sizes[0] == 1000

    def never(image: Tensor, mask: Tensor | None) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(UserError, match="out of memory on a photo of 900x1000"):
        Restoration(Networks(restore=never), CPU)(image, Wish())

    def wrong(image: Tensor, mask: Tensor | None) -> Tensor:
        raise RuntimeError("sizes do not match")

    with pytest.raises(RuntimeError, match="sizes do not match"):
        Restoration(Networks(restore=wrong), CPU)(image, Wish())


def test_small_photos_are_extended_for_networks_that_need_it() -> None:
    def reflecting(image: Tensor, mask: Tensor | None) -> Tensor:
        return functional.pad(image, (20, 20, 20, 20), mode="reflect")[..., 20:-20, 20:-20]

    image = photo(5, 9)
    np.testing.assert_array_equal(Restoration(Networks(restore=reflecting, smallest=32), CPU)(image, Wish()), image)


def test_nan_is_refused() -> None:
    with pytest.raises(UserError, match="NaN"):
        Restoration(Networks(restore=shift(float("nan"))), CPU)(photo(), Wish())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"correct": "colour"}, "correct=colour: needs one of all, defects, light, none"),
        ({"scale": 5}, "scale=5: needs a number from 1 to 4, or to:<pixels>"),
        ({"strength": 1.5}, "strength=1.5: needs a number from 0"),
        ({"strength": True}, "strength=True"),
        ({"tile": 100}, "tile=100: needs a whole number from 256"),
    ],
)
def test_bad_wishes_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        Wish(**options)


def test_what_the_networks_lack_is_named() -> None:
    bare = Restoration(Networks(restore=shift(0), enlarge={2: random_restorer(2)}), CPU)
    for wish, message in (
        (Wish(scale=4), "scale=4: this model does not enlarge so; it has scale=1, 2"),
        (Wish(correct="light"), "correct=light: this model has no light corrector"),
    ):
        with pytest.raises(UserError, match=message):
            bare(photo(), wish)
    with pytest.raises(UserError, match="correct=defects: this model has no restorer"):
        Restoration(Networks(light=Brighter()), CPU)(photo(), Wish(correct="defects"))
