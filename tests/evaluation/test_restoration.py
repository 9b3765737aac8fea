"""Restoration figures: the model beside the input as it is and the traditional methods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_lab.evaluation import evaluate_restoration
from gan_lab.evaluation.pairs import PERCEPTUAL
from gan_lab.metrics import psnr, to_uint8
from gan_lab.metrics.restoration import PSNR_CAP

NOISE = 0.3


class Pairs:
    """Smooth pictures and noisy copies of them."""

    def __init__(self, n: int = 4, channels: int = 3) -> None:
        ramp = torch.linspace(-0.5, 0.5, 32)
        self.gt = (ramp[:, None] + ramp[None, :]).expand(n, channels, 32, 32).contiguous()
        self.lq = self.gt + NOISE * torch.randn(self.gt.shape, generator=torch.Generator().manual_seed(0))

    def draw_indices(self, n: int | None, seed: int) -> list[int]:
        return list(range(len(self.gt) if n is None else n))

    def batches(self, indices: Sequence[int]) -> Iterator[dict[str, Tensor]]:
        for part in torch.tensor(indices).split(3):
            yield {"lq": self.lq[part], "gt": self.gt[part]}


class Restorer:
    """Takes away the share `strength` of what `pairs` added."""

    device = torch.device("cpu")

    def __init__(self, strength: float) -> None:
        self.strength = strength

    def enhance(self, lq: Tensor) -> Tensor:
        clean = Pairs(len(lq), lq.shape[1]).gt
        return lq + self.strength * (clean - lq)


def figures(strength: float, pairs: Any, **options: Any) -> Any:
    return evaluate_restoration(Restorer(strength), "mine", pairs, **options)


def test_a_model_that_changes_nothing_is_as_good_as_the_input() -> None:
    pairs = Pairs()
    report = figures(0.0, pairs)
    methods = report.figures["methods"]
    assert methods["mine"] == methods["as is"]
    assert report.figures["psnr_gain"] == 0
    expected = psnr(to_uint8(pairs.lq), to_uint8(pairs.gt)).mean()
    assert methods["as is"]["psnr"] == pytest.approx(float(expected))
    assert methods["median filter"]["psnr"] > methods["as is"]["psnr"] + 3
    assert methods["histogram equalisation"]["psnr"] < methods["median filter"]["psnr"]


def test_rows_are_sorted_and_the_gain_is_told() -> None:
    report = figures(0.9, Pairs(), n=3)
    values = [float(row[1]) for row in report.rows]
    assert values == sorted(values, reverse=True)
    assert report.rows[0][0] == "mine"
    assert report.figures["psnr_gain"] == pytest.approx(20, abs=1)  # a tenth of the noise
    assert report.rows[0][2] == f"{report.figures['psnr_gain']:+.2f}"
    for name in ("ciede2000", PERCEPTUAL):
        assert report.figures[name] < report.figures["methods"]["as is"][name]
    assert report.columns[:3] == ["method", "PSNR (dB)", "against as is"]
    assert all(len(row) == len(report.columns) for row in report.rows)
    assert report.protocol["n"] == 3


def test_equal_images_leave_a_finite_mean() -> None:
    report = figures(1.0, Pairs(), traditional=False)
    assert report.figures["psnr"] == PSNR_CAP
    assert report.figures["methods"].keys() == {"mine", "as is"}


def test_grey_images_meet_the_traditional_methods_as_well() -> None:
    report = figures(0.5, Pairs(channels=1))
    assert report.figures["methods"]["gaussian filter"]["psnr"] > report.figures["methods"]["as is"]["psnr"]
    assert np.isfinite([list(values.values()) for values in report.figures["methods"].values()]).all()


def test_a_mask_reaches_the_model_and_an_enlargement_is_measured_at_its_size() -> None:
    class Halved(Pairs):
        def batches(self, indices: Sequence[int]) -> Iterator[dict[str, Tensor]]:
            for batch in super().batches(indices):
                yield batch | {"lq": batch["gt"][..., ::2, ::2], "mask": torch.ones(len(batch["gt"]), 1, 16, 16)}

    class Enlarger(Restorer):
        def enhance(self, lq: Tensor, aid: Tensor | None = None) -> Tensor:
            assert aid is not None
            assert lq.shape[-1] == 16
            return Pairs(len(lq), lq.shape[1]).gt

    report = evaluate_restoration(Enlarger(1.0), "mine", Halved())
    methods = report.figures["methods"]
    assert methods["mine"]["psnr"] == PSNR_CAP
    assert 20 < methods["as is"]["psnr"] < PSNR_CAP
    assert "median filter" in methods
