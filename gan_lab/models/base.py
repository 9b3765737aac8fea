"""The base of every method: manual optimisation with one verb, `minimize`, and exact state.

A method derives from `ManualModule`, writes its losses as plain methods and its alternation in `step`, in the order in
which the paper has it. The base class owns no algorithm; `AdversarialModule` adds what methods with a discriminator share.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.plugins import MixedPrecision
from lightning.pytorch.strategies import ParallelStrategy
from torch import Tensor, nn
from torch.optim import Optimizer

from gan_lab.errors import UserError
from gan_lab.models.batches import Batch, split_batch
from gan_lab.models.divergence import GRADIENT, LOSS, FiniteGuard, TrainingDivergedError, find_origin
from gan_lab.models.probe import Probe
from gan_lab.rng import get_rng_state, set_rng_state
from gan_lab.schedules import Schedule

Terms = dict[str, Tensor]
OptimizerFactory = Callable[[Iterable[nn.Parameter]], Optimizer]
#: A validation figure, and its better direction.
Monitor = tuple[str, Literal["min", "max"]]

#: Factor on every learning rate for each time that a run went back to a checkpoint because it had failed.
ROLLBACK_RATE = 0.5


@dataclass(frozen=True)
class Loss:
    """What a loss function returns to `ManualModule.minimize`.

    Attributes:
        total: the scalar to minimise.
        terms: scalars to log, by name.
        outputs: tensors [N, ...], one row an image, that a later part of the step needs: fakes, D's margins.
    """

    total: Tensor
    terms: Terms = field(default_factory=dict)
    outputs: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Update:
    """What one call of `ManualModule.minimize` returns.

    Attributes:
        terms: the loss's terms, averaged over the micro-batches, detached, on the device.
        outputs: the loss's outputs of all micro-batches, detached.
        stepped: False when a loss scaler skipped the update, so that what follows from it can be skipped as well.
    """

    terms: Terms
    outputs: dict[str, Tensor]
    stepped: bool


class ManualModule(LightningModule):
    """Owns what every method needs beside its algorithm: the update, the clock, the state.

    Args:
        micro_batches: parts that a batch is split into for one update; their gradients are averaged.
        gradient_clip: largest norm of one optimiser's gradient; None leaves gradients as they are.
        schedule: factor on every optimiser's learning rate as a function of the share of the budget spent, in [0, 1].
        beta2: every optimiser's second beta as a function of the same; None leaves them as they are.

    Attributes:
        iteration: batches consumed so far; schedules, stopping, checkpoints and loggers count in it.
        progress: share of the budget spent, in [0, 1]; the `Budget` callback sets it before each iteration.
        rollbacks: how often the run went back to a checkpoint because it had failed; each halves every learning rate.
        began: whether an iteration has begun, and all state was restored before.
        terms: what the last iteration logged: scalars by name, on the device.
        fresh_figures: what `validate` returned after the last iteration; empty unless it was called.
    """

    #: The view of the data that `step` takes batches of.
    batch_kind: ClassVar[Literal["images", "paired", "unpaired"]]
    #: What a trained model does: which commands take its checkpoint, and how it is evaluated.
    task: ClassVar[Literal["generation", "reconstruction", "restoration", "translation"]]
    #: The ways that a translation can go, "AB" from domain A to B; none for a method that does not translate.
    directions: ClassVar[tuple[str, ...]] = ()
    #: The option that makes the first optimiser: the generator's, or the only one.
    first_optimizer: ClassVar[str] = "generator_optimizer"

    def __init__(
        self,
        *,
        micro_batches: int = 1,
        gradient_clip: float | None = None,
        schedule: Schedule | None = None,
        beta2: Schedule | None = None,
    ) -> None:
        super().__init__()
        if micro_batches < 1:
            raise UserError(f"model.micro_batches={micro_batches}: needs at least 1")
        self.automatic_optimization = False
        self.micro_batches = micro_batches
        self.gradient_clip = gradient_clip
        self.schedule = schedule
        self.beta2 = beta2
        self.iteration = 0
        self.progress = 0.0
        self.rollbacks = 0
        self.began = False
        self.terms: Terms = {}
        self.fresh_figures: dict[str, float] = {}
        self._guard = FiniteGuard()
        self._rank_states: list[dict[str, Any]] | None = None

    # ------------------------------------------------------------------------------------------------ for a method

    @property
    @abstractmethod
    def monitor(self) -> Monitor:
        """Return the validation figure that `best.ckpt` follows; a class may state it as an attribute."""

    @abstractmethod
    def step(self, batch: Batch) -> Terms:
        """Do one iteration, in the order in which the paper has it; return the terms to log, detached, on the device."""

    @abstractmethod
    def sample_grid(self, batch: Batch) -> tuple[Tensor, int]:
        """Return images [N, C, H, W] in [-1, 1] for the fixed `batch`, and how many make a row. Uses no random numbers.

        The batch is empty where no photos are held out and the task is generation, which needs none.
        """

    @abstractmethod
    def validate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Return figures over held-out batches, `val/...`, the monitored one among them. Uses no global generator."""

    def list_trainable_networks(self) -> Sequence[nn.Module]:
        """Return the networks that are trained, as `compile=true` compiles them; an average only makes images."""
        return [module for module in self.children() if any(each.requires_grad for each in module.parameters())]

    def probe(self, batch: Batch) -> list[Probe]:
        """Return images for the training doctor, one kind each, made of or beside the photos of `batch`.

        A method has none unless it overrides this. Uses no global generator.
        """
        return []

    def rank_state(self) -> dict[str, Any]:
        """Return state that differs from rank to rank beside the random number generators: pools, for instance."""
        return {}

    def load_rank_state(self, state: dict[str, Any]) -> None:
        """Restore what `rank_state` returned."""

    def minimize(self, optimizer: LightningOptimizer, loss_fn: Callable[[Batch], Loss], inputs: Batch) -> Update:
        """Update `optimizer` once on the mean of `loss_fn` over the micro-batches of `inputs`.

        Parameters that belong to other optimisers are switched off meanwhile. Only the last micro-batch synchronises
        gradients between processes.

        Args:
            optimizer: one of `self.optimizer_list()`.
            loss_fn: takes (a part of) the inputs.
            inputs: the batch and every random choice of the step, made once; tensors of equal length, scalars or None.

        Raises:
            UserError: `micro_batches` does not divide the batch.
            TrainingDivergedError: a loss is not finite.
        """
        parts = [inputs] if self.micro_batches == 1 else split_batch(inputs, self.micro_batches)
        losses: list[Loss] = []
        strategy = self.trainer.strategy
        optimizer.zero_grad()
        for index, part in enumerate(parts):
            last = index == len(parts) - 1
            parallel = strategy if isinstance(strategy, ParallelStrategy) else None
            with (
                self.toggled_optimizer(optimizer),
                nullcontext() if last or not parallel else parallel.block_backward_sync(),
            ):
                loss = loss_fn(part)
                self.manual_backward(loss.total / len(parts))
            terms = {name: term.detach().float() for name, term in loss.terms.items()}
            self._watch((LOSS, *terms), [loss.total.detach().float(), *(term.mean() for term in terms.values())])
            losses.append(Loss(loss.total.detach(), terms, {name: out.detach() for name, out in loss.outputs.items()}))
        plugin = self.trainer.precision_plugin
        scaler = plugin.scaler if isinstance(plugin, MixedPrecision) else None
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        if gradients and scaler is None:  # under fp16 the scaler looks at them, and skips the update
            self._watch((GRADIENT,), [torch.stack(torch._foreach_norm(gradients)).sum()])
        scale = scaler.get_scale() if scaler is not None else 1.0
        optimizer.step()
        return Update(
            terms={name: torch.stack([loss.terms[name] for loss in losses]).mean() for name in losses[0].terms},
            outputs={name: torch.cat([loss.outputs[name] for loss in losses]) for name in losses[0].outputs},
            # the scaler lowers its scale exactly when it skipped the update
            stepped=scaler is None or scaler.get_scale() >= scale,
        )

    def optimizer_list(self) -> list[LightningOptimizer]:
        """Return the optimisers in the order of `configure_optimizers`, also where there is but one."""
        optimizers = self.optimizers()
        return optimizers if isinstance(optimizers, list) else [optimizers]

    def is_due(self, every: int) -> bool:
        """Return whether what happens in each `every`-th iteration happens in this one."""
        return (self.iteration + 1) % every == 0

    def count_images(self, batch: Tensor) -> int:
        """Return how many images all processes together have in an iteration, of which this one has `batch`."""
        return len(batch) * self.trainer.world_size

    def full_precision(self) -> AbstractContextManager[Any]:
        """Return a context without autocast, for what must be computed in float32."""
        return torch.autocast(self.device.type, enabled=False)

    # ------------------------------------------------------------------------------------------------ Lightning's hooks

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """Run one iteration and count it."""
        if self._rank_states is not None:
            states, self._rank_states = self._rank_states, None
            if self.global_rank < len(states):  # else one of more processes than at the save: with the seed's own state
                set_rng_state(states[self.global_rank]["rng"])
                self.load_rank_state(states[self.global_rank]["module"])
        self.began = True
        self._apply_schedules()
        try:
            self.terms = self.step(batch)
        except TrainingDivergedError as error:
            where = find_origin(self, lambda: self.step(batch))
            raise self._make_divergence_error(error.since, error.evidence, where) from None
        self.iteration += 1

    def on_train_start(self) -> None:
        """Let each process draw its own noise."""
        if self.global_rank:
            torch.manual_seed(torch.initial_seed() + self.global_rank)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Clip gradients here, where they are already unscaled under fp16.

        Raises:
            UserError: the optimiser unscales inside its own step, so that clipping would see scaled gradients.
        """
        if self.gradient_clip is not None:
            plugin = self.trainer.precision_plugin
            scaled = isinstance(plugin, MixedPrecision) and plugin.scaler is not None
            if scaled and optimizer.defaults.get("fused"):
                raise UserError(
                    f"model.gradient_clip={self.gradient_clip} with trainer.precision=16-mixed: needs optimisers that are "
                    "not fused; set model.generator_optimizer.fused=false (and so on), or trainer.precision=bf16-mixed"
                )
            parameters = [p for group in optimizer.param_groups for p in group["params"]]
            nn.utils.clip_grad_norm_(parameters, self.gradient_clip)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the clock and every rank's private state; leave out Lightning's loop counters, which nothing reads."""
        self.assert_finite()
        state = {"rng": get_rng_state(), "module": self.rank_state()}
        states: list[Any] = [state]
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            states = [None] * torch.distributed.get_world_size()
            torch.distributed.all_gather_object(states, state)
        checkpoint["clock"] = {"iteration": self.iteration, "progress": self.progress, "rollbacks": self.rollbacks}
        checkpoint["ranks"] = states
        checkpoint.pop("loops", None)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the clock now, and the ranks' state when the first batch comes: nothing may use random numbers between."""
        self.iteration = checkpoint["clock"]["iteration"]
        self.progress = checkpoint["clock"]["progress"]
        self.rollbacks = checkpoint["clock"].get("rollbacks", 0)  # older checkpoints have none
        self._rank_states = checkpoint["ranks"]

    def assert_finite(self) -> None:
        """Check every loss since the last call, in all processes. Reads one value from the device.

        Raises:
            TrainingDivergedError: a loss is NaN or infinite.
        """
        found = self._guard.find_first()
        if found is not None:
            raise self._make_divergence_error(*found)

    # ------------------------------------------------------------------------------------------------ inside

    def _watch(self, names: tuple[str, ...], values: list[Tensor]) -> None:
        self._guard.watch(names, torch.stack(values), self.iteration + 1)
        # reading is free on a CPU; an accelerator would wait for its whole queue, and processes for one another
        if self.device.type == "cpu" and self.trainer.world_size == 1:
            self.assert_finite()

    def _make_divergence_error(self, since: int, evidence: dict[str, float], where: str = "") -> TrainingDivergedError:
        terms = ", ".join(sorted(evidence.keys() - {LOSS, GRADIENT})) or "the sum of its terms"
        what = "a loss"
        if evidence.keys() == {GRADIENT}:
            what, terms = GRADIENT, "the backward pass, behind losses that were finite"
        rates = " or ".join(f"model.{name}.lr" for name in vars(self) if re.fullmatch(r"([a-z]+_)?optimizer", name))
        return TrainingDivergedError(
            f"{what} was not finite at iteration {since}: training has diverged. It began in {terms}"
            f"{f' ({where})' if where else ''}. The last checkpoint is from before that. Try model.gradient_clip=1, a lower "
            f"learning rate{f' ({rates})' if rates else ''}, or trainer.precision=32-true",
            since=since,
            rollbacks=self.rollbacks,
            evidence=evidence,
        )

    def _apply_schedules(self) -> None:
        groups = [group for optimizer in self.trainer.optimizers for group in optimizer.param_groups]
        factor = 1.0 if self.schedule is None else self.schedule(self.progress)
        beta2 = None if self.beta2 is None else self.beta2(self.progress)
        for group in groups:
            if self.schedule is not None or self.rollbacks:
                group.setdefault("initial_lr", group["lr"])
                group["lr"] = group["initial_lr"] * factor * ROLLBACK_RATE**self.rollbacks
            if beta2 is not None:
                if "betas" not in group:
                    raise UserError(
                        "model.beta2: needs optimisers with betas, such as torch.optim.Adam; set it to null"
                    )
                group["betas"] = (group["betas"][0], beta2)
