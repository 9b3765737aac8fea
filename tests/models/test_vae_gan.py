"""The VAE with a discriminator: its two losses, and that each moves its own networks."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from gan_lab.errors import UserError
from gan_lab.losses import R1, RelativisticPairing, feature_matching, mse
from gan_lab.models import VAEGAN
from tests.models.fitting import TinyDiscriminator, adam, fit, same, unpack, weights
from tests.models.test_vae import Decoder, Encoder, stripes


def vae_gan(**options: Any) -> VAEGAN:
    torch.manual_seed(0)
    return VAEGAN(Encoder(), Decoder(), TinyDiscriminator(16), adam(5e-3, (0.9, 0.999)), adam(1e-3), **options)


def test_the_autoencoders_loss_is_the_weighted_sum_of_its_terms() -> None:
    model = vae_gan(lambda_kl=0.5, lambda_adversarial=2.0, lambda_feature_matching=3.0, lambda_reconstruction=4.0)
    draw = model.draw_inputs(stripes(0))
    loss, terms, _ = unpack(model.autoencoder_loss(draw))
    made = model.make_images(draw)
    torch.testing.assert_close(terms["loss_reconstruction"], mse(made["rec"], draw["image"]).detach())
    features = [model.discriminator(image, return_features=True)[1] for image in (draw["image"], made["rec"])]
    torch.testing.assert_close(terms["loss_feature_matching"], feature_matching(*features).detach())
    assert terms["loss_feature_matching"] > 0
    logits = torch.cat([model.discriminator(made["rec"]), model.discriminator(made["sample"])])
    torch.testing.assert_close(terms["loss_g_adversarial"], torch.nn.functional.softplus(-logits).mean().detach())
    parts = {"loss_reconstruction": 4.0, "kl": 0.5, "loss_g_adversarial": 2.0, "loss_feature_matching": 3.0}
    torch.testing.assert_close(loss.detach(), sum(weight * terms[name] for name, weight in parts.items()))
    torch.testing.assert_close(terms["loss"], loss.detach())
    assert not any(term.requires_grad for term in terms.values())
    model.lambda_feature_matching = 0.0
    without, terms, _ = unpack(model.autoencoder_loss(draw))
    assert "loss_feature_matching" not in terms
    torch.testing.assert_close(loss - without, 3 * feature_matching(*features))


def test_the_discriminator_judges_photos_reconstructions_and_samples() -> None:
    model = vae_gan(penalties={"r1": R1(weight=3.0)})
    draw = model.draw_inputs(stripes(0))
    loss, terms, _ = unpack(model.discriminator_loss(draw))
    made = model.make_images(draw)
    real, rec, sample = (model.discriminator(image) for image in (draw["image"], made["rec"], made["sample"]))
    softplus = torch.nn.functional.softplus
    torch.testing.assert_close(
        terms["loss_d"], (softplus(-real).mean() + softplus(torch.cat([rec, sample])).mean()).detach()
    )
    torch.testing.assert_close(loss.detach(), terms["loss_d"] + 3.0 * terms["penalty_r1"])
    assert terms["penalty_r1"] > 0
    loss.backward()
    assert all(p.grad is None for p in [*model.encoder.parameters(), *model.decoder.parameters()])


@pytest.mark.parametrize("micro_batches", [1, 4])
def test_each_update_leaves_the_other_networks_alone(micro_batches: int) -> None:
    weightless = {"lambda_kl": 0.0, "lambda_reconstruction": 0.0, "lambda_feature_matching": 0.0}
    model = vae_gan(micro_batches=micro_batches, lambda_adversarial=0.0, **weightless)
    before = [weights(network) for network in (model.encoder, model.decoder, model.discriminator)]
    terms = fit(model, stripes, 2)
    assert same(weights(model.encoder), before[0])  # their loss has no weight, and D's must not reach them
    assert same(weights(model.decoder), before[1])
    assert not same(weights(model.discriminator), before[2])
    assert {"loss", "kl", "loss_d", "accuracy_d", "loss_g_adversarial"} <= terms[-1].keys()
    # and the other way round: fooling D moves both halves, and no D whose learning rate is 0
    still = vae_gan(micro_batches=micro_batches, lambda_adversarial=1.0, **weightless)
    still.discriminator_optimizer = adam(0.0)
    before = [weights(network) for network in (still.encoder, still.decoder, still.discriminator)]
    fit(still, stripes, 2)
    assert not same(weights(still.encoder), before[0])
    assert not same(weights(still.decoder), before[1])
    assert same(weights(still.discriminator), before[2])


@pytest.mark.parametrize(("micro_batches", "calls"), [(1, 1), (4, 8)])
def test_one_micro_batch_encodes_once_for_both_updates(micro_batches: int, calls: int) -> None:
    model = vae_gan(micro_batches=micro_batches)
    seen = []
    model.encoder.register_forward_hook(lambda *call: seen.append(call))
    fit(model, stripes, 1)
    assert len(seen) == calls


def test_micro_batches_give_the_update_of_the_whole_batch() -> None:
    made = []
    for micro_batches in (1, 4):
        model = vae_gan(micro_batches=micro_batches)
        fit(model, stripes, 3)
        made.append(list(model.parameters()))
    for a, b in zip(*made, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


def test_learns_to_reconstruct_by_the_discriminators_features_alone() -> None:
    model = vae_gan(lambda_reconstruction=0.0, lambda_kl=1e-3, lambda_feature_matching=5.0)
    held_out = stripes(10_000)["image"]
    before = mse(model.reconstruct(held_out), held_out)
    terms = fit(model, stripes, 400)
    assert "loss_reconstruction" not in terms[-1]
    assert mse(model.reconstruct(held_out), held_out) < 0.2 * before


def test_a_relativistic_loss_is_refused() -> None:
    with pytest.raises(UserError, match="relativistic"):
        vae_gan(adversarial=RelativisticPairing())
