"""What a VAE loses, and its likelihood, worked out by hand for one that is simple enough."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from gan_lab.evaluation.autoencoding import measure_autoencoding
from gan_lab.evaluation.pairs import PERCEPTUAL

PIXELS = torch.randint(0, 256, (20, 1, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def model(off: float) -> SimpleNamespace:
    """A VAE whose posterior is its prior, and whose every picture is one grey."""
    grey = lambda z: torch.full((len(z), 1, 8, 8), off)  # noqa: E731
    prior = lambda x: (torch.zeros(len(x), 2), torch.zeros(len(x), 2))  # noqa: E731
    return SimpleNamespace(device="cpu", encoder=prior, decoder=grey, reconstruct=lambda x: grey(x))


def test_the_figures_are_those_of_the_formulas() -> None:
    report = measure_autoencoding(model(0.0), PIXELS, seed=0)
    figures = report.figures["autoencoding"]
    values = PIXELS.double() / 255
    nats = ((values - 0.5) ** 2 / (2 * 0.1**2) + math.log(0.1) + 0.5 * math.log(2 * math.pi)).flatten(1).sum(dim=1)
    assert figures["bits_per_dim"] == pytest.approx(nats.mean().item() / 64 / math.log(2), rel=1e-4)
    half = 2.093 * nats.std().item() / math.sqrt(20) / 64 / math.log(2)
    low, high = figures["intervals"]["bits_per_dim"]
    assert (high - low) / 2 == pytest.approx(half, rel=1e-3)
    error = ((PIXELS.double() - 128) ** 2).flatten(1).mean(dim=1)
    assert figures["psnr"] == pytest.approx((10 * (255**2 / error).log10()).mean().item(), rel=1e-4)
    assert [row[0].split(" (")[0] for row in report.rows] == [
        "PSNR of reconstructions",
        "SSIM of reconstructions",
        "perceptual distance of reconstructions",
        "negative ELBO",
    ]
    assert "0.1^2" in report.protocol["likelihood"]


def test_what_is_equal_has_finite_figures() -> None:
    same = model(0.0)
    same.reconstruct = lambda image: image
    figures = measure_autoencoding(same, PIXELS, seed=0).figures["autoencoding"]
    assert (figures["psnr"], figures["ssim"]) == (60.0, pytest.approx(1.0))
    assert figures[PERCEPTUAL] == 0


def test_images_beyond_one_batch_are_all_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = measure_autoencoding(model(0.2), PIXELS, seed=0).figures
    monkeypatch.setattr("gan_lab.evaluation.autoencoding.BATCH", 7)
    parts: dict[str, dict[str, Tensor]] = measure_autoencoding(model(0.2), PIXELS, seed=0).figures
    assert parts["autoencoding"]["bits_per_dim"] == pytest.approx(whole["autoencoding"]["bits_per_dim"])
    assert parts["autoencoding"]["psnr"] == pytest.approx(whole["autoencoding"]["psnr"])
