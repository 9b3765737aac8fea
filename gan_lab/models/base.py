"""The base of every method: manual optimisation with one verb, `minimize`, and exact state.

A method derives from `ManualModule`, writes its losses as plain methods and its alternation in `step`, in the order in
which the paper has it. The base class owns no algorithm.
"""

from __future__ import annotations

import hashlib
import math
import random
import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.strategies import ParallelStrategy
from torch import Tensor, nn
from torch.optim import Optimizer

from gan_lab.errors import UserError
from gan_lab.models.divergence import origin
from gan_lab.models.probe import Probe

Batch = dict[str, Any]
Terms = dict[str, Tensor]
Loss = tuple[Tensor, Terms] | tuple[Tensor, Terms, dict[str, Tensor]]
OptimizerFactory = Callable[[Iterable[nn.Parameter]], Optimizer]
Schedule = Callable[[float], float]

#: What `minimize` was given to descend, beside the names of its terms.
LOSS, GRADIENT = "the loss", "a gradient"
#: Factor on every learning rate for each time that a run went back to a checkpoint because it had failed.
ROLLBACK_RATE = 0.5


@dataclass(frozen=True)
class Update:
    """What one call of `minimize` gives back.

    Attributes:
        terms: the loss terms, averaged over the micro-batches; on the device.
        images: detached rows, an image each, that another part needs: pictures [N, C, H, W], D's certainty; empty if the
            loss returns none.
        stepped: False when a loss scaler skipped the update, so that what follows from it can be skipped as well.
    """

    terms: Terms
    images: dict[str, Tensor]
    stepped: bool


class TrainingDivergedError(UserError):
    """A run has failed in a way that going on does not mend; checkpoints written before are sound.

    Attributes:
        what: the failure, in a word or two.
        since: the iteration in which it began, or the first at which it showed.
        rollbacks: how often the run had gone back before.
        evidence: figure -> value; of terms that are not finite, the iteration in which each was first seen so.
    """

    def __init__(
        self,
        message: str,
        what: str = "not finite",
        since: int = 0,
        rollbacks: int = 0,
        evidence: dict[str, float] | None = None,
    ) -> None:
        super().__init__(message)
        self.what = what
        self.since = since
        self.rollbacks = rollbacks
        self.evidence = evidence or {}


def check_weights(**weights: float) -> None:
    """Refuse a weight of a loss's term below 0: it would leave the term out unsaid, or drive up what should be small.

    Args:
        weights: by the option's name, without `model.`.

    Raises:
        UserError: naming the option.
    """
    for name, weight in weights.items():
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < math.inf:
            raise UserError(f"model.{name}={weight}: needs a number from 0, which leaves its term out")


class ManualModule(LightningModule):
    """Own what every adversarial method needs beside its algorithm: the update, the clock, the state.

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
    """

    #: The view of the data that the method eats.
    batch_kind: ClassVar[Literal["images", "paired", "unpaired"]]
    #: What a trained model does: which commands take its checkpoint, and how it is evaluated.
    task: ClassVar[Literal["generation", "reconstruction", "restoration", "translation"]]
    #: The validation figure that `best.ckpt` follows, and its better direction.
    monitor: ClassVar[tuple[str, Literal["min", "max"]]]

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
        self._broke: dict[tuple[str, ...], Tensor] = {}
        self._rank_states: list[dict[str, Any]] | None = None

    # ------------------------------------------------------------------------------------------------ for a method

    @abstractmethod
    def step(self, batch: Batch) -> Terms:
        """Do one iteration, in the order in which the paper has it; return the terms to log, detached, on the device."""

    @abstractmethod
    def sample_grid(self, batch: Batch) -> tuple[Tensor, int]:
        """Return pictures [N, C, H, W] in [-1, 1] for the fixed `batch`, and how many make a row; draw nothing at random.

        The batch is empty where no photos are held out and the task is generation, which needs none.
        """

    @abstractmethod
    def validate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Return figures over held-out batches, `val/...`, the monitored one among them. Draws from no global RNG."""

    def compilable(self) -> Sequence[nn.Module]:
        """Return the networks that `compile=true` compiles: those that are trained; an average only makes pictures."""
        return [module for module in self.children() if any(each.requires_grad for each in module.parameters())]

    def probe(self, batch: Batch) -> list[Probe]:
        """Return pictures for the training doctor, one kind each, made of or beside the photos of `batch`; none unless
        a method has some. Draws from no global RNG.
        """
        return []

    def rank_state(self) -> dict[str, Any]:
        """Return state that differs from rank to rank beside the random number generators: pools, for instance."""
        return {}

    def load_rank_state(self, state: dict[str, Any]) -> None:
        """Take back what `rank_state` gave."""

    def minimize(self, optimizer: LightningOptimizer, loss_fn: Callable[[Batch], Loss], draw: Batch) -> Update:
        """Update `optimizer` once on the mean of `loss_fn` over the micro-batches of `draw`.

        Parameters that belong to other optimisers are switched off meanwhile. Only the last micro-batch synchronises
        gradients between processes.

        Args:
            optimizer: one of `self.optimizers()`.
            loss_fn: takes a (part of a) draw; returns a scalar, named detached terms and, if another part needs
                them, named detached images.
            draw: every random choice of the step, made once per batch; tensors of equal length, scalars or None.

        Raises:
            UserError: `micro_batches` does not divide the batch.
            TrainingDivergedError: a loss is not finite.
        """
        parts = split(draw, self.micro_batches)
        terms: list[Terms] = []
        images: list[dict[str, Tensor]] = []
        optimizer.zero_grad()
        for index, part in enumerate(parts):
            with self.toggled_optimizer(optimizer), self._synchronised(index == len(parts) - 1):
                loss, named, *pictures = loss_fn(part)
                self.manual_backward(loss / len(parts))
            self._watch(loss.detach(), named)
            terms.append(named)
            images.extend(pictures)
        self._watch_gradient(optimizer)
        return Update(
            terms={name: torch.stack([part[name].float() for part in terms]).mean() for name in terms[0]},
            images={name: torch.cat([part[name] for part in images]) for name in (images[0] if images else ())},
            stepped=self._optimizer_step(optimizer),
        )

    def optimizer_list(self) -> list[LightningOptimizer]:
        """Return the optimisers in the order of `configure_optimizers`, also where there is but one."""
        optimizers = self.optimizers()
        return optimizers if isinstance(optimizers, list) else [optimizers]

    def every(self, n: int) -> bool:
        """Say whether this iteration is an n-th one."""
        return (self.iteration + 1) % n == 0

    def images_seen(self, batch: Tensor) -> int:
        """Return how many images all processes together have in an iteration, of which this one has `batch`."""
        return len(batch) * self.trainer.world_size

    def full_precision(self) -> AbstractContextManager[Any]:
        """Switch autocast off: for forwards that a penalty differentiates."""
        return torch.autocast(self.device.type, enabled=False)

    # ------------------------------------------------------------------------------------------------ Lightning's hooks

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """Run one iteration and count it."""
        if self._rank_states is not None:
            self._restore_rank_states()
        self.began = True
        self._apply_schedule()
        try:
            self.terms = self.step(batch)
        except TrainingDivergedError as error:
            where = origin(self, lambda: self.step(batch))
            raise self._diverged(error.since, error.evidence, where) from None
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
            if self._scaler is not None and optimizer.defaults.get("fused"):
                raise UserError(
                    f"model.gradient_clip={self.gradient_clip} with trainer.precision=16-mixed: needs optimisers that are "
                    "not fused; set model.generator_optimizer.fused=false (and so on), or trainer.precision=bf16-mixed"
                )
            parameters = [p for group in optimizer.param_groups for p in group["params"]]
            nn.utils.clip_grad_norm_(parameters, self.gradient_clip)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the clock and every rank's private state; leave out Lightning's loop counters, which nothing reads."""
        self.assert_finite()
        state = {"rng": rng_state(), "module": self.rank_state()}
        states: list[Any] = [state]
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            states = [None] * torch.distributed.get_world_size()
            torch.distributed.all_gather_object(states, state)
        checkpoint["clock"] = {
            "iteration": self.iteration,
            "progress": self.progress,
            "rollbacks": self.rollbacks,
        }
        checkpoint["ranks"] = states
        checkpoint.pop("loops", None)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the clock back now, and the ranks' state when the first batch comes: nothing may draw in between."""
        self.iteration = checkpoint["clock"]["iteration"]
        self.progress = checkpoint["clock"]["progress"]
        self.rollbacks = checkpoint["clock"].get("rollbacks", 0)  # older checkpoints have none
        self._rank_states = checkpoint["ranks"]

    def assert_finite(self) -> None:
        """Raise if any loss since the last call was not finite, in any process. Reads one value from the device.

        Raises:
            TrainingDivergedError: a loss is NaN or infinite.
        """
        if not self._broke:
            return
        watched, self._broke = self._broke, {}
        first = torch.stack([broke[0] for broke in watched.values()]).min()
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            # all processes leave together, or the others would wait for this one
            torch.distributed.all_reduce(first, torch.distributed.ReduceOp.MIN)
        since = float(first)
        if math.isfinite(since):
            named = {
                name: at for names, broke in watched.items() for name, at in zip(names, broke.tolist(), strict=True)
            }
            raise self._diverged(int(since), {name: at for name, at in named.items() if at == since})

    # ------------------------------------------------------------------------------------------------ inside

    def _watch(self, loss: Tensor, named: Terms) -> None:
        """Note the iteration in which the loss, and each of its terms, was first not finite; on the device."""
        names = (LOSS, *named)
        values = torch.stack([loss.float(), *(term.detach().float().mean() for term in named.values())])
        self._note(names, values)

    def _watch_gradient(self, optimizer: LightningOptimizer) -> None:
        """Note a gradient that is not finite though its loss is; under fp16 it is the scaler's, which skips the update."""
        if self._scaler is not None:
            return
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        if gradients:
            self._note((GRADIENT,), torch.stack(torch._foreach_norm(gradients)).sum()[None])

    def _note(self, names: tuple[str, ...], values: Tensor) -> None:
        broke = torch.where(values.isfinite(), math.inf, float(self.iteration + 1))
        self._broke[names] = torch.minimum(self._broke[names], broke) if names in self._broke else broke
        # reading is free on a CPU; an accelerator would wait for its whole queue, and processes for one another
        if self.device.type == "cpu" and self.trainer.world_size == 1:
            self.assert_finite()

    def _diverged(self, since: int, evidence: dict[str, float], where: str = "") -> TrainingDivergedError:
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

    def _synchronised(self, last: bool) -> AbstractContextManager[Any]:
        strategy = self.trainer.strategy
        return nullcontext() if last or not isinstance(strategy, ParallelStrategy) else strategy.block_backward_sync()

    @property
    def _scaler(self) -> Any:
        """The scaler of fp16's losses; None in another precision."""
        return getattr(self.trainer.precision_plugin, "scaler", None)

    def _optimizer_step(self, optimizer: LightningOptimizer) -> bool:
        scaler = self._scaler
        if scaler is None:
            optimizer.step()
            return True
        scale = scaler.get_scale()
        optimizer.step()
        return scaler.get_scale() >= scale  # the scaler lowers its scale exactly when it skipped the update

    def _apply_schedule(self) -> None:
        groups = [group for optimizer in self.trainer.optimizers for group in optimizer.param_groups]
        for group in groups:
            if self.schedule is not None or self.rollbacks:
                group.setdefault("initial_lr", group["lr"])
                factor = 1.0 if self.schedule is None else self.schedule(self.progress)
                group["lr"] = group["initial_lr"] * factor * ROLLBACK_RATE**self.rollbacks
            if self.beta2 is not None:
                if "betas" not in group:
                    raise UserError(
                        "model.beta2: needs optimisers with betas, such as torch.optim.Adam; set it to null"
                    )
                group["betas"] = (group["betas"][0], self.beta2(self.progress))

    def _restore_rank_states(self) -> None:
        states, self._rank_states = self._rank_states, None
        assert states is not None
        if len(states) <= self.global_rank:
            return  # more processes than at the save: the new ones start with the seed's own state
        load_rng_state(states[self.global_rank]["rng"])
        self.load_rank_state(states[self.global_rank]["module"])


def split(draw: Batch, parts: int) -> list[Batch]:
    """Split a draw into `parts` along the first dimension of its tensors; other values go to every part.

    Raises:
        UserError: the parts do not divide the rows.
    """
    if parts == 1:
        return [draw]
    length = next(len(value) for value in draw.values() if isinstance(value, Tensor))
    if length % parts:
        raise UserError(f"model.micro_batches={parts}: does not divide a batch of {length} (data.batch_size)")
    size = length // parts
    return [
        {name: value[i * size : (i + 1) * size] if isinstance(value, Tensor) else value for name, value in draw.items()}
        for i in range(parts)
    ]


@contextmanager
def evaluating(*modules: nn.Module) -> Iterator[None]:
    """Put modules in evaluation mode without gradients, and back.

    Compiled networks are called uncompiled meanwhile: each number of pictures would be compiled anew, tens of seconds.
    (`torch.compiler.set_stance` is the whole process's: two threads that enter and leave in turns would leave it set.)
    """
    modes = [module.training for module in modules]
    compiled = [module._compiled_call_impl for module in modules]
    for module in modules:
        module.eval()
        module._compiled_call_impl = None
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode, call in zip(modules, modes, compiled, strict=True):
            module.train(mode)
            module._compiled_call_impl = call


def spaced(batch: Batch, n: int) -> Batch:
    """Return at most `n` samples of a batch that lie evenly over it: of sorted folders the first ones are all of a kind."""
    length = len(next(iter(batch.values())))
    rows = [index * length // n for index in range(n)] if length > n else list(range(length))
    return {name: value[rows] for name, value in batch.items()}


def unseen(images: Tensor, seen: set[bytes]) -> Tensor:
    """Return those of images [N, C, H, W] that are not in `seen`; they now are.

    Of two domains the smaller one is handed out again and again, and a distance would count a photo's copies as so many.
    """
    rows = []
    for row, image in enumerate(images.cpu()):
        key = hashlib.sha256(image.contiguous().numpy().tobytes()).digest()
        if key not in seen:
            seen.add(key)
            rows.append(row)
    return images[rows]


def linear_decay(start: float = 0.5) -> Schedule:
    """Return a schedule: 1 until the share `start` of the budget is spent, then linearly to 0 at its end.

    Source: Zhu et al. 2017, arXiv:1703.10593, appendix 7.1 (100 epochs constant, 100 decaying: start = 0.5).
    """

    def schedule(progress: float) -> float:
        return 1.0 if progress <= start else max(0.0, (1.0 - progress) / (1.0 - start))

    return schedule


def cosine(warm_up: float = 0.0, floor: float = 0.0) -> Schedule:
    """Return a schedule: linearly up over the share `warm_up` of the budget, then down to `floor` along a cosine.

    Source: Loshchilov and Hutter 2017, arXiv:1608.03983, eq. 5, without restarts.
    """

    def schedule(progress: float) -> float:
        if progress < warm_up:
            return max(progress / warm_up, 0.01)
        along = min(1.0, (progress - warm_up) / (1 - warm_up))
        return floor + (1 - floor) * (1 + math.cos(math.pi * along)) / 2

    return schedule


def burn_in(first: float, last: float, share: float = 0.2) -> Schedule:
    """Return a schedule: from `first` to `last` along half a cosine over the share `share` of the budget, then `last`.

    Source: the schedules of the code of Huang et al. 2024, arXiv:2501.05441.
    Differs from paper: a share of the budget, where theirs is a number of images.
    """

    def schedule(progress: float) -> float:
        along = min(1.0, progress / share)
        return last + (first - last) * (1 + math.cos(math.pi * along)) / 2

    return schedule


def rng_state() -> dict[str, Any]:
    """Return the state of every global random number generator, in tensors and plain containers."""
    name, keys, *rest = np.random.get_state()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state() if torch.cuda.is_available() else None,
        "numpy": [name, torch.from_numpy(np.asarray(keys).astype(np.int64)), *rest],
        "python": random.getstate(),
    }


@contextmanager
def untouched_rng() -> Iterator[None]:
    """Leave the global random number generators as they were, whatever happens inside."""
    state = rng_state()
    try:
        yield
    finally:
        load_rng_state(state)


def load_rng_state(state: dict[str, Any]) -> None:
    """Take back what `rng_state` gave."""
    torch.set_rng_state(state["torch"].cpu())
    if state["cuda"] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"].cpu())
    name, keys, position, *rest = state["numpy"]
    if name != "MT19937" or keys.shape != (624,) or not 0 <= int(position) <= 624:
        raise ValueError("no state of numpy's generator")  # which looks at none of it, and would read beyond its keys
    np.random.set_state((name, keys.numpy().astype(np.uint32), int(position), *rest))
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
