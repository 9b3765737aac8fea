"""Tiles: they cover the image once, meet without a seam, and keep to the grid of strided convolutions."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from gan_lab.inference.tiling import ALIGNMENT, by_tiles, parts


@pytest.mark.parametrize("length", [129, 160, 200, 255, 256, 257, 300, 511, 1000, 1025])
def test_parts_cover_an_axis_and_weigh_one(length: int) -> None:
    total = torch.zeros(length)
    cut = parts(length, tile=128, overlap=32)
    for start, end, weights in cut:
        assert start % ALIGNMENT == 0
        assert end - start <= 128 + ALIGNMENT
        total[start:end] += weights
    assert len(cut) > 1
    torch.testing.assert_close(total, torch.ones(length))
    assert all(before[1] - after[0] >= 32 for before, after in pairwise(cut))


def test_a_large_image_goes_in_tiles_and_a_small_one_at_once() -> None:
    sizes: list[tuple[int, ...]] = []

    def network(part: Tensor) -> Tensor:
        sizes.append(tuple(part.shape[-2:]))
        return 1 - part

    image = torch.rand(1, 3, 300, 250)
    torch.testing.assert_close(by_tiles(network, image, tile=128, overlap=32), 1 - image)
    assert len(sizes) == 4 * 3
    assert max(max(size) for size in sizes) <= 128 + ALIGNMENT

    sizes.clear()
    by_tiles(network, image, tile=None)
    by_tiles(network, image[..., :64, :], tile=128, overlap=32)
    assert sizes == [(300, 250), (64, 250)]


def test_strided_layers_meet_the_same_grid_in_every_tile() -> None:
    def network(part: Tensor) -> Tensor:
        return functional.interpolate(functional.avg_pool2d(part, 4), scale_factor=4)

    image = torch.rand(1, 1, 400, 400)
    torch.testing.assert_close(by_tiles(network, image, tile=144, overlap=64), network(image))


def test_what_a_tile_lacks_at_its_edge_hardly_shows() -> None:
    kernel = torch.full((1, 1, 5, 5), 1 / 25)

    def network(part: Tensor) -> Tensor:
        return functional.conv2d(part, kernel, padding=2)

    image = torch.ones(1, 1, 300, 300)
    difference = (by_tiles(network, image, tile=144, overlap=64) - network(image)).abs().max()
    assert difference < 0.02  # a bare seam would miss by 0.4


def test_tiles_that_are_all_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match="tile: 64"):
        by_tiles(lambda part: part, torch.zeros(1, 1, 9, 9), tile=64, overlap=32)
