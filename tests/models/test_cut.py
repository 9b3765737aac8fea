"""CUT: its terms by hand, its one direction, and that it finds a mapping that keeps the picture."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from gan_lab.errors import UserError
from gan_lab.losses import patch_nce
from gan_lab.models import CUT
from gan_lab.networks import PatchDiscriminator, ResnetGenerator
from tests.models.fitting import Pointwise, Recorder, TinyDiscriminator, adam, fit, unpack


def photos(iteration: int) -> dict[str, torch.Tensor]:
    """A is bright and B dark; both have a dark square on the left or on the right."""
    generator = torch.Generator().manual_seed(iteration)
    sides = torch.randint(2, (2, 4), generator=generator).tolist()
    made = torch.full((2, 4, 3, 16, 16), 0.7)
    made[1] = -0.2
    for domain in range(2):
        for index, side in enumerate(sides[domain]):
            made[domain, index, :, 5:11, 8 * side + 1 : 8 * side + 7] -= 0.6
    return {"A": made[0], "B": made[1]}


def cut(**options: Any) -> CUT:
    torch.manual_seed(0)
    generator = ResnetGenerator(width=8, blocks=1, resampling="antialiased")
    options = {"patches": 16, "generator": generator} | options
    return CUT(options.pop("generator"), PatchDiscriminator(width=8, layers=1), adam(1e-3), adam(1e-3), **options)


def test_the_generators_loss_by_hand() -> None:
    model = cut()
    batch = photos(0)
    torch.manual_seed(3)
    loss, terms, images = unpack(model.generator_loss({"real_A": batch["A"], "real_B": batch["B"]}))
    torch.manual_seed(3)
    with torch.no_grad():
        fake, same = model.generator(batch["A"]), model.generator(batch["B"])
        places = model.projector.places(model.generator.encode(fake))
        contrast = []
        for out, source in ((fake, batch["A"]), (same, batch["B"])):
            query = model.projector(model.generator.encode(out), places)
            key = model.projector(model.generator.encode(source), places)
            contrast.append(sum(patch_nce(q, k) for q, k in zip(query, key, strict=True)) / len(query))
        fooling = (model.discriminator(fake) - 1).square().mean()
    torch.testing.assert_close(loss.detach(), fooling + (contrast[0] + contrast[1]) / 2)
    torch.testing.assert_close(terms["loss_nce_A"], contrast[0])
    torch.testing.assert_close(terms["loss_nce_B"], contrast[1])
    torch.testing.assert_close(images["fake_B"], fake)


def test_the_foreground_term_is_the_difference_within_the_mask() -> None:
    batch, mask = photos(0), (torch.arange(16) < 4).float().expand(4, 1, 16, 16)
    losses = {}
    for weight in (0.0, 3.0):
        model = cut(lambda_foreground=weight)
        torch.manual_seed(3)
        draw = {"real_A": batch["A"], "real_B": batch["B"], "mask_A": mask}
        losses[weight], terms, images = unpack(model.generator_loss(draw))
    held = (images["fake_B"] - batch["A"])[..., :4].abs().mean()  # of the product, however small
    torch.testing.assert_close(terms["loss_foreground_A"], held)
    torch.testing.assert_close(losses[3.0].detach(), losses[0.0].detach() + 3 * held)


def test_a_generator_with_attention_is_told_where_the_ground_is() -> None:
    torch.manual_seed(0)
    model = cut(lambda_foreground=3.0, generator=ResnetGenerator(width=2, blocks=1, attention=True))
    batch, mask = photos(0), (torch.arange(16) < 4).float().expand(4, 1, 16, 16)
    loss, terms, images = unpack(model.generator_loss({"real_A": batch["A"], "real_B": batch["B"], "mask_A": mask}))
    with torch.no_grad():
        fake, drawn = model.generator(batch["A"], return_attention=True)
    torch.testing.assert_close(images["fake_B"], fake)
    expected = -(mask * (1 - drawn.sigmoid()).log() + (1 - mask) * drawn.sigmoid().log()).mean()
    torch.testing.assert_close(terms["loss_attention_A"], expected)
    contrast = (terms["loss_nce_A"] + terms["loss_nce_B"]) / 2
    held = terms["loss_foreground_A"] + terms["loss_attention_A"]
    torch.testing.assert_close(loss.detach(), terms["loss_g"] + contrast + 3 * held)


def test_a_foreground_term_without_masks_names_the_option() -> None:
    with pytest.raises(UserError, match=r"model\.lambda_foreground.*no masks.*set data\.masks=true"):
        fit(cut(lambda_foreground=2.0), photos, 1)


def test_without_the_identity_only_a_is_contrasted() -> None:
    model = cut(identity=False, lambda_nce=10.0)
    batch = photos(0)
    loss, terms, _ = unpack(model.generator_loss({"real_A": batch["A"], "real_B": batch["B"]}))
    assert "loss_nce_B" not in terms
    torch.testing.assert_close(loss.detach(), terms["loss_g"] + 10 * terms["loss_nce_A"])


def test_each_side_trains_its_own_networks() -> None:
    model = cut()
    batch = photos(0)
    draw = {"real_A": batch["A"], "real_B": batch["B"]}
    loss, _, images = unpack(model.generator_loss(draw))
    loss.backward()
    assert all(value.grad is not None for value in model.projector.parameters())
    assert all(value.grad is not None for value in model.generator.parameters())
    model.zero_grad()
    model.discriminator_loss(draw | images).total.backward()
    assert all(value.grad is None for value in model.generator.parameters())
    generator, discriminator = model.configure_optimizers()
    assert len(generator.param_groups[0]["params"]) == len(
        [*model.generator.parameters(), *model.projector.parameters()]
    )
    assert len(discriminator.param_groups[0]["params"]) == len([*model.discriminator.parameters()])


def test_a_photo_that_comes_again_counts_once() -> None:
    model, batch = cut(), {side: images.roll(1, dims=-1) + torch.rand(4, 1, 1, 1) for side, images in photos(1).items()}
    few = batch["B"][:3]
    rows = torch.arange(4)
    again = [
        {"A": batch["A"][:3], "B": few, "row_A": rows[:3], "row_B": rows[:3]},
        {"A": batch["A"][3:], "B": few[:1], "row_A": rows[3:], "row_B": rows[:1]},
    ]
    assert model.validate(again) == pytest.approx(model.validate([{"A": batch["A"], "B": few}]))


def test_takes_the_look_of_b_and_keeps_the_square_where_it_is() -> None:
    model = cut(ema_half_life=50)
    fit(model, photos, 200)
    held_out = photos(10_000)["A"]
    fake = model.translate(held_out)
    ground = held_out > 0.5
    assert fake[ground].mean() == pytest.approx(-0.2, abs=0.15)
    assert fake[~ground].mean() == pytest.approx(-0.8, abs=0.15)
    assert set(model.validate([photos(10_001)])) == {"val/kid_efficientnet_lite1"}
    pictures, columns = model.sample_grid(photos(10_002))
    assert (columns, len(pictures)) == (4, 16)


def test_a_grid_shows_photos_from_all_over_the_batch() -> None:
    numbers = (torch.arange(32) / 32)[:, None, None, None].expand(-1, 3, 16, 16)
    pictures, columns = cut().sample_grid({"A": numbers, "B": -numbers})
    for first, sign in ((0, 1), (2, -1)):
        torch.testing.assert_close(pictures[first::columns].mean((1, 2, 3)), sign * torch.arange(0, 32, 4) / 32)


def test_the_discriminator_sees_augmented_images_in_either_turn_and_the_patches_none() -> None:
    augment = Recorder()
    model = cut(augment=augment)
    judged, encoded = [], []
    model.discriminator.register_forward_pre_hook(lambda module, inputs: judged.append(float(inputs[0].detach().min())))
    model.generator.register_forward_pre_hook(lambda module, inputs: encoded.append(float(inputs[0].detach().max())))
    terms = fit(model, photos, 1)
    assert augment.calls == 3  # a fake for G, a photo and a fake for D
    assert min(judged) >= 0.0  # without, the squares of B would be at -0.8
    assert max(encoded) <= 1.0
    assert augment.seen == [((4, 1, 6, 6), 4)]
    assert "augment_p" in terms[0]


def test_there_is_no_way_back() -> None:
    with pytest.raises(UserError, match="direction=BA: cut translates from A to B alone"):
        cut().translate(photos(0)["A"], "BA")


@pytest.mark.parametrize("patches", [0, 1, -3])
def test_a_patch_without_others_to_be_told_from_is_refused(patches: int) -> None:
    with pytest.raises(UserError, match=rf"model\.patches={patches}: needs at least 2"):
        cut(patches=patches)


def test_a_generator_without_an_encoder_is_refused() -> None:
    with pytest.raises(UserError, match="Pointwise has no encoder"):
        CUT(Pointwise(), TinyDiscriminator(4), adam(), adam())


def test_maps_to_compare_are_the_papers() -> None:
    generator = ResnetGenerator(width=4, blocks=6)
    out, features = generator(torch.zeros(1, 3, 16, 16), return_features=True)
    assert out.shape == (1, 3, 16, 16)
    assert [tuple(map_.shape[1:]) for map_ in features] == [(3, 16, 16), (8, 8, 8), (16, 4, 4), (16, 4, 4), (16, 4, 4)]
    assert generator.feature_channels == [3, 8, 16, 16, 16]
    for one, other in zip(features, generator.encode(torch.zeros(1, 3, 16, 16)), strict=True):
        torch.testing.assert_close(one, other)
    assert isinstance(generator.body, nn.Sequential)
