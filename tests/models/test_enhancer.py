"""The enhancer's terms, and that it learns a known mapping."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from torch import nn

from gan_lab.config import compose
from gan_lab.errors import UserError
from gan_lab.losses import R1, LitePerceptual, gradient_difference, l1, ssim_loss
from gan_lab.models import Enhancer
from gan_lab.models.autoencoder import Autoencoder
from gan_lab.networks import PatchDiscriminator
from tests.models.fitting import Pointwise, TinyDiscriminator, adam, fit, same, unpack, weights


def darkened(iteration: int, side: int = 4) -> dict[str, torch.Tensor]:
    """A pixel's value v was squeezed to v / 3 - 0.4."""
    generator = torch.Generator().manual_seed(iteration)
    gt = torch.rand(16, 1, side, side, generator=generator) * 1.8 - 0.9
    return {"lq": gt / 3 - 0.4, "gt": gt}


def enhancer(**options: Any) -> Enhancer:
    torch.manual_seed(0)
    return Enhancer(Pointwise(), adam(5e-3), TinyDiscriminator(16), adam(1e-3), **{"lambda_l1": 10.0} | options)


@pytest.mark.parametrize("adversarial", [True, False])
def test_learns_to_undo_a_known_degradation(adversarial: bool) -> None:
    torch.manual_seed(0)
    model = enhancer() if adversarial else Enhancer(Pointwise(), adam(5e-3), lambda_l1=1.0)
    held_out = darkened(10_000)
    before = l1(model.enhance(held_out["lq"]), held_out["gt"])
    terms = fit(model, darkened, 500)
    after = l1(model.enhance(held_out["lq"]), held_out["gt"])
    assert after < 0.05 < before
    assert ("loss_d" in terms[-1]) == adversarial
    figures = model.validate([darkened(10_000, side=16)])
    assert figures["val/psnr"] > figures["val/psnr_as_is"] + 8


def test_the_loss_is_the_weighted_sum_of_its_terms() -> None:
    model = Enhancer(
        Pointwise(),
        adam(),
        TinyDiscriminator(256),
        adam(),
        lambda_adversarial=0.5,
        lambda_l1=2.0,
        lambda_gradient=3.0,
        lambda_ssim=4.0,
        lambda_feature_matching=5.0,
    )
    draw = darkened(0, side=16) | {"pred": None, "aid": None}
    loss, terms, _ = unpack(model.generator_loss(draw))
    pred = model.generator(draw["lq"])
    torch.testing.assert_close(terms["loss_l1"], l1(pred, draw["gt"]).detach())
    torch.testing.assert_close(terms["loss_gradient"], gradient_difference(pred, draw["gt"]).detach())
    torch.testing.assert_close(terms["loss_ssim"], ssim_loss(pred, draw["gt"]).detach())
    expected = (
        0.5 * terms["loss_g_adversarial"]
        + 2 * terms["loss_l1"]
        + 3 * terms["loss_gradient"]
        + 4 * terms["loss_ssim"]
        + 5 * terms["loss_feature_matching"]
    )
    torch.testing.assert_close(loss.detach(), expected)
    assert terms["loss_feature_matching"] > 0


def test_a_conditional_discriminator_sees_the_input() -> None:
    model = Enhancer(
        Pointwise(3), adam(), PatchDiscriminator(condition_channels=3, layers=1, width=8), adam(), conditional=True
    )
    lq, gt = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32)
    judged = [model.discriminator_loss({"lq": shown, "gt": gt, "pred": gt}).total for shown in (lq, -lq)]
    assert not torch.equal(judged[0], judged[1])


@pytest.mark.parametrize("micro_batches", [1, 4])
def test_discriminators_update_leaves_the_generator_alone(micro_batches: int) -> None:
    model = enhancer(micro_batches=micro_batches, lambda_l1=0.0, lambda_adversarial=0.0)
    before = weights(model.generator)
    judge = weights(model.discriminator)  # type: ignore[arg-type]
    fit(model, darkened, 2)
    assert same(weights(model.generator), before)  # its own loss has no weight, and D's must not reach it
    assert not same(weights(model.discriminator), judge)  # type: ignore[arg-type]


def test_perceptual_without_weights_names_the_file(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(UserError, match=r"vgg19-dcbb9e9d\.pth"):
        enhancer(lambda_perceptual=1.0)


def test_a_run_that_does_not_name_the_features_has_vgg19_and_the_yamls_have_what_needs_no_file() -> None:
    for name in ("enhancer", "eagan", "pix2pix", "restorer", "light", "vae", "vq_vae", "vae_gan"):
        description = compose("train", [f"model={name}", "model.lambda_perceptual=1"]).model
        assert (description.lambda_perceptual, description.perceptual) == (1, "auto"), name
    for method in (Enhancer, Autoencoder):
        assert inspect.signature(method).parameters["perceptual"].default == "vgg19"
    assert isinstance(enhancer(lambda_perceptual=1.0, perceptual="auto").perceptual, LitePerceptual)


def test_the_perceptual_term_is_learnt_from() -> None:
    model = enhancer(lambda_l1=0.0, lambda_perceptual=1.0, perceptual="auto")
    before = weights(model.generator)
    fit(model, darkened, 1)
    assert not same(weights(model.generator), before)
    assert {"loss_perceptual"} <= model.terms.keys()
    assert not any("perceptual" in name for name in model.state_dict())


def test_a_weight_that_needs_a_discriminator_says_so() -> None:
    with pytest.raises(UserError, match="needs a discriminator"):
        Enhancer(nn.Identity(), adam(), lambda_feature_matching=1.0)


def test_an_enhancer_without_any_term_is_refused() -> None:
    with pytest.raises(UserError, match=r"no term of the loss has a weight; set model\.lambda_l1"):
        Enhancer(nn.Identity(), adam(), lambda_l1=0.0)


@pytest.mark.parametrize("conditional", [False, True])
def test_a_penalty_is_taken_on_what_the_discriminator_judges(conditional: bool) -> None:
    discriminator = TinyDiscriminator(32 if conditional else 16)
    model = Enhancer(
        Pointwise(), adam(), discriminator, adam(), conditional=conditional, penalties={"r1": R1(weight=3.0)}
    )
    draw = darkened(0) | {"pred": darkened(1)["gt"]}
    loss, terms, _ = unpack(model.discriminator_loss(draw))
    real = draw["gt"].clone().requires_grad_()
    logits = discriminator(torch.cat([draw["lq"], real], dim=1) if conditional else real)
    (gradient,) = torch.autograd.grad(logits.sum(), real)
    torch.testing.assert_close(terms["penalty_r1"], gradient.square().flatten(1).sum(1).mean())
    model.penalties = {}
    torch.testing.assert_close(loss, model.discriminator_loss(draw).total + 3.0 * terms["penalty_r1"])
    assert not any(term.requires_grad for term in terms.values())


class Filler(nn.Module):
    """Adds a learnt value in holes, after enlarging by two."""

    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.zeros(()))

    def forward(self, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return (image + self.value * mask).repeat_interleave(2, -1).repeat_interleave(2, -2)


def holed(iteration: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(iteration)
    mask = (torch.rand(4, 1, 8, 8, generator=generator) > 0.5).float()
    return {
        "lq": torch.zeros(4, 1, 8, 8),
        "mask": mask,
        "gt": (0.5 * mask).repeat_interleave(2, -1).repeat_interleave(2, -2),
    }


def test_holes_and_enlargement_go_through_training_and_validation() -> None:
    torch.manual_seed(0)
    model = Enhancer(Filler(), adam(0.02), TinyDiscriminator(256), adam(1e-3), lambda_l1=0.0, lambda_psnr=1.0)
    terms = fit(model, holed, 60)
    assert terms[-1]["loss_psnr"] < -40
    assert model.generator.value.item() == pytest.approx(0.5, abs=0.02)
    figures = model.validate([holed(99)])
    assert figures["val/psnr"] > 40 > figures["val/psnr_as_is"]
    pictures, columns = model.sample_grid(holed(99))
    assert pictures.shape == (12, 1, 16, 16)
    assert columns == 6
