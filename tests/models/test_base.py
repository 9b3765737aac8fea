"""The verb, the clock and the state that every method shares."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.plugins.precision import MixedPrecision

from gan_lab.errors import UserError
from gan_lab.models import GAN, TrainingDivergedError, burn_in, linear_decay
from tests.models.fitting import TinyDiscriminator, TinyGenerator, adam, fit, same, weights


def batch(iteration: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(iteration)
    return {"image": torch.rand(8, 1, 1, 1, generator=generator), "label": torch.zeros(8, dtype=torch.int64)}


def gan(**options: Any) -> GAN:
    torch.manual_seed(0)
    return GAN(TinyGenerator(), TinyDiscriminator(), adam(), adam(), **options)


def test_micro_batches_give_the_update_of_the_whole_batch() -> None:
    whole, parts = gan(), gan(micro_batches=4)
    fit(whole, batch, 5)
    fit(parts, batch, 5)
    for a, b in zip(weights(whole), weights(parts), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_gradient_clip_bounds_the_norm_of_each_optimiser() -> None:
    norms: list[float] = []

    class Norms(Callback):
        # the callbacks' hook runs before the module's, so the clipped gradient is seen at the end of the iteration
        def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *args: Any) -> None:
            for network in (pl_module.generator, pl_module.discriminator):
                norms.append(float(torch.cat([p.grad.flatten() for p in network.parameters()]).norm()))

    fit(gan(gradient_clip=1e-3), batch, 3, Norms())
    assert len(norms) == 6
    assert all(norm <= 1e-3 * 1.001 for norm in norms)
    assert max(norms) > 0.9e-3  # it was clipped, not small


def test_a_loss_that_is_not_finite_stops_the_run() -> None:
    def poisoned(iteration: int) -> dict[str, torch.Tensor]:
        made = batch(iteration)
        if iteration == 2:
            made["image"][0] = torch.nan
        return made

    model = gan()
    with pytest.raises(
        TrainingDivergedError,
        match=r"iteration 3: .* began in .*loss_d .*layer discriminator\.hidden\.0.*model\.generator_optimizer\.lr or model\.d",
    ):
        fit(model, poisoned, 5)
    assert model.iteration == 2


def test_schedule_scales_every_learning_rate_by_progress() -> None:
    seen: list[list[float]] = []

    class Rates(Callback):
        def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
            seen.append([group["lr"] for optimizer in trainer.optimizers for group in optimizer.param_groups])

    fit(gan(schedule=linear_decay(0.5)), batch, 4, Rates())
    assert [rates[0] for rates in seen] == pytest.approx([1e-2, 1e-2, 1e-2, 0.5e-2])
    assert all(rates[0] == rates[1] for rates in seen)


@pytest.mark.parametrize("schedule", [None, linear_decay(0.5)])
def test_each_rollback_halves_every_learning_rate(schedule: Any) -> None:
    class Rates(Callback):
        def on_train_batch_end(self, trainer: Any, pl_module: Any, *args: Any) -> None:
            rates.append([optimizer.param_groups[0]["lr"] for optimizer in trainer.optimizers])

    rates: list[list[float]] = []
    model = gan(schedule=schedule)
    model.rollbacks = 2
    fit(model, batch, 4, Rates())
    last = 1.0 if schedule is None else 0.5  # of which three quarters of the budget leave half
    assert rates[0] == pytest.approx([0.01 / 4] * 2)
    assert rates[3] == pytest.approx([0.01 / 4 * last] * 2)


def test_beta2_follows_progress_and_leaves_beta1() -> None:
    seen: list[Any] = []

    class Betas(Callback):
        def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
            seen.append([group["betas"] for optimizer in trainer.optimizers for group in optimizer.param_groups])

    fit(gan(beta2=lambda progress: 0.9 + progress / 10), batch, 2, Betas())
    assert seen == [[(0.5, 0.9)] * 2, [(0.5, pytest.approx(0.95))] * 2]


def test_beta2_wants_an_optimiser_that_has_one() -> None:
    sgd = lambda parameters: torch.optim.SGD(parameters, lr=0.1)  # noqa: E731
    model = GAN(TinyGenerator(), TinyDiscriminator(), sgd, sgd, beta2=burn_in(0.9, 0.99))
    with pytest.raises(UserError, match=r"model\.beta2"):
        fit(model, batch, 1)


class Overflow(Callback):
    """Make one network's gradients infinite in one iteration, as an fp16 overflow does."""

    def __init__(self, network: str, iteration: int) -> None:
        self.network, self.iteration = network, iteration

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        def overflow(gradient: torch.Tensor) -> torch.Tensor:
            return gradient * torch.inf if pl_module.iteration == self.iteration else gradient

        for parameter in getattr(pl_module, self.network).parameters():
            parameter.register_hook(overflow)


class Trace(Callback):
    """Keep the weights and the loss scale after each iteration."""

    def __init__(self) -> None:
        self.generator: list[list[torch.Tensor]] = []
        self.discriminator: list[list[torch.Tensor]] = []
        self.average: list[int] = []
        self.scale: list[float] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *args: Any) -> None:
        self.generator.append(weights(pl_module.generator))
        self.discriminator.append(weights(pl_module.discriminator))
        self.average.append(pl_module.generator_ema.images)
        self.scale.append(trainer.precision_plugin.scaler.get_scale())


@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_an_overflow_skips_that_update_and_its_average_and_lowers_the_scale(network: str) -> None:
    trace = Trace()
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    fit(gan(), batch, 4, Overflow(network, 2), trace, plugins=[MixedPrecision("16-mixed", "cpu", scaler)])
    assert trace.scale == [1024.0, 1024.0, 512.0, 512.0]
    other = "discriminator" if network == "generator" else "generator"
    assert same(getattr(trace, network)[1], getattr(trace, network)[2])  # skipped
    assert not same(getattr(trace, network)[2], getattr(trace, network)[3])  # and then goes on
    assert not same(getattr(trace, other)[1], getattr(trace, other)[2])
    skipped = 8 if network == "generator" else 0
    assert trace.average == [8, 16, 24 - skipped, 32 - skipped]


def test_clipping_scaled_gradients_is_refused() -> None:
    model = GAN(
        TinyGenerator(),
        TinyDiscriminator(),
        lambda p: torch.optim.Adam(p, fused=True),
        lambda p: torch.optim.Adam(p, fused=True),
        gradient_clip=1.0,
    )
    plugin = MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu"))
    with pytest.raises(UserError, match="fused=false"):
        fit(model, batch, 1, plugins=[plugin])
