"""The VQ-VAE: its loss, its codebook's one update an iteration, and that it learns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from gan_lab.losses import mse
from gan_lab.models import VQVAE
from gan_lab.networks import GridDecoder, GridEncoder, VectorQuantizer
from tests.models.fitting import adam, fit, same, unpack, weights
from tests.models.test_vae import stripes


def vq_vae(codes: int = 8, **options: Any) -> VQVAE:
    torch.manual_seed(0)
    shape = {"channels": 1, "width": 16, "code_width": 4, "levels": 1, "blocks": 1}
    quantizer = VectorQuantizer(codes, 4, decay=0.9)
    return VQVAE(GridEncoder(4, **shape), GridDecoder(**shape), quantizer, adam(5e-3, (0.9, 0.999)), **options)


def test_the_loss_by_hand() -> None:
    model = vq_vae(lambda_reconstruction=2.0, lambda_commitment=3.0)
    image = stripes(0)["image"]
    loss, terms, handed_out = unpack(model.loss({"image": image}))
    encoded = model.encoder(image)
    nearest = model.quantizer.lookup(handed_out["codes"])
    rec = model.decoder(nearest)
    torch.testing.assert_close(loss, 2 * mse(rec, image) + 3 * (encoded - nearest).square().mean())
    assert terms.keys() == {"loss", "loss_reconstruction", "loss_commitment"}
    torch.testing.assert_close(handed_out["encoded"], encoded.detach())
    assert not handed_out["encoded"].requires_grad
    torch.testing.assert_close(model.reconstruct(image), rec.detach())
    torch.testing.assert_close(model.decode(model.encode(image)), rec.detach())


def test_without_commitment_the_reconstruction_still_reaches_the_encoder() -> None:
    model = vq_vae(lambda_commitment=0.0)
    model.loss({"image": stripes(0)["image"]}).total.backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.encoder.parameters())


def test_learns_to_reconstruct_and_uses_its_codes() -> None:
    model = vq_vae()
    terms = fit(model, stripes, 400)
    held_out = stripes(10_000)["image"]
    assert mse(model.reconstruct(held_out), held_out) < 0.02
    assert 1.9 < terms[-1]["perplexity"] <= 8  # two kinds of stripes need two codes
    assert terms[0]["restarted"] == 8  # the first batch gives all codes their start
    assert sum(term["restarted"] for term in terms[-50:]) < 50 * 8


def test_micro_batches_move_the_codebook_once_and_alike() -> None:
    made = []
    for micro_batches in (1, 4):
        model = vq_vae(micro_batches=micro_batches)
        fit(model, stripes, 3)
        made.append(weights(model))
    for a, b in zip(*made, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


def test_the_optimiser_and_validation_leave_the_codebook_alone() -> None:
    model = vq_vae()
    fit(model, stripes, 2)
    before = weights(model)
    figures = model.validate([stripes(5), stripes(6)])
    assert same(weights(model), before)
    assert {"val/loss", "val/loss_reconstruction", "val/loss_commitment"} <= figures.keys()
    names = {name for name, _ in model.named_parameters()}
    assert not any(name.startswith("quantizer") for name in names)


def test_the_grid_shows_photos_above_their_reconstructions_and_nothing_made_up() -> None:
    model = vq_vae()
    photos = stripes(0)["image"][:8]
    pictures, columns = model.sample_grid({"image": photos})
    assert columns == 8
    torch.testing.assert_close(pictures, torch.cat([photos, model.reconstruct(photos)]))


def test_an_update_that_was_skipped_leaves_the_codebook_alone() -> None:
    model = vq_vae()
    fit(model, stripes, 2)
    minimize = model.minimize
    model.minimize = lambda *arguments: replace(minimize(*arguments), stepped=False)  # type: ignore[method-assign]
    before = weights(model.quantizer)
    model.step(stripes(9))
    assert same(weights(model.quantizer), before)
