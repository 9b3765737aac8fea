"""CycleGAN's alternation, its pool, and that it finds a mapping."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from gan_lab.errors import UserError
from gan_lab.losses import R1, LitePerceptual
from gan_lab.models import CycleGAN
from gan_lab.models.cyclegan import ImagePool
from gan_lab.networks import PatchDiscriminator, ResnetGenerator
from tests.models.fitting import Pointwise, Recorder, TinyDiscriminator, adam, fit, same, unpack, weights


def domains(iteration: int) -> dict[str, torch.Tensor]:
    """A is bright, B is dark, with the same spread; images of 2x2 equal pixels."""
    generator = torch.Generator().manual_seed(iteration)
    draw = 0.15 * torch.randn(2, 8, 1, 1, 1, generator=generator)
    return {"A": (draw[0] + 0.5).expand(-1, 1, 2, 2), "B": (draw[1] - 0.5).expand(-1, 1, 2, 2)}


def cyclegan(**options: Any) -> CycleGAN:
    torch.manual_seed(0)
    options = {"generator": Pointwise, "discriminator": lambda: TinyDiscriminator(4)} | options
    return CycleGAN(generator_optimizer=adam(2e-3), discriminator_optimizer=adam(2e-3), **options)


def test_a_grid_shows_photos_from_all_over_the_batch() -> None:
    numbers = (torch.arange(30) / 30)[:, None, None, None].expand(-1, 1, 2, 2)
    pictures, columns = cyclegan().sample_grid({"A": numbers, "B": -numbers})
    for first, sign in ((0, 1), (3, -1)):
        torch.testing.assert_close(pictures[first::columns].mean((1, 2, 3)), sign * torch.arange(0, 30, 5) / 30)


def test_translates_one_domain_into_the_other_and_back() -> None:
    model = cyclegan(lambda_identity=0.0)
    fit(model, domains, 600)
    held_out = domains(10_000)
    fake_B, fake_A = model.translate(held_out["A"], "AB"), model.translate(held_out["B"], "BA")
    assert fake_B.mean() == pytest.approx(-0.5, abs=0.2)
    assert fake_A.mean() == pytest.approx(0.5, abs=0.2)
    assert (model.translate(fake_B, "BA") - held_out["A"]).abs().mean() < 0.06


def test_the_batched_identity_call_equals_separate_calls() -> None:
    model = cyclegan(lambda_identity=0.5)
    draw = {"real_A": domains(0)["A"], "real_B": domains(0)["B"]}
    loss, terms, images = unpack(model.generator_loss(draw))
    with torch.no_grad():
        fake_B, idt_B = model.generator_AB(draw["real_A"]), model.generator_AB(draw["real_B"])
        fake_A, idt_A = model.generator_BA(draw["real_B"]), model.generator_BA(draw["real_A"])
        cycle = (model.generator_BA(fake_B) - draw["real_A"]).abs().mean()
        cycle += (model.generator_AB(fake_A) - draw["real_B"]).abs().mean()
        identity = (idt_B - draw["real_B"]).abs().mean() + (idt_A - draw["real_A"]).abs().mean()
        fooling = (model.discriminator_B(fake_B) - 1).square().mean() + (
            model.discriminator_A(fake_A) - 1
        ).square().mean()
    torch.testing.assert_close(loss.detach(), fooling + 10 * cycle + 5 * identity)
    torch.testing.assert_close(images["fake_B"], fake_B)
    assert not images["fake_B"].requires_grad
    assert terms["loss_cycle_A"].requires_grad is False


@pytest.mark.parametrize("lambda_ground", [1.0, 0.5])
def test_what_comes_back_is_compared_in_features_where_it_must(lambda_ground: float) -> None:
    draw = {f"real_{side}": torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(1)) for side in "AB"}
    for side in "AB" if lambda_ground < 1 else "":
        draw[f"mask_{side}"] = torch.zeros(2, 1, 32, 32)
        draw[f"mask_{side}"][:, :, 8:24, 8:24] = 1
    options = {"lambda_ground": lambda_ground, "lambda_cycle": 3.0, "discriminator": lambda: TinyDiscriminator(1024)}
    without, _, _ = unpack(cyclegan(**options).generator_loss(draw))
    model = cyclegan(lambda_perceptual=0.5, **options)
    loss, terms, _ = unpack(model.generator_loss(draw))
    rec_A = model.generator_BA(model.generator_AB(draw["real_A"]))
    if lambda_ground < 1:
        rec_A = torch.where(draw["mask_A"] > 0, rec_A, draw["real_A"])
    assert terms["loss_perceptual_A"] > 0
    torch.testing.assert_close(terms["loss_perceptual_A"], LitePerceptual()(rec_A, draw["real_A"]).detach())
    added = 3.0 * 0.5 * (terms["loss_perceptual_A"] + terms["loss_perceptual_B"])
    torch.testing.assert_close(loss.detach(), without.detach() + added)


def test_discriminators_loss_reaches_no_generator() -> None:
    model = cyclegan()
    draw = {"real_A": domains(0)["A"], "real_B": domains(0)["B"]}
    _, _, images = unpack(model.generator_loss(draw))
    loss, _, _ = unpack(model.discriminator_loss(draw | images))
    loss.backward()
    assert all(p.grad is None for p in model.generator_AB.parameters())
    assert all(p.grad is not None for p in model.discriminator_A.parameters())


def test_pool_hands_out_old_and_new_and_keeps_its_size() -> None:
    torch.manual_seed(0)
    pool = ImagePool(4)
    first = pool.query(torch.arange(4.0).view(4, 1, 1, 1))
    assert first.flatten().tolist() == [0, 1, 2, 3]  # filling: fresh ones
    handed = torch.cat([pool.query(torch.full((1, 1, 1, 1), 10.0 + i)) for i in range(200)]).flatten()
    fresh = sum(float(handed[i]) == 10.0 + i for i in range(200))
    assert 70 < fresh < 130  # at even odds
    assert len(pool.images) == 4  # type: ignore[arg-type]


def test_pool_does_not_hand_out_its_own_memory() -> None:
    torch.manual_seed(0)
    pool = ImagePool(1)
    pool.query(torch.zeros(1, 1, 1, 1))
    handed = [pool.query(torch.full((1, 1, 1, 1), float(i))) for i in range(1, 20)]
    assert all(float(images) <= i + 1 for i, images in enumerate(handed))
    assert any(float(images) < i + 1 for i, images in enumerate(handed))


def test_pool_of_size_0_hands_out_the_fresh_ones() -> None:
    fresh = torch.rand(3, 1, 2, 2)
    assert torch.equal(ImagePool(0).query(fresh), fresh)


def test_state_of_a_rank_brings_the_pools_back() -> None:
    model, other = cyclegan(), cyclegan()
    fit(model, domains, 2)
    other.load_rank_state(model.rank_state())
    assert torch.equal(other.pool_A.images, model.pool_A.images)  # type: ignore[arg-type]
    assert torch.equal(other.pool_B.images, model.pool_B.images)  # type: ignore[arg-type]


def test_generators_differ_from_the_start() -> None:
    model = cyclegan()
    assert not same(weights(model.generator_AB), weights(model.generator_BA))


def test_a_penalty_is_taken_on_either_discriminator() -> None:
    model = cyclegan(penalties={"r1": R1(weight=3.0)})
    real = domains(0)
    draw = {"real_A": real["A"], "real_B": real["B"], "fake_A": real["B"], "fake_B": real["A"]}
    loss, terms, _ = unpack(model.discriminator_loss(draw))
    assert terms["penalty_r1_A"] > 0
    assert terms["penalty_r1_B"] > 0
    model.penalties = {}
    expected = model.discriminator_loss(draw).total + 3.0 * (terms["penalty_r1_A"] + terms["penalty_r1_B"])
    torch.testing.assert_close(loss, expected)


def test_a_photo_that_comes_again_counts_once() -> None:
    model, batch = cyclegan(), {side: images.repeat(1, 1, 16, 16) for side, images in domains(1).items()}
    few = batch["B"][:5]
    rows = torch.arange(8)
    again = [
        {"A": batch["A"][:5], "B": few, "row_A": rows[:5], "row_B": rows[:5]},
        {"A": batch["A"][5:], "B": few[:3], "row_A": rows[5:], "row_B": rows[:3]},
    ]
    once = model.validate([{"A": batch["A"], "B": few}])
    assert set(once) == {"val/cycle", *(f"val/kid_efficientnet_lite1{way}" for way in ("", "_AB", "_BA"))}
    assert model.validate(again) == pytest.approx(once, rel=1e-4, abs=1e-7)


def test_the_foreground_term_is_the_difference_within_the_mask() -> None:
    model = cyclegan(lambda_foreground=2.0, lambda_identity=0.0)
    batch = domains(0)
    mask = (torch.arange(8) % 2).float()[:, None, None, None].expand(8, 1, 2, 2)
    draw = {"real_A": batch["A"], "real_B": batch["B"], "mask_A": mask, "mask_B": 1 - mask}
    loss, terms, images = unpack(model.generator_loss(draw))
    within = {"A": (images["fake_B"] - batch["A"])[1::2], "B": (images["fake_A"] - batch["B"])[::2]}
    for side, difference in within.items():  # half of the photos have no product, and count 0
        torch.testing.assert_close(terms[f"loss_foreground_{side}"], difference.abs().mean() / 2)
    expected = terms["loss_g_AB"] + terms["loss_g_BA"] + 10 * (terms["loss_cycle_A"] + terms["loss_cycle_B"])
    expected = expected + 20 * (terms["loss_foreground_A"] + terms["loss_foreground_B"])
    torch.testing.assert_close(loss.detach(), expected)


def attending() -> nn.Module:
    return ResnetGenerator(channels=1, width=2, blocks=1, attention=True)


def test_a_generator_with_attention_is_told_where_the_ground_is() -> None:
    torch.manual_seed(0)
    model = cyclegan(
        generator=attending,
        discriminator=lambda: PatchDiscriminator(1, width=2, layers=1),
        lambda_foreground=2.0,
        lambda_ground=0.25,
    )
    batch = {side: torch.rand(2, 1, 16, 16) * 2 - 1 for side in "AB"}
    left = (torch.arange(16) < 6).float().expand(2, 1, 16, 16)
    nowhere = torch.zeros(1, 1, 16, 16)
    mask_B = torch.cat([1 - left[:1], nowhere])
    draw = {"real_A": batch["A"], "real_B": batch["B"], "mask_A": left, "mask_B": mask_B}
    loss, terms, images = unpack(model.generator_loss(draw))
    with torch.no_grad():
        fake_B, drawn_A = model.generator_AB(batch["A"], return_attention=True)
        _, drawn_B = model.generator_BA(batch["B"], return_attention=True)
        rec_A, idt_B = model.generator_BA(fake_B), model.generator_AB(batch["B"])
        drawn_A, drawn_B = drawn_A.sigmoid(), drawn_B.sigmoid()
    torch.testing.assert_close(images["fake_B"], fake_B)
    torch.testing.assert_close(terms["loss_identity_B"], (idt_B - batch["B"]).abs().mean())
    right = -(left * (1 - drawn_A).log() + (1 - left) * drawn_A.log()).mean()
    torch.testing.assert_close(terms["loss_attention_A"], right)
    found = (
        -((1 - left) * (1 - drawn_B).log() + left * drawn_B.log())[:1].mean() / 2
    )  # the other photo shows no product
    torch.testing.assert_close(terms["loss_attention_B"], found)
    cycle = (rec_A - batch["A"]).abs()
    expected = (cycle[..., :6].sum() + 0.25 * cycle[..., 6:].sum()) / cycle.numel()
    torch.testing.assert_close(terms["loss_cycle_A"], expected)
    held = sum(terms[f"loss_{name}_{side}"] for name in ("foreground", "attention") for side in "AB")
    rest = terms["loss_g_AB"] + terms["loss_g_BA"] + 10 * (terms["loss_cycle_A"] + terms["loss_cycle_B"])
    rest = rest + 5 * (terms["loss_identity_A"] + terms["loss_identity_B"])
    torch.testing.assert_close(loss.detach(), rest + 20 * held)


def test_attention_that_nothing_guides_is_refused() -> None:
    with pytest.raises(UserError, match=r"model\.generator\.attention=true.*add model\.lambda_foreground=1"):
        cyclegan(generator=attending)


def test_a_foreground_term_without_masks_names_the_option() -> None:
    with pytest.raises(UserError, match=r"model\.lambda_foreground.*no masks.*set data\.masks=true"):
        fit(cyclegan(lambda_foreground=2.0), domains, 1)


def test_both_discriminators_see_augmented_images_in_either_turn() -> None:
    augment = Recorder()
    model = cyclegan(augment=augment, lambda_identity=0.0)
    shown: list[float] = []
    for discriminator in (model.discriminator_A, model.discriminator_B):
        discriminator.register_forward_pre_hook(lambda module, inputs: shown.append(float(inputs[0].detach().mean())))
    terms = fit(model, domains, 1)
    assert augment.calls == 6  # a fake each for G, a photo and a fake each for D
    assert min(shown) > 0.2  # without, the dark domain's would be at -0.5
    assert augment.seen == [((8, 2), 8)]
    assert "augment_p" in terms[0]


def test_averaged_generators_trail_and_translate() -> None:
    model = cyclegan(ema_half_life=100.0)
    before = [weights(network) for network in (model.generator_AB, model.generator_BA)]
    fit(model, domains, 30)
    for network, average, old in zip(
        (model.generator_AB, model.generator_BA), (model.generator_AB_ema, model.generator_BA_ema), before, strict=True
    ):
        assert average is not None
        moved = [abs(now - then).sum() for now, then in zip(weights(network), old, strict=True)]
        trailed = [abs(now - then).sum() for now, then in zip(weights(average.module), old, strict=True)]
        assert 0 < sum(trailed) < sum(moved)
    image = domains(1)["A"]
    torch.testing.assert_close(model.translate(image, "AB"), model.generator_AB_ema(image).clamp(-1, 1))  # type: ignore[misc]
    torch.testing.assert_close(model.translate(image, "BA"), model.generator_BA_ema(image).clamp(-1, 1))  # type: ignore[misc]
