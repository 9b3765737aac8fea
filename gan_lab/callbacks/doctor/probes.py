"""The diagnoses that a look at pictures gives: the figures of a probe, and one pure function for each thing they show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

from torch import Tensor

from gan_lab.callbacks.doctor.diagnoses import WARM_UP, Diagnosis, Patient
from gan_lab.callbacks.doctor.findings import Finding
from gan_lab.callbacks.doctor.history import History, Series
from gan_lab.metrics import health
from gan_lab.models import Probe

#: Probes in a row that must agree, and the iterations that they must span: one look is no finding.
PROBES, SPAN = 3, 200
#: Variety, as a share of the photos' own, below which a generator has collapsed.
COLLAPSED = 0.1
#: Correlation of a photo's lightness with its translation's below which colours are inverted.
INVERTED = -0.4
#: Iterations after which a generator that never had more has collapsed: before that it may only be slow to begin.
SLOW = 1500


def measure_probes(
    trained: Sequence[Probe], held_out: Sequence[Probe], augmented: Callable[[Tensor], Tensor] | None
) -> dict[str, float]:
    """Return `doctor/...` figures of what a model shows.

    Args:
        trained: its probes beside training photos.
        held_out: likewise beside photos that it never saw.
        augmented: what the discriminator's augmentation makes of images; None without one.
    """
    figures: dict[str, float] = {}
    for known, new in zip(trained, held_out, strict=True):
        side = new.side
        n = min(len(new.made), len(new.real))
        figures[f"doctor/grid{side}"] = health.grid_levels(new.made)
        figures[f"doctor/grid_photos{side}"] = health.grid_levels(new.real)
        if n > 1:
            figures[f"doctor/variety{side}"] = health.variety(new.made[:n], new.real[:n])
        if new.source is not None:
            figures[f"doctor/luminance{side}"] = health.luminance_correlation(new.source, new.made)
        if new.judge is not None and known.judge is not None and n > 1:
            logits = known.judge(known.real), new.judge(new.real), new.judge(new.made)
            figures[f"doctor/overfitting{side}"], figures[f"doctor/overfitting_z{side}"] = health.overfitting(*logits)
        if augmented is not None and n > 1:
            moved = augmented(known.real), augmented(new.real)
            place = health.leak(new.made, known.real, moved[0], new.real, moved[1])
            if place is not None:
                figures[f"doctor/leak{side}"], figures[f"doctor/leak_error{side}"] = place
    return figures


def find_confirmed(history: History, name: str, wrong: Callable[[float], bool]) -> Series:
    """Return the newest unbroken row of wrong values of a figure, or nothing while it is short."""
    row: Series = []
    for iteration, value in reversed(history[name]):
        if iteration <= WARM_UP or not wrong(value):
            break
        row.insert(0, (iteration, value))
    return row if len(row) >= PROBES and row[-1][0] - row[0][0] >= SPAN else []


def find_collapse(history: History, patient: Patient) -> Finding | None:
    """Find a generator that draws a few pictures over and over."""
    for name in history.names("doctor/variety"):
        row = find_confirmed(history, name, lambda value: value < COLLAPSED)
        had_more = any(value >= COLLAPSED for _, value in history[name])
        if row and not had_more and row[-1][0] - row[0][0] < SLOW:
            continue
        if row and history.names("train/accuracy_d"):  # without a D it is no game that can be lost
            return Finding(
                "mode collapse",
                row[0][0],
                {name: row[-1][1]},
                f"the generator draws a few pictures over and over (a picture is {row[-1][1]:.0%} as far from the one most "
                "like it as photos are)",
                f"lower its rate ({patient.slower('generator')}), {patient.hold()}"
                + (
                    ""
                    if patient.relativistic or not patient.generates
                    else ", or take experiment=narrow_r3gan, whose loss was made against it"
                ),
            )
    return None


def find_overfitting(history: History, patient: Patient) -> Finding | None:
    """Find a D that knows its training photos by heart."""
    for name in history.names("doctor/overfitting"):
        if "_z" in name:
            continue
        side = name.removeprefix("doctor/overfitting")
        row = find_confirmed(history, name, lambda value: value > 0.5)
        sure = find_confirmed(history, f"doctor/overfitting_z{side}", lambda value: value > 3)
        if row and sure:
            more = ["model/augment=ada"] if patient.augmentable and not patient.augmented else []
            stronger = ["model.augment.target=0.5"] if patient.adaptive else []
            return Finding(
                "discriminator overfits",
                max(row[0][0], sure[0][0]),
                {name: row[-1][1]},
                f"the discriminator knows its training photos by heart: it puts held-out photos {row[-1][1]:.0%} of the way "
                "from them to made pictures",
                f"augment what it sees ({', '.join([*more, *stronger, *patient.moves])}), get more photos, or stop: best.ckpt "
                "is the best so far"
                if more or stronger or patient.moves
                else "get more photos, or stop: best.ckpt is the best so far",
            )
    return None


def leaking(history: History, patient: Patient) -> Finding | None:
    """Find a generator that draws what the discriminator's augmentation does to photos."""
    row = find_confirmed(history, "doctor/leak", lambda value: value > 0.6)
    errors = dict(history["doctor/leak_error"])
    # of some dozen pictures the place alone is a throw of dice: what is left below it must be well above 0, too
    if not row or any(value - 2 * errors.get(iteration, 0.0) < 0.25 for iteration, value in row[-PROBES:]):
        return None
    return Finding(
        "augmentation leaks",
        row[0][0],
        {"doctor/leak": row[-1][1]},
        f"the pictures look as augmented photos do, turned, moved or tinted (by their neighbours, {row[-1][1]:.0%} of the way "
        "from photos to augmented ones)",
        (
            "augment less: a lower bound (model.augment.max_p=0.5), fewer kinds (model.augment.colour=false), or "
            "model/augment=none where photos are many"
            if patient.adaptive
            else "augment no more than is needed (model/augment=ada), or not at all where photos are many (model/augment=none)"
        ),
    )


def find_inversion(history: History, patient: Patient) -> Finding | None:
    """Find a translation that makes dark of light."""
    for name in history.names("doctor/luminance"):
        row = find_confirmed(history, name, lambda value: value < INVERTED)
        if row:
            return Finding(
                "colours inverted",
                row[0][0],
                {name: row[-1][1]},
                f"what is light in a photo is dark in the picture made of it (correlation {row[-1][1]:.2f}): the networks have "
                "agreed on a negative, and a cycle undoes it without a trace",
                "start again with another seed (seed=1) and a heavier identity term (model.lambda_identity=1), where there "
                "is one; it does not right itself",
            )
    return None


def find_grid(history: History, patient: Patient) -> Finding | None:
    """Find pictures with the grid of strided layers on them."""
    for name in history.names("doctor/grid"):
        if name.startswith("doctor/grid_photos"):
            continue
        photos = [value for _, value in history[name.replace("grid", "grid_photos")]]
        usual = fmean(photos) if photos else 0.0
        row = find_confirmed(history, name, lambda value, usual=usual: value > 8 + 2 * usual)  # type: ignore[misc]
        if row:
            return Finding(
                "checkerboard",
                row[0][0],
                {name: row[-1][1], "photos": usual},
                f"a grid of 2 or 4 pixels lies over the pictures ({row[-1][1]:.1f} levels of 255; photos have {usual:.1f})",
                "take a generator that enlarges before it convolves (model=sngan for new pictures, "
                "model.generator.resampling=resize to translate), or "
                f"lower its rate ({patient.slower('generator')}) if it had none before",
            )
    return None


OF_PROBES: tuple[Diagnosis, ...] = (find_collapse, find_overfitting, leaking, find_inversion, find_grid)
