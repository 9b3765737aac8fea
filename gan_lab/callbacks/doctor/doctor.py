"""The training doctor: when it looks, and what it does with what it finds."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.plugins import MixedPrecision
from torch import Tensor

from gan_lab.augment import Adaptive
from gan_lab.callbacks.doctor.diagnoses import (
    OF_TERMS,
    PRECISION_FIGURE,
    RECALL_FIGURE,
    WARM_UP,
    Patient,
    describe_soundness,
)
from gan_lab.callbacks.doctor.findings import Finding, Record
from gan_lab.callbacks.doctor.history import History
from gan_lab.callbacks.doctor.probes import OF_PROBES, measure_probes
from gan_lab.callbacks.figures import TermsLogger, load_held_out, log_figures
from gan_lab.callbacks.spared import survive_errors
from gan_lab.losses import Wasserstein
from gan_lab.models import CUT, GAN, AdversarialModule, Enhancer, ManualModule, TrainingDivergedError
from gan_lab.options import check_whole, split_sides
from gan_lab.rng import preserve_rng

log = logging.getLogger(__name__)

#: Share of a run's time that probes may take: where one takes long, they are farther apart.
SHARE = 0.01
#: Iterations up to which inverted colours make a run start again: later they come from something else than the first weights.
EARLY = 1000
#: Photos of either kind in a probe: twice a batch, within these bounds.
PHOTOS = (8, 64)


class Doctor(Callback):
    """Read what the run computes anyway, look at a few pictures now and then, and say in plain words what is wrong.

    Nothing it does moves the run, until it stops one whose pictures have become all alike, or, once, a cycle that began by
    inverting colours: see `gan_lab.run.rollback`. Of several processes the first one is looked at, and none is stopped.

    Args:
        path: of the record; None: `doctor.json` in the run's folder.
        every_n_iterations: from one look to the next, at least.
        share: of the time spent so far that probes may have taken, the one to come included.
        rollbacks: how often the run may go back.
    """

    def __init__(
        self, path: str | Path | None = None, every_n_iterations: int = 100, share: float = SHARE, rollbacks: int = 0
    ) -> None:
        check_whole("callbacks.doctor.every_n_iterations", every_n_iterations, at_least=1)
        self.every_n_iterations = every_n_iterations
        self.share = share
        self.rollbacks = rollbacks
        self.path = None if path is None else Path(path)
        self.record = Record(self.path or Path("doctor.json"))
        self.history = History()
        self.seconds = 0.0
        self._probes = 0.0
        self._last_probe = 0.0
        self._start = 0.0
        self._read: dict[str, float] = {}
        self._photos: tuple[dict[str, Any], dict[str, Any]] | None = None

    # ------------------------------------------------------------------------------------------------ Lightning's hooks

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Start the stopwatch; take up the record of a run that goes on."""
        self._start = time.monotonic()
        path = self.path or Path(trainer.default_root_dir) / "doctor.json"
        again = pl_module.iteration or pl_module.rollbacks
        self.record = Record.read(path, pl_module.iteration) if again else Record(path)

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Note what was logged, and look when it is time. Runs before checkpoints are written (the callbacks' order).

        Raises:
            TrainingDivergedError: the generator has collapsed, or a young cycle makes dark of light.
        """
        if not trainer.is_global_zero:
            return
        begin = time.monotonic()
        self._note(trainer, pl_module)
        if pl_module.iteration % self.every_n_iterations == 0 or trainer.should_stop:
            if pl_module.iteration >= WARM_UP and self._affordable(begin):
                with preserve_rng():
                    self._probe(trainer, pl_module, batch)
                self._last_probe = time.monotonic() - begin
                self._probes += self._last_probe
            self._conclude(trainer, pl_module)
        self.seconds += time.monotonic() - begin
        failure = self.record.findings.get("mode collapse") or self.find_inversion_at_start(pl_module)
        if failure is not None and trainer.world_size == 1:
            message = f"iteration {pl_module.iteration}: {failure}"
            raise TrainingDivergedError(
                message, failure.what, failure.since, pl_module.rollbacks, evidence=failure.evidence
            )

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Put a loss that is not finite on record."""
        if not isinstance(exception, TrainingDivergedError) or not trainer.is_global_zero:
            return
        if exception.what not in self.record.findings:
            says, _, advice = str(exception).partition(" Try ")
            finding = Finding(exception.what, exception.since, exception.evidence, says.rstrip("."), f"try {advice}")
            self.record.update([*self.record.findings.values(), finding], exception.since)
        with survive_errors("doctor.json"):
            self.record.write(exception.since)

    def state_dict(self) -> dict[str, Any]:
        """Return the figures seen so far."""
        return {"history": self.history.plain()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what was seen before."""
        self.history = History(state_dict["history"])

    # ------------------------------------------------------------------------------------------------ inside

    def _note(self, trainer: Trainer, model: Any) -> None:
        """Take the terms that were just logged, with G's gradient beside them, and fresh validation figures."""
        terms = next((c for c in trainer.callbacks if isinstance(c, TermsLogger)), None)  # type: ignore[attr-defined]
        if terms is not None and terms.latest is not self._read:
            self._read = terms.latest
            self.history.add(model.iteration, terms.latest | measure_gradient(trainer))
        figures = {name: value for name, value in model.fresh_figures.items() if math.isfinite(value)}
        self.history.add(model.iteration, figures)

    def find_inversion_at_start(self, model: Any) -> Finding | None:
        """Return inverted colours for which the run is to start again, as if they were there from its first iteration on.

        Once, for they may be what the domains ask for: dark grounds made white. And where there is a cycle, which undoes
        them without a trace; what is trained on pairs has seen the right colours.
        """
        finding = self.record.findings.get("colours inverted")
        if finding is None or len(model.directions) < 2 or model.rollbacks or not self.rollbacks:
            return None
        return replace(finding, since=1) if finding.since <= EARLY else None

    def _affordable(self, now: float) -> bool:
        return self._probes + self._last_probe <= self.share * (now - self._start)

    def _probe(self, trainer: Trainer, model: Any, batch: dict[str, Any]) -> None:
        if self._photos is None:
            self._photos = load_photos(
                trainer, next(len(value) for value in batch.values() if isinstance(value, Tensor))
            )
        augments = isinstance(model, AdversarialModule) and model.augment is not None
        with torch.no_grad():
            trained, kept = (model.probe(photos) for photos in self._photos)
            figures = measure_probes(trained, kept, model.apply_augment if augments else None)
        self.history.add(model.iteration, figures)

    def _conclude(self, trainer: Trainer, model: Any) -> None:
        """Diagnose, log, and write the file if anything has changed."""
        patient = describe_patient(trainer, model)
        found = [diagnosis(self.history, patient) for diagnosis in (*OF_TERMS, *OF_PROBES)]
        new, gone = self.record.update([finding for finding in found if finding is not None], model.iteration)
        for finding in new:
            log.warning("iteration %d: %s", model.iteration, finding)
        for finding in gone:
            log.info("iteration %d: no longer so: %s", model.iteration, finding.says)
        named = [
            *self.history.names("doctor/"),
            *self.history.names(PRECISION_FIGURE),
            *self.history.names(RECALL_FIGURE),
        ]
        self.record.figures = {name: self.history[name][-1][1] for name in named}
        said, self.record.sound = self.record.sound, describe_soundness(self.history, patient, model.iteration)
        self.record.share = self.seconds / max(time.monotonic() - self._start, 1e-9)
        if new or gone or said != self.record.sound or trainer.should_stop or not self.record.path.exists():
            with survive_errors("doctor.json"):
                self.record.write(model.iteration)
        fresh = {
            name: series[-1][1]
            for name in self.history.names("doctor/")
            if (series := self.history[name])[-1][0] == model.iteration
        }
        log_figures(trainer, fresh | {"doctor/findings": float(len(self.record.findings))}, model.iteration)


def measure_gradient(trainer: Trainer) -> dict[str, float]:
    """Return the norm of the gradient that the first optimiser, the generator's, went by, as a share of its weights'.

    It is what the last update left, so it costs no backward pass. A loss scaler's is scaled, and not taken.
    """
    plugin = trainer.precision_plugin
    if isinstance(plugin, MixedPrecision) and plugin.scaler is not None:
        return {}
    parameters = [p for group in trainer.optimizers[0].param_groups for p in group["params"] if p.grad is not None]
    if not parameters:
        return {}
    with torch.no_grad():
        gradient = torch.stack(torch._foreach_norm([p.grad for p in parameters])).norm()
        weights = torch.stack(torch._foreach_norm(parameters)).norm()
    return {"doctor/gradient_g": float(gradient / weights.clamp_min(1e-12))}


def load_photos(trainer: Trainer, batch_size: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return as many training photos and held-out ones; without the latter, training photos in their place."""
    n = min(PHOTOS[1], max(PHOTOS[0], 2 * batch_size))
    loader: Any = trainer.train_dataloader
    parts = list(load_held_out(trainer, n))
    if parts:
        kept = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
        n = len(next(iter(kept.values())))
    else:
        kept = loader.collate_fn([loader.dataset[position] for position in range(n, 2 * n)])
    return loader.collate_fn([loader.dataset[position] for position in range(n)]), kept


def describe_patient(trainer: Trainer, model: ManualModule) -> Patient:
    """Return the facts of a run that the diagnoses need."""
    rates = [group.get("initial_lr", group["lr"]) for group in (o.param_groups[0] for o in trainer.optimizers)]
    data: Any = trainer.datamodule  # type: ignore[attr-defined]
    crop = () if data.augmentation.crop else ("data.crop=true",)
    flip = () if data.augmentation.flip else ("data.flip=0.5 where goods look two ways",)
    patient = Patient(
        monitor=model.monitor,
        generator_rate=(f"model.{model.first_optimizer}.lr", rates[0]),
        discriminator_rate=("model.discriminator_optimizer.lr", rates[1]) if len(rates) > 1 else ("", 0.0),
        diameter=2 * math.sqrt(data.channels * math.prod(split_sides(data.image_size))),
        averageable=isinstance(model, GAN | CUT | Enhancer) and model.generator_ema is None,
        generates=model.task == "generation",
        moves=(*crop, *flip),
    )
    if not isinstance(model, AdversarialModule):
        return patient
    parts = [] if model.augment is None else list(model.augment.modules())
    return replace(
        patient,
        critic=isinstance(model.adversarial, Wasserstein),
        relativistic=model.adversarial.relativistic,
        augmentable=model.augmentable,
        augmented=model.augment is not None,
        adaptive=any(isinstance(part, Adaptive) and part.adaptive for part in parts),
        r1=model.penalties["r1"].weight if "r1" in model.penalties else None,
    )
