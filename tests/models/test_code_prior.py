"""The prior over codes: its loss, the latents that make codes, and that it learns which codes follow one another."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from gan_lab.models import CodePrior
from gan_lab.models.code_prior import find_shares, pick_codes, share_to_z, z_to_share
from gan_lab.networks import CodeTransformer
from gan_lab.rng import draw_seeded_noise
from tests.models.fitting import adam, fit, same, weights
from tests.models.test_vae import stripes
from tests.models.test_vq_vae import vq_vae


def prior(**options: Any) -> CodePrior:
    autoencoder = vq_vae()
    fit(autoencoder, stripes, 20)
    transformer = partial(CodeTransformer, width=16, blocks=1, heads=2, dropout=0.0)
    return CodePrior(autoencoder, transformer, adam(5e-3, (0.9, 0.99)), **options)


def test_it_is_of_the_size_of_the_autoencoders_grid_and_codebook() -> None:
    model = prior()
    assert (model.latents, model.transformer.places, model.transformer.codes) == (4, 4, 8)
    assert model.list_trainable_networks() == [model.transformer]


def test_the_loss_by_hand() -> None:
    model = prior().eval()
    codes = model.read_codes(stripes(0)["image"])
    assert torch.equal(codes, model.autoencoder.encode(stripes(0)["image"]).flatten(1))
    chances = model.transformer(codes).softmax(dim=2)
    own = [chances[n, place, codes[n, place]] for n in range(len(codes)) for place in range(4)]
    expected = -torch.stack(own).log().mean()
    loss = model.loss({"codes": codes})
    torch.testing.assert_close(loss.total, expected)
    assert loss.terms.keys() == {"loss"}


def test_training_leaves_the_autoencoder_alone_and_learns_which_codes_follow() -> None:
    model = prior()
    before = weights(model.autoencoder)
    terms = fit(model, stripes, 150)
    assert same(weights(model.autoencoder), before)
    # two kinds of pictures, each of four codes that the first one tells: at best ln 2 for the four of them
    assert terms[-1]["loss"] < 0.5 * terms[0]["loss"]
    figures = model.validate([stripes(5), stripes(6)])
    assert figures["val/loss"] == pytest.approx(terms[-1]["loss"], abs=0.15)
    assert model.kid_name in figures


def test_validation_weighs_batches_by_their_images() -> None:
    model = prior().eval()
    images = stripes(0)["image"]
    whole = model.loss({"codes": model.read_codes(images)}).total.item()
    label = torch.zeros(len(images), dtype=torch.int64)
    parts = [{"image": images[:1], "label": label[:1]}, {"image": images[1:], "label": label[1:]}]
    assert model.validate(parts)["val/loss"] == pytest.approx(whole, rel=1e-4)


def test_a_latent_makes_an_image_whatever_others_it_is_drawn_with() -> None:
    model = prior()
    fit(model, stripes, 5)
    z = draw_seeded_noise(6, model.latents)
    images = model.generate(z)
    assert images.shape == (6, 1, 4, 4)
    torch.testing.assert_close(model.generate(z[[4]]), images[[4]])
    torch.testing.assert_close(model.generate(-z), images)
    assert model.sample_grid({})[0].shape == (64, 1, 4, 4)


def test_a_photos_latents_make_its_reconstruction() -> None:
    model = prior()
    fit(model, stripes, 20)
    image = stripes(3)["image"]
    z = model.encode(image)
    assert z.dtype == torch.float32
    assert z.shape == (len(image), model.latents)
    assert torch.equal(model.generate(z), model.autoencoder.reconstruct(image))


def test_zero_takes_the_likeliest_code_everywhere() -> None:
    model = prior()
    fit(model, stripes, 20)
    codes = model.read_codes(model.generate(torch.zeros(1, 4)))
    drawn = model.transformer.eval().sample(1, lambda _, logits: logits.argmax(dim=1))
    assert torch.equal(model.autoencoder.decode(drawn.view(1, 2, 2)), model.generate(torch.zeros(1, 4)))
    assert codes.shape == (1, 4)


def test_shares_of_normal_latents_are_uniform() -> None:
    shares = z_to_share(torch.randn(20_000, generator=torch.Generator().manual_seed(0)))
    assert torch.histc(shares, 10, 0, 1).div(2000).sub(1).abs().max() < 0.08
    grid = torch.linspace(0, 0.999, 20, dtype=torch.float64)
    torch.testing.assert_close(z_to_share(share_to_z(grid)), grid)


def test_codes_are_picked_as_often_as_they_are_likely_and_the_likeliest_first() -> None:
    chances = torch.tensor([0.1, 0.6, 0.3])
    share = torch.linspace(0.0005, 0.9995, 1000, dtype=torch.float64)
    picked = pick_codes(chances.log().expand(1000, 3), share)
    assert picked.bincount().tolist() == [100, 600, 300]
    assert picked[:600].eq(1).all()
    assert picked[600:900].eq(2).all()
    assert pick_codes(chances.log()[None], torch.ones(1, dtype=torch.float64)).tolist() == [0]


def test_the_shares_of_codes_pick_them_again() -> None:
    logits = 5 * torch.randn(2, 30, 7, generator=torch.Generator().manual_seed(0))
    logits[0, 0] = torch.tensor([0.0, 100, 0, 0, 0, 0, 0])  # all but impossible codes, and equal ones
    codes = torch.arange(60).view(2, 30) % 7
    shares = find_shares(logits, codes)
    assert shares.max() < 1
    assert math.isfinite(float(share_to_z(shares).max()))
    again = [pick_codes(logits[:, place], z_to_share(share_to_z(shares)[:, place].float())) for place in range(1, 30)]
    assert torch.equal(torch.stack(again, dim=1), codes[:, 1:])
    only: Tensor = functional.one_hot(torch.tensor([1]), 7).double()
    torch.testing.assert_close(find_shares((only * 1e3)[None].float(), torch.tensor([[1]])), only.new_tensor([[0.5]]))
