"""Figures of a model of codes: what is lost, what the codes cost, and how many are in use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
import torch
from torch import Tensor

from gan_lab.evaluation import evaluate_reconstruction
from gan_lab.evaluation.pairs import PERCEPTUAL
from gan_lab.metrics import psnr, ssim, to_uint8
from gan_lab.metrics.restoration import PSNR_CAP
from gan_lab.networks import VectorQuantizer


class Photos:
    """Pictures of blocks of 4x4 pixels, black or white."""

    blocks = torch.randint(0, 2, (5, 1, 4, 4), generator=torch.Generator().manual_seed(0)).float() * 2 - 1
    image = blocks.repeat_interleave(4, 2).repeat_interleave(4, 3).expand(-1, 3, -1, -1)

    def draw_indices(self, n: int | None, seed: int) -> list[int]:
        return list(range(5 if n is None else n))

    def batches(self, indices: Sequence[int]) -> Iterator[dict[str, Tensor]]:
        for part in torch.tensor(indices).split(3):
            yield {"image": self.image[part]}


class Blocks:
    """A code for each block: 0 for black, 5 for white; `contrast` of 1 decodes them as they were."""

    device = torch.device("cpu")
    quantizer = VectorQuantizer(8, 1)

    def __init__(self, contrast: float = 1.0) -> None:
        self.contrast = contrast

    def encode(self, image: Tensor) -> Tensor:
        return 5 * (image[:, 0, ::4, ::4] > 0).long()

    def decode(self, codes: Tensor) -> Tensor:
        grey = (self.contrast * ((codes > 0).float() * 2 - 1))[:, None].expand(-1, 3, -1, -1)
        return grey.repeat_interleave(4, 2).repeat_interleave(4, 3)


def test_equal_pictures_get_the_cap_and_codes_their_price() -> None:
    report = evaluate_reconstruction(Blocks(), "mine", Photos())  # type: ignore[arg-type]
    figures = report.figures
    assert (figures["psnr"], figures["ssim"], figures["ciede2000"]) == pytest.approx((PSNR_CAP, 1, 0), abs=1e-6)
    assert figures[PERCEPTUAL] == 0
    assert figures["bits_per_pixel"] == pytest.approx(3 / 16)  # one of 8 codes for 16 pixels
    white = (Photos.image > 0).double().mean()
    entropy = -(white * white.log() + (1 - white) * (1 - white).log())
    assert figures["perplexity"] == pytest.approx(float(entropy.exp()))
    assert report.protocol["n"] == 5
    assert report.rows[0][0] == "mine"
    assert len(report.rows[0]) == len(report.columns)


def test_what_is_lost_is_measured_image_by_image() -> None:
    figures = evaluate_reconstruction(Blocks(0.8), "mine", Photos(), n=4).figures  # type: ignore[arg-type]
    pred, gt = to_uint8(0.8 * Photos.image[:4]), to_uint8(Photos.image[:4])
    assert figures["psnr"] == pytest.approx(float(psnr(pred, gt).mean()))
    assert figures["ssim"] == pytest.approx(float(ssim(pred, gt).mean()))
