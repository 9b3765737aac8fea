from __future__ import annotations

import pytest
import torch

from gan_lab.errors import UserError
from gan_lab.networks import SkipGenerator


@pytest.mark.parametrize("size", [16, 28, 32, 48, 64, 96, (96, 64), (48, 64)])
def test_images_have_the_size_that_was_asked_for(size: int | tuple[int, int]) -> None:
    height, width = (size, size) if isinstance(size, int) else size
    images = SkipGenerator(size, channels=1, latents=8, width=2)(torch.randn(2, 8))
    assert images.shape == (2, 1, height, width)
    assert images.abs().max() <= 1


@pytest.mark.parametrize("size", [8, 50, 100, (64, 127), 1])
def test_other_sizes_are_refused(size: int | tuple[int, int]) -> None:
    with pytest.raises(UserError, match=r"^data\.image_size="):
        SkipGenerator(size)


def test_labels_change_the_image() -> None:
    generator = SkipGenerator(32, latents=8, width=2, classes=3)
    z = torch.randn(1, 8).expand(3, -1)
    images = generator.eval()(z, torch.arange(3))
    assert not torch.equal(images[0], images[1])


def test_the_first_map_scales_the_last() -> None:
    generator = SkipGenerator(32, latents=8, width=2).eval()
    z = torch.randn(1, 8)
    before = generator(z)
    torch.nn.init.constant_(generator.excitation[2].bias, -20.0)
    torch.nn.init.zeros_(generator.excitation[2].weight)
    grey = generator(z)
    assert grey.std(dim=(2, 3)).max() < 1e-3 < before.std(dim=(2, 3)).max()
