"""The GAN's alternation, and that it learns."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer

from gan_lab.errors import UserError
from gan_lab.losses import R1, R2, GradientPenalty, Hinge, LeastSquares, NonSaturating, RelativisticPairing, Wasserstein
from gan_lab.models import GAN, AdversarialModule
from gan_lab.rng import draw_seeded_noise
from tests.models.fitting import TinyDiscriminator, TinyGenerator, adam, fit, same, weights


def two_modes(iteration: int) -> dict[str, torch.Tensor]:
    """Half of the pixels near -0.6, half near 0.6."""
    generator = torch.Generator().manual_seed(iteration)
    side = torch.randint(0, 2, (64, 1, 1, 1), generator=generator) * 2.0 - 1
    image = 0.6 * side + 0.05 * torch.randn(64, 1, 1, 1, generator=generator)
    return {"image": image, "label": torch.zeros(64, dtype=torch.int64)}


def gan(**options: Any) -> GAN:
    torch.manual_seed(0)
    options = {"ema_half_life": 500} | options
    return GAN(TinyGenerator(), TinyDiscriminator(), adam(2e-3, (0.0, 0.9)), adam(2e-3, (0.0, 0.9)), **options)


class Steps(Callback):
    """Keep the weights around each update of each optimiser."""

    def __init__(self) -> None:
        self.changed: list[tuple[bool, bool]] = []
        self._before: Any = None

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: Any, optimizer: Any) -> None:
        self._note(pl_module)

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *args: Any) -> None:
        self._note(pl_module)
        self._before = None

    def _note(self, model: GAN) -> None:
        now = (weights(model.generator), weights(model.discriminator))
        if self._before is not None:
            self.changed.append((not same(self._before[0], now[0]), not same(self._before[1], now[1])))
        self._before = now


@pytest.mark.parametrize("micro_batches", [1, 4])
def test_each_update_leaves_the_other_network_alone(micro_batches: int) -> None:
    steps = Steps()
    fit(gan(micro_batches=micro_batches), two_modes, 2, steps)
    # per iteration: after D's update, then after G's
    assert steps.changed == [(False, True), (True, False)] * 2


def test_n_critic_counts_the_discriminators_updates() -> None:
    steps = Steps()
    terms = fit(gan(n_critic=3), two_modes, 6, steps)
    assert ["loss_g" in named for named in terms] == [False, False, True] * 2
    assert sum(generator for generator, _ in steps.changed) == 2
    assert sum(discriminator for _, discriminator in steps.changed) == 6


@pytest.mark.parametrize(
    ("adversarial", "penalties"),
    [
        (NonSaturating(), {"r1": R1(weight=0.5)}),
        pytest.param(Hinge(), {"r1": R1(weight=0.5)}, marks=pytest.mark.slow),
        pytest.param(LeastSquares(), {"r1": R1(weight=0.5)}, marks=pytest.mark.slow),
        # in one dimension a strong penalty on the slope's size is a wall between its two signs
        (Wasserstein(), {"gradient": GradientPenalty(weight=0.1)}),
        pytest.param(RelativisticPairing(), {"r1": R1(weight=0.25), "r2": R2(weight=0.25)}, marks=pytest.mark.slow),
    ],
    ids=["non_saturating", "hinge", "least_squares", "wasserstein", "relativistic"],
)
def test_learns_a_distribution_of_two_modes(adversarial: Any, penalties: Any) -> None:
    model = gan(adversarial=adversarial, penalties=penalties)
    terms = fit(model, two_modes, 1200)
    assert {f"penalty_{name}" for name in penalties} <= terms[-1].keys()
    samples = model.generate(draw_seeded_noise(1000, 2)).flatten()
    low, high = samples < 0, samples > 0
    assert low.float().mean() == pytest.approx(0.5, abs=0.2)
    assert samples[low].mean() == pytest.approx(-0.6, abs=0.12)
    assert samples[high].mean() == pytest.approx(0.6, abs=0.12)


def test_the_shared_fake_gives_both_networks_the_gradient_of_separate_ones() -> None:
    shared, separate = gan(), gan()
    separate.draw_inputs = lambda batch, **_: GAN.draw_inputs(separate, batch, shared_fake=False)  # type: ignore[method-assign]
    fit(shared, two_modes, 3)
    fit(separate, two_modes, 3)
    for a, b in zip(weights(shared), weights(separate), strict=True):
        torch.testing.assert_close(a, b)


def test_the_discriminators_figures_by_hand() -> None:
    terms, _ = AdversarialModule().measure_discriminator(torch.tensor([1.0, -1.0]), torch.tensor([-2.0, -2.0]))
    assert float(terms["accuracy_d"]) == pytest.approx(0.75)
    expected = 0.5 * ((0.313262 + 1.313262) / 2 + 0.126928)
    assert float(terms["cross_entropy_d"]) == pytest.approx(expected, abs=1e-5)


def test_least_squares_accuracy_is_taken_at_one_half() -> None:
    model = AdversarialModule(adversarial=LeastSquares())
    terms, _ = model.measure_discriminator(torch.tensor([0.4]), torch.tensor([0.4]))
    assert float(terms["accuracy_d"]) == pytest.approx(0.5)


def test_a_conditional_gan_says_what_it_needs() -> None:
    with pytest.raises(UserError, match="one folder per class"):
        gan(conditional=True, classes=0)


def test_validation_draws_no_global_random_number() -> None:
    model = gan()
    batches = [two_modes(0) | {"image": two_modes(0)["image"].expand(-1, 1, 32, 32)}]
    model.generate = lambda z, label=None: z[:, :1, None, None].expand(-1, 1, 32, 32)  # type: ignore[method-assign]
    state = torch.get_rng_state()
    assert model.validate(batches).keys() == {
        f"val/{name}_efficientnet_lite1" for name in ("kid", "precision", "recall")
    }
    assert torch.equal(torch.get_rng_state(), state)


def test_a_single_held_out_image_gives_no_figure_rather_than_an_error() -> None:
    model = gan()
    assert model.validate([{"image": torch.zeros(1, 1, 1, 1), "label": torch.zeros(1, dtype=torch.int64)}]) == {}
