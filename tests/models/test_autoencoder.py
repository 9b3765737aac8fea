"""What autoencoders share: the terms of a reconstruction, and pictures of it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from gan_lab.losses import binary_cross_entropy, l1, mse, ssim_loss
from gan_lab.models import VAE
from tests.models.fitting import adam
from tests.models.test_vae import Decoder, Encoder, stripes


@pytest.mark.parametrize(("reconstruction", "term"), [("mse", mse), ("l1", l1), ("bce", binary_cross_entropy)])
def test_reconstruction_by_name(reconstruction: str, term: Any) -> None:
    model = VAE(Encoder(), Decoder(), adam(), reconstruction=reconstruction, lambda_kl=0.0)
    image = stripes(0)["image"]
    loss = model.loss({"image": image, "noise": torch.zeros(32, 2)}).total
    torch.testing.assert_close(loss.detach(), term(model.reconstruct(image), image))


def test_the_reconstruction_is_a_weighted_sum() -> None:
    weights = {"lambda_reconstruction": 2.0, "lambda_ssim": 3.0}
    model = VAE(Encoder(), Decoder(), adam(), **weights)
    image, rec = torch.rand(2, 3, 16, 16) * 2 - 1, torch.rand(2, 3, 16, 16) * 2 - 1
    model.lambda_perceptual, model.perceptual = 5.0, nn.L1Loss()  # type: ignore[assignment]
    loss, terms = model.reconstruction_loss(rec, image)
    torch.testing.assert_close(loss, 2 * mse(rec, image) + 3 * ssim_loss(rec, image) + 5 * l1(rec, image))
    assert terms.keys() == {"loss_reconstruction", "loss_ssim", "loss_perceptual"}
    model.lambda_reconstruction = 0.0
    assert "loss_reconstruction" not in model.reconstruction_loss(rec, image)[1]


@pytest.mark.parametrize("photos", [1, 5, 8, 11, 16])
def test_a_reconstruction_stands_below_its_photo(photos: int) -> None:
    model = VAE(Encoder(), Decoder(), adam())
    real = stripes(0)["image"][:photos]
    pictures, columns = model.sample_grid({"image": real})
    whole = photos if photos < 8 else photos - photos % 8
    assert columns == min(photos, 8)
    assert len(pictures) == 2 * whole + 4 * columns
    rec = model.reconstruct(real)
    for index in range(whole):
        place = index // columns * 2 * columns + index % columns
        assert torch.equal(pictures[place], real[index])
        torch.testing.assert_close(pictures[place + columns], rec[index])
