"""Every autoencoder's yaml learns a handful of images."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from gan_lab.config import compose, instantiate
from gan_lab.models import VAEGAN
from tests.integration.runs import tiny
from tests.models.fitting import fit


@pytest.mark.parametrize("model", ["vae", "vae_gan", "vq_vae"])
def test_the_loss_of_a_yaml_falls_on_a_few_images(model: str) -> None:
    torch.manual_seed(0)
    made = instantiate(compose("train", [*tiny(model, full=True), "name=few"]).model)
    coarse = torch.rand(8, 3, 4, 4, generator=torch.Generator().manual_seed(0)) * 1.6 - 0.8
    batch = {"image": functional.interpolate(coarse, size=32, mode="bilinear"), "label": torch.zeros(8).long()}
    terms = fit(made, lambda _: dict(batch), 60)
    first, last = (sum(term["loss_reconstruction"] for term in part) / 5 for part in (terms[:5], terms[-5:]))
    assert last < 0.6 * first
    if not isinstance(made, VAEGAN):  # whose loss moves with D
        assert terms[-1]["loss"] < terms[0]["loss"]
    figures = made.validate([batch])
    assert made.monitor[0] in figures
    pictures, columns = made.sample_grid(batch)
    assert pictures.shape == (16 if model == "vq_vae" else 48, 3, 32, 32)  # without samples, and with four rows
    assert columns == 8
