"""The diagnoses that loss terms and gradients give, one pure function each. docs/doctor.md has their thresholds' reasons.

Each takes the figures so far and what is known of the patient, and returns what it finds, or None.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean, median
from typing import Literal

import numpy as np

from gan_lab.callbacks.doctor.findings import EARLY, HEALTHY, WARM_UP, Finding
from gan_lab.callbacks.doctor.history import History, Series

#: Iterations over which a term must misbehave without a break, and how many of its logged values must be among them.
WINDOW, VALUES = 500, 20
#: Recall in ImageNet features below which samples have nothing in common with photos, and the iterations within which it must
#: have risen above. Colours without a thing, one picture over and over, and blurred photos are at 0.00 to 0.02.
RECALL, DRAWN_BY = 0.05, 2000
#: The figure that says so; in a random VGG's features it would say nothing.
RECALL_FIGURE, PRECISION_FIGURE = "val/recall_efficientnet_lite1", "val/precision_efficientnet_lite1"


@dataclass(frozen=True)
class Patient:
    """What the diagnoses need to know of a run beside its figures.

    Attributes:
        monitor: the validation figure that `best.ckpt` follows, and its better direction.
        generator_rate: the option that sets the (first) optimiser's learning rate, and its value.
        discriminator_rate: likewise for D; empty without one.
        critic: whether D's zero means nothing, as a Wasserstein critic's.
        diameter: the largest distance of two images, the root of 4*C*H*W.
        augmentable: whether the method takes `model/augment`.
        augmented: whether it has one.
        adaptive: whether that one steers its own strength, as ADA does.
        averageable: whether the method can average its generator, and does not.
        generates: whether it makes pictures of noise.
        relativistic: whether D's loss is of pairs.
        r1: the weight of its penalty on D's gradient at photos; None without.
        moves: options of the data that would show D each photo in more ways, and are off.
    """

    monitor: tuple[str, Literal["min", "max"]] = ("", "min")
    generator_rate: tuple[str, float] = ("model.generator_optimizer.lr", 2e-4)
    discriminator_rate: tuple[str, float] = ("model.discriminator_optimizer.lr", 2e-4)
    critic: bool = False
    diameter: float = math.inf
    augmentable: bool = False
    augmented: bool = False
    adaptive: bool = False
    averageable: bool = False
    generates: bool = False
    relativistic: bool = False
    r1: float | None = None
    moves: tuple[str, ...] = ()

    def hold(self) -> str:
        """Return how to keep D's gradient small: by a penalty, or by a heavier one."""
        if self.r1 is not None:
            return f"hold the discriminator's gradient harder (model.penalties.r1.weight={10 * self.r1:g})"
        return "hold the discriminator's gradient (++model.penalties.r1='{_target_: gan_lab.losses.R1, weight: 1}')"

    def slower(self, which: Literal["generator", "discriminator"], factor: float = 0.5) -> str:
        """Return the override that makes a network slower."""
        option, rate = self.generator_rate if which == "generator" else self.discriminator_rate
        return f"{option}={rate * factor:.2g}"


Diagnosis = Callable[[History, Patient], Finding | None]


def get_window(history: History, name: str) -> Series:
    """Return a term's newest window, or nothing while it is too short."""
    return history.window(name, WINDOW, VALUES, WARM_UP)


def find_saturation(history: History, patient: Patient) -> Finding | None:
    """Find a D that is never wrong, and does not become less sure of it: G has no way to go on."""
    if patient.critic:
        return _boundless(history, patient)
    for name in history.names("train/accuracy_d"):
        window, side = get_window(history, name), name.removeprefix("train/accuracy_d")
        if not window or min(value for _, value in window) < 0.99 or fmean(value for _, value in window) < 0.995:
            continue
        entropy = [value for _, value in get_window(history, f"train/cross_entropy_d{side}")] or [0.0]
        quarter = max(1, len(entropy) // 4)
        before, now = fmean(entropy[:quarter]), fmean(entropy[-quarter:])
        if now > 1.25 * before:  # G is catching up
            continue
        augment = (
            ", or give it more to see (model/augment=ada)" if patient.augmentable and not patient.augmented else ""
        )
        return Finding(
            "discriminator saturated",
            window[0][0],
            {name: fmean(value for _, value in window), f"train/cross_entropy_d{side}": now},
            f"the discriminator{side.replace('_', ' ')} tells every photo from every picture (accuracy {window[-1][1]:.2f} for "
            f"{window[-1][0] - window[0][0]:,} iterations) and the generator learns nothing from it",
            f"lower its rate ({patient.slower('discriminator')}), or {patient.hold()}{augment}",
        )
    return None


def _boundless(history: History, patient: Patient) -> Finding | None:
    """Find a critic whose logits are farther apart than any images: it is not 1-Lipschitz, and measures no distance."""
    real, fake = get_window(history, "train/logits_real"), get_window(history, "train/logits_fake")
    gaps = [(iteration, a - b) for (iteration, a), (_, b) in zip(real, fake, strict=False)]
    if not gaps or min(gap for _, gap in gaps) <= patient.diameter:
        return None
    return Finding(
        "discriminator saturated",
        gaps[0][0],
        {"logits_real - logits_fake": gaps[-1][1], "largest distance of two images": patient.diameter},
        f"the critic's logits on photos and pictures are {gaps[-1][1]:.3g} apart, and no two images are more than "
        f"{patient.diameter:.3g}: it measures no Wasserstein distance",
        f"hold its gradient (++model.penalties.gradient_penalty='{{_target_: gan_lab.losses.GradientPenalty, weight: "
        f"10}}'), or lower its rate ({patient.slower('discriminator')})",
    )


def vanishing(history: History, patient: Patient) -> Finding | None:
    """Find a generator whose gradient is gone, against its weights or against its own past."""
    window = get_window(history, "doctor/gradient_g")
    if not window:
        return None
    largest = max(value for _, value in window)
    past = median(value for _, value in history["doctor/gradient_g"][: len(window)])
    if largest >= 1e-7 and largest >= 1e-3 * past:
        return None
    return Finding(
        "vanishing gradient",
        window[0][0],
        {"doctor/gradient_g": largest, "earlier": past},
        f"the generator's gradient is gone ({largest:.1g} of its weights, {past:.1g} earlier), so it stands still",
        f"its outputs or the discriminator's have saturated: start again with a lower rate "
        f"({patient.slower('generator', 0.1)})"
        + (f" and a slower discriminator ({patient.slower('discriminator')})" if patient.discriminator_rate[0] else ""),
    )


def posterior_collapsed(history: History, patient: Patient) -> Finding | None:
    """Find a VAE that uses next to none of its latents."""
    window = get_window(history, "train/active_units")
    if not window or max(value for _, value in window) >= 0.02:
        return None
    return Finding(
        "posterior collapse",
        window[0][0],
        {"train/active_units": window[-1][1]},
        f"{window[-1][1]:.0%} of the latents carry anything: the decoder draws the same picture for every one",
        "lower model.lambda_kl to a tenth, or let it rise slowly (model.kl_warm_up=0.3), or give model.free_bits=0.05",
    )


def oscillating(history: History, patient: Patient) -> Finding | None:
    """Find a loss that swings to and fro with one period and goes nowhere."""
    for name in history.names("train/loss"):
        series = [(iteration, value) for iteration, value in history[name] if iteration > WARM_UP][-256:]
        if len(series) < 96:
            continue
        period, likeness = swing([value for _, value in series])
        if not period:
            continue
        step = (series[-1][0] - series[0][0]) / (len(series) - 1)
        slower = patient.slower("discriminator" if patient.discriminator_rate[0] else "generator")
        advice = [f"lower the rates ({slower})"]
        if patient.discriminator_rate[0]:
            advice.append(patient.hold())
        if patient.averageable:
            advice.append("show the averaged generator (model.ema_half_life=10000)")
        return Finding(
            "oscillation",
            series[0][0],
            {name: series[-1][1], "period": period * step, "correlation after a period": likeness},
            f"{name} swings with a period of {period * step:,.0f} iterations and no trend"
            + (": the networks chase each other" if patient.discriminator_rate[0] else ""),
            ", ".join(advice),
        )
    return None


def swing(values: list[float]) -> tuple[int, float]:
    """Return the period of a series in steps, 0 if it has none, and its correlation with itself a period later.

    It has one where, after a line is taken off, it is unlike itself half a period later and alike a whole one and two later.
    At least four periods must have been seen, so that a single hump is none.
    """
    x = np.asarray(values, dtype=float)
    if not np.isfinite(x).all():
        return 0, 0.0
    steps = np.arange(len(x))
    slope, start = np.polyfit(steps, x, 1)
    rest = x - (slope * steps + start)
    if rest.std() <= 0.02 * abs(x.mean()) or abs(slope) * len(x) > 2 * rest.std() * 12**0.5:
        return 0, 0.0  # it hardly moves, or it moves along the line
    products = np.correlate(rest, rest, "full")[len(x) - 1 :][: len(x) // 2]
    alike = (products / (len(x) - np.arange(len(products))) / rest.var()).tolist()
    trough = next((lag for lag in range(1, len(x) // 8) if alike[lag] < -0.5), 0)
    if not trough:
        return 0, 0.0
    period = max(range(trough + 1, min(3 * trough + 2, len(x) // 4)), key=lambda lag: alike[lag], default=0)
    if not period or alike[period] < 0.6 or max(alike[2 * period - 1 : 2 * period + 2], default=0.0) < 0.5:
        return 0, 0.0
    return period, alike[period]


def plateau(history: History, patient: Patient) -> Finding | None:
    """Find a run whose validation figure has not become better for a third of the run, and ten validations."""
    name, direction = patient.monitor
    series = [(iteration, value) for iteration, value in history[name] if math.isfinite(value)]
    if not series:
        return None
    best_at, best = (min if direction == "min" else max)(series, key=lambda point: point[1])
    since = [point for point in series if point[0] > best_at]
    if len(since) < 10 or best_at > 2 / 3 * series[-1][0] or series[-1][0] <= WARM_UP:
        return None
    return Finding(
        "plateau",
        best_at,
        {name: series[-1][1], "best": best},
        f"{name} was best at iteration {best_at:,} ({best:.4g}) and has not been better in {len(since)} validations since",
        "stop here and use checkpoints/best.ckpt, which is of that iteration; more of the same will not help",
    )


def find_nothing_drawn(history: History, patient: Patient) -> Finding | None:
    """Find a generator whose samples have nothing in common with photos, in two validations and after time enough."""
    row: Series = []
    for iteration, value in reversed(history[RECALL_FIGURE]):
        if value >= RECALL:
            break
        row.insert(0, (iteration, value))
    if not patient.generates or len(row) < 2 or row[-1][0] < DRAWN_BY:
        return None
    precision = [value for _, value in history[PRECISION_FIGURE]]
    return Finding(
        "nothing drawn",
        row[0][0],
        {RECALL_FIGURE: row[-1][1]} | ({PRECISION_FIGURE: precision[-1]} if precision else {}),
        f"the samples share no features with photos: recall {row[-1][1]:.2f} after {row[-1][0]:,} iterations, and held-out "
        "photos have about 0.7; they may have colours and textures, and show no thing",
        "look at the newest picture in samples/; where nothing on it can be named, train on (trainer.max_minutes=120), or take "
        "experiment=small_catalogue",
    )


def describe_soundness(history: History, patient: Patient, iteration: int) -> str:
    """Return the verdict on a run without findings: "healthy" only where samples have been measured to resemble photos."""
    if iteration <= WARM_UP:
        return EARLY
    if not patient.generates:
        return HEALTHY
    recall = history[RECALL_FIGURE]
    if not recall:
        return "no fault found; its samples have not been compared with held-out photos"
    if recall[-1][1] >= RECALL:
        return HEALTHY
    return f"no fault found, but its samples share no features with photos yet (recall {recall[-1][1]:.2f})"


#: Of what the run logs anyway.
OF_TERMS: tuple[Diagnosis, ...] = (
    find_saturation,
    vanishing,
    posterior_collapsed,
    oscillating,
    plateau,
    find_nothing_drawn,
)
