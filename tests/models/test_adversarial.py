"""Penalties that add up and are taken lazily, pairing losses, consistency and augmentation, in the methods' own steps."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from torch import Tensor, nn
from torch.nn import functional

from gan_lab.augment import InstanceNoise
from gan_lab.config import compose, find_config_dir, instantiate
from gan_lab.errors import UserError
from gan_lab.losses import R1, R2, ConsistencyRegularisation, LeastSquares, RelativisticPairing, Wasserstein
from gan_lab.models import GAN, CycleGAN, Enhancer, burn_in
from gan_lab.networks import spectral_normalise
from tests.integration.runs import MODELS, tiny
from tests.models.fitting import Pointwise, TinyDiscriminator, TinyGenerator, adam, fit, unpack


def batch(iteration: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(iteration)
    return {"image": torch.rand(8, 1, 1, 1, generator=generator), "label": torch.zeros(8, dtype=torch.int64)}


def gan(**options: Any) -> GAN:
    torch.manual_seed(0)
    return GAN(TinyGenerator(), TinyDiscriminator(), adam(), adam(), **options)


def inputs_of(model: GAN) -> dict[str, Any]:
    return model.draw_inputs(batch(0), shared_fake=True)


def resumed(model: GAN, iteration: int) -> GAN:
    """Set a model's clock as a checkpoint does."""
    model.on_load_checkpoint({"clock": {"iteration": iteration, "progress": 0.0}, "ranks": None})
    return model


# ---------------------------------------------------------------------------------------------------- penalties


def test_penalties_add_up_and_are_named() -> None:
    penalties = {"r1": R1(weight=3.0), "r2": R2(weight=0.5), "none": None}
    model, plain = gan(penalties=penalties), gan()
    draw = inputs_of(model)
    loss, terms, _ = unpack(model.discriminator_loss(draw))
    assert {name for name in terms if name.startswith("penalty")} == {"penalty_r1", "penalty_r2"}
    for name, images in (("r1", draw["real"]), ("r2", draw["fake"])):
        images = images.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(model.discriminator(images).sum(), images)
        torch.testing.assert_close(terms[f"penalty_{name}"], gradient.square().flatten(1).sum(1).mean())
    expected = plain.discriminator_loss(draw).total + 3.0 * terms["penalty_r1"] + 0.5 * terms["penalty_r2"]
    torch.testing.assert_close(loss, expected)


def test_a_lazy_penalty_is_taken_every_nth_iteration_n_times_as_heavy() -> None:
    model, plain = gan(penalties={"r1": R1(weight=3.0, every=4), "r2": R2(weight=2.0, every=1)}), gan()
    draw = inputs_of(model)
    for iteration in range(8):
        model.iteration = iteration
        loss, terms, _ = unpack(model.discriminator_loss(draw))
        expected = plain.discriminator_loss(draw).total + 2.0 * terms["penalty_r2"]
        assert ("penalty_r1" in terms) == (iteration in (3, 7))
        if "penalty_r1" in terms:
            expected = expected + 3.0 * 4 * terms["penalty_r1"]
        torch.testing.assert_close(loss, expected)


def test_a_lazy_penalty_goes_by_the_clock_that_a_checkpoint_keeps() -> None:
    lazy = {"r1": R1(every=4)}
    straight = fit(gan(penalties=lazy), batch, 9)
    assert ["penalty_r1" in terms for terms in straight] == [i in (3, 7) for i in range(9)]
    rest = fit(resumed(gan(penalties=lazy), 3), batch, 9)
    assert ["penalty_r1" in terms for terms in rest] == [i in (3, 7) for i in range(3, 9)]


def test_a_lazy_penalty_counts_iterations_and_not_micro_batches_nor_the_generators_turns() -> None:
    terms = fit(gan(penalties={"r1": R1(every=3)}, micro_batches=2, n_critic=2), batch, 6)
    assert ["penalty_r1" in named for named in terms] == [False, False, True] * 2


def test_the_schedule_is_a_factor_on_every_penaltys_weight() -> None:
    model = gan(penalties={"r1": R1(weight=3.0), "r2": R2(weight=1.0)}, penalty_schedule=burn_in(1.0, 0.1))
    draw, plain = inputs_of(model), gan()
    for progress, factor in ((0.0, 1.0), (0.1, 0.55), (0.7, 0.1)):
        model.progress = progress
        loss, terms, _ = unpack(model.discriminator_loss(draw))
        added = factor * (3.0 * terms["penalty_r1"] + terms["penalty_r2"])
        torch.testing.assert_close(loss, plain.discriminator_loss(draw).total + added)


def test_a_discriminator_may_call_its_labels_as_it_likes() -> None:
    class Renamed(TinyDiscriminator):
        def forward(self, x: Tensor, y: Tensor | None = None) -> Any:  # type: ignore[override]
            return super().forward(x)

    model = GAN(TinyGenerator(), Renamed(), adam(), adam(), penalties={"r1": R1()}, conditional=True, classes=2)
    assert "penalty_r1" in fit(model, batch, 1)[0]


@pytest.mark.parametrize("every", [0, -1])
def test_an_interval_that_never_comes_is_refused(every: int) -> None:
    with pytest.raises(UserError, match=rf"model\.penalties\.r1\.every={every}"):
        gan(penalties={"r1": R1(every=every)})


# ---------------------------------------------------------------------------------------------------- pairs


class Counted(TinyDiscriminator):
    """Keeps what it is shown, and whether a graph is kept with it."""

    def __init__(self, values: int = 1) -> None:
        super().__init__(values)
        self.seen: list[tuple[Tensor, bool]] = []

    def forward(self, x: Tensor, label: Tensor | None = None, *, return_features: bool = False) -> Any:
        self.seen.append((x.detach().clone(), torch.is_grad_enabled()))
        return super().forward(x, label, return_features=return_features)


def test_real_images_are_judged_in_the_generators_turn_only_for_a_pairing_loss() -> None:
    real, fake = torch.randn(4, 1, 1, 1), torch.randn(4, 1, 1, 1, requires_grad=True)
    discriminator = Counted()
    gan(adversarial=LeastSquares()).compute_adversarial_term(discriminator, fake, real)
    assert len(discriminator.seen) == 1
    assert torch.equal(discriminator.seen[0][0], fake)
    discriminator.seen.clear()
    loss = gan(adversarial=RelativisticPairing()).compute_adversarial_term(discriminator, fake, real)
    assert [grad for _, grad in discriminator.seen] == [False, True]
    assert torch.equal(discriminator.seen[0][0], real)
    torch.testing.assert_close(loss, functional.softplus(discriminator(real) - discriminator(fake)).mean())


def test_a_gan_pairs_each_fake_with_its_real_image() -> None:
    model = gan(adversarial=RelativisticPairing())
    draw = inputs_of(model)
    difference = model.discriminator(draw["real"]) - model.discriminator(draw["fake"])
    torch.testing.assert_close(model.discriminator_loss(draw).total, functional.softplus(-difference).mean())
    torch.testing.assert_close(model.generator_loss(draw).total, functional.softplus(difference).mean())


@pytest.mark.parametrize("lambda_feature_matching", [0.0, 10.0])
def test_an_enhancer_pairs_a_prediction_with_its_ground_truth(lambda_feature_matching: float) -> None:
    torch.manual_seed(0)
    discriminator = TinyDiscriminator(4)
    options = {"lambda_l1": 0.0, "lambda_feature_matching": lambda_feature_matching}
    model = Enhancer(Pointwise(), adam(), discriminator, adam(), adversarial=RelativisticPairing(), **options)
    lq, gt = torch.rand(2, 3, 1, 2, 2)
    draw = {"lq": lq, "gt": gt, "aid": None, "pred": None}
    terms = model.generator_loss(draw).terms
    difference = discriminator(gt) - discriminator(model.generator(lq))
    torch.testing.assert_close(terms["loss_g_adversarial"], functional.softplus(difference).mean().detach())
    named = model.discriminator_loss(draw).terms
    assert float(named["accuracy_d"]) == pytest.approx(float((difference > 0).float().mean()))


def test_cyclegan_pairs_a_translation_with_a_real_image_of_its_domain() -> None:
    torch.manual_seed(0)
    options = {"lambda_cycle": 0.0, "adversarial": RelativisticPairing()}
    model = CycleGAN(Pointwise, lambda: TinyDiscriminator(4), adam(), adam(), **options)
    real_A, real_B = torch.rand(2, 3, 1, 2, 2)
    terms = model.generator_loss({"real_A": real_A, "real_B": real_B}).terms
    difference = model.discriminator_B(real_B) - model.discriminator_B(model.generator_AB(real_A))
    torch.testing.assert_close(terms["loss_g_AB"], functional.softplus(difference).mean().detach())
    difference = model.discriminator_A(real_A) - model.discriminator_A(model.generator_BA(real_B))
    torch.testing.assert_close(terms["loss_g_BA"], functional.softplus(difference).mean().detach())


def test_of_pairs_the_accuracy_is_the_share_in_the_right_order() -> None:
    real, fake = torch.tensor([9.0, 5.0, 1.0, -3.0]), torch.tensor([8.0, 6.0, 0.0, -4.0])
    terms = gan(adversarial=RelativisticPairing()).measure_discriminator(real, fake)[0]
    assert float(terms["accuracy_d"]) == pytest.approx(0.75)
    expected = functional.binary_cross_entropy_with_logits(real - fake, torch.ones(4))
    assert float(terms["cross_entropy_d"]) == pytest.approx(float(expected))
    assert float(terms["logits_real"]) == pytest.approx(3.0)
    assert float(terms["logits_fake"]) == pytest.approx(2.5)
    assert float(gan().measure_discriminator(real, fake)[0]["accuracy_d"]) == pytest.approx(0.5)


def test_a_critics_margin_does_not_drift_with_its_zero() -> None:
    real, fake = torch.tensor([1.0, -1.0, 3.0]), torch.tensor([-2.0, 0.0, 2.0])
    for drift in (0.0, 100.0):
        assert gan(adversarial=Wasserstein()).measure_discriminator(real + drift, fake + drift)[1].tolist() == [
            1,
            -1,
            3,
        ]


def test_the_margin_is_above_the_boundary_or_above_the_fake() -> None:
    real, fake = torch.tensor([1.0, 0.25]), torch.tensor([2.0, -1.0])
    assert gan(adversarial=LeastSquares()).measure_discriminator(real, fake)[1].tolist() == [0.5, -0.25]
    assert gan(adversarial=RelativisticPairing()).measure_discriminator(real, fake)[1].tolist() == [-1.0, 1.25]


# ---------------------------------------------------------------------------------------------------- consistency, augmentation


class Marked(nn.Module):
    """Adds a constant, and counts the images that pass."""

    def __init__(self, constant: float = 100.0) -> None:
        super().__init__()
        self.constant = constant
        self.images = 0

    def forward(self, images: Tensor) -> Tensor:
        self.images += len(images)
        return images + self.constant


class Adaptive(Marked):
    """Takes notes of what an adaptive augmentation is told."""

    adaptive = True

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("p", torch.zeros(()))
        self.progress = -1.0
        self.told: list[tuple[list[float], int, float]] = []

    def observe(self, logits_real: Tensor, images: int) -> None:
        assert not logits_real.requires_grad
        self.told.append((logits_real.tolist(), images, self.progress))
        self.p += 0.5


def test_consistency_by_hand() -> None:
    consistency = ConsistencyRegularisation(weight_real=2.0, weight_fake=3.0, augment=Marked(0.25))
    model, plain = gan(consistency=consistency), gan()
    draw = inputs_of(model)
    loss, terms, _ = unpack(model.discriminator_loss(draw))
    moved = [model.discriminator(x + 0.25) - model.discriminator(x) for x in (draw["real"], draw["fake"])]
    expected = 2.0 * moved[0].square().mean() + 3.0 * moved[1].square().mean()
    torch.testing.assert_close(terms["consistency"], expected.detach())
    torch.testing.assert_close(loss, plain.discriminator_loss(draw).total + expected)
    assert "consistency" not in model.generator_loss(draw).terms


def test_what_d_sees_is_augmented_in_both_turns_and_what_is_shown_is_not() -> None:
    torch.manual_seed(0)
    discriminator = Counted()
    options = {"adversarial": RelativisticPairing(), "penalties": {"r1": R1(), "r2": R2()}, "augment": Marked()}
    model = GAN(TinyGenerator(), discriminator, adam(), adam(), **options)
    fit(model, batch, 2)
    assert len(discriminator.seen) == 2 * (1 + 2 + 2)  # D's turn, its penalties, G's turn with both sides of the pair
    assert all((images > 50).all() for images, _ in discriminator.seen)
    passed = model.augment.images
    assert model.sample_grid({})[0].abs().max() <= 1
    assert model.generate(torch.randn(3, 2)).abs().max() <= 1
    assert model.augment.images == passed


def test_the_generators_gradient_passes_through_the_augmentation() -> None:
    class Halved(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return 0.0 * images

    model = gan(augment=Halved())
    model.generator_loss(inputs_of(model)).total.backward()
    assert all(p.grad.abs().sum() == 0 for p in model.generator.parameters())


@pytest.mark.parametrize("micro_batches", [1, 2])
def test_an_adaptive_augmentation_is_told_once_after_each_turn_of_d(micro_batches: int) -> None:
    adaptive = Adaptive()
    model = gan(augment=nn.Sequential(InstanceNoise(0.0), adaptive), micro_batches=micro_batches, n_critic=2)
    with torch.no_grad():
        expected = model.discriminator(batch(0)["image"] + 100).tolist()
    terms = fit(model, batch, 4)
    assert len(adaptive.told) == 4
    assert adaptive.told[0][0] == pytest.approx(expected, rel=1e-5)
    assert [images for _, images, _ in adaptive.told] == [8] * 4
    assert [progress for _, _, progress in adaptive.told] == [0.0, 0.25, 0.5, 0.75]
    assert [named["augment_p"] for named in terms] == [0.5, 1.0, 1.5, 2.0]
    assert "augment.1.p" in model.state_dict()


def test_instance_noise_is_told_the_progress() -> None:
    noise = InstanceNoise(0.5)
    fit(gan(augment=noise), batch, 4)
    assert noise.progress == 0.75


# ---------------------------------------------------------------------------------------------------- all at once


def target(model: str) -> str:
    """Return the class that a yaml, or the one that it builds on, names."""
    node = OmegaConf.load(find_config_dir() / "model" / f"{model}.yaml")
    return str(OmegaConf.select(node, "model._target_") or target(node.defaults[0]))


GANS = [model for model in MODELS if target(model) == "gan_lab.models.GAN"]


ALL = [
    "++model.penalties={r1:{_target_:gan_lab.losses.R1,weight:0.1},r2:{_target_:gan_lab.losses.R2,weight:0.1}}",
    "++model.consistency={_target_:gan_lab.losses.ConsistencyRegularisation}",
    "++model.augment={_target_:gan_lab.augment.InstanceNoise,sigma:0.1}",
    "++model.gradient_clip=1",
    "++model.n_critic=1",
]


@pytest.mark.parametrize("model", GANS)
def test_every_gan_takes_all_of_them_at_once(model: str) -> None:
    torch.manual_seed(0)
    facts = ["name=all", "++data.classes=3", "++data.class_names=[a,b,c]"]
    config = compose("train", [*tiny(model), *facts, *ALL])
    made: GAN = instantiate(config.model)
    if model != "r3gan":  # its branches start at zero, and zero has no direction to take the norm of
        spectral_normalise(made.discriminator)
    size, channels = config.data.image_size, config.data.channels
    pictures = functional.interpolate(torch.rand(3, channels, 4, 4) * 2 - 1, size=size, mode="bilinear")
    terms = fit(made, lambda _: {"image": pictures, "label": torch.arange(3)}, 2)
    expected = {"penalty_r1", "penalty_r2", "consistency", "loss_d", "loss_g"}
    assert expected <= terms[0].keys()
    assert all(torch.tensor(list(named.values())).isfinite().all() for named in terms)
    assert all(p.isfinite().all() for p in made.parameters())
