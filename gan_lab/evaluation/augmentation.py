"""What generated images are worth to a classifier, by how many photos there are to train it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from gan_lab.errors import UserError
from gan_lab.evaluation.extractors import FrozenFeatures
from gan_lab.evaluation.heldout import EvaluationPhotos, HeldOut
from gan_lab.evaluation.probe import choose_probe_features, count_hits, describe_probe, fit_probe
from gan_lab.evaluation.recognition import has_same_classes
from gan_lab.evaluation.report import Picture, Report
from gan_lab.evaluation.sets import list_with_intervals
from gan_lab.inference import Pretrained
from gan_lab.jobs import Progress
from gan_lab.metrics import Interval, interval_of_mean, to_uint8

#: Trainings for an interval at least; training photos that are read, and samples that are made, at most.
FEWEST_SEEDS, MOST_PHOTOS, MOST_SAMPLES = 3, 20_000, 2000
#: Photos of each class to train on; all of them come last.
SIZES = (5, 10, 20, 50, 100, 200)


@dataclass
class CurvePoint:
    """Accuracies of classifiers of one number of photos, by seed.

    Attributes:
        per_class: photos of each class at most; None for all.
        photos: how many they are.
        real: of the photos alone.
        both: of the photos and the samples.
    """

    per_class: int | None
    photos: int
    real: list[float]
    both: list[float]

    def summarise(self) -> dict[str, Interval]:
        """Return the means over seeds with their intervals, and of the gain by pairs of one seed."""
        gain = [both - real for both, real in zip(self.both, self.real, strict=True)]
        return {name: interval_of_mean(v) for name, v in (("real", self.real), ("both", self.both), ("gain", gain))}

    @property
    def title(self) -> str:
        """The number of photos, in words."""
        return "all" if self.per_class is None else str(self.per_class)


def evaluate_augmentation(
    pretrained: Pretrained, photos: HeldOut, *, n: int | None = None, seeds: int = 5, seed: int = 0
) -> Report:
    """Measure the use of samples for training: the accuracies of classifiers of few to all photos, with and without them.

    Args:
        pretrained: generates by label.
        photos: held out, to test on; with training photos.
        n: samples in each training; None: as many as training photos, 2000 at most.
        seeds: trainings of each kind, each with other photos and samples.
        seed: the first one.

    Raises:
        UserError: the model takes no labels; the photos have no classes, or others, or none are for training; `seeds` is
            below 3; the file of the features' network is damaged.
    """
    training = check_labels(pretrained, photos)
    if isinstance(seeds, bool) or not isinstance(seeds, int) or seeds < FEWEST_SEEDS:
        raise UserError(f"seeds={seeds}: an interval over trainings needs at least {FEWEST_SEEDS}")
    features, classes = choose_probe_features(pretrained.model.device), len(photos.class_names)
    indices = training.draw_indices(MOST_PHOTOS, seed)
    n = min(len(indices), MOST_SAMPLES) if n is None else n
    with Progress("reading", len(indices) + len(photos)) as progress:
        real = embed_labelled(training, indices, features, photos.mirrored, progress)
        test = embed_labelled(photos, range(len(photos)), features, False, progress)
    points = [CurvePoint(size, 0, [], []) for size in list_sizes(real[1], classes)]
    generated: list[float] = []
    with Progress("sampling and training classifiers", n * seeds) as progress:
        for number in range(seed, seed + seeds):
            pixels, labels = sample_images(pretrained, n, number, real[1])
            fake = features.embed(pixels, progress)
            generated.append(count_hits(fit_probe(fake, labels, classes), test[0][0], test[1]) / len(photos))
            for point in points:
                rows = choose_rows(real[1], point.per_class, number)
                own = torch.cat([each[rows] for each in real[0]]), real[1][rows].repeat(len(real[0]))
                both = torch.cat([own[0], fake]), torch.cat([own[1], labels])
                point.photos = len(rows)
                for accuracies, (x, y) in ((point.real, own), (point.both, both)):
                    accuracies.append(count_hits(fit_probe(x, y, classes), test[0][0], test[1]) / len(photos))
    report = report_usefulness(points, generated, n, len(photos))
    report.protocol["classifier"] = describe_probe(features)
    report.figures["features"] = features.key
    report.notes += [features.caution] if features.caution else []
    return report


def list_sizes(labels: Tensor, classes: int) -> list[int | None]:
    """Return the numbers of photos of a class for a curve: those below the largest class's, then None for all."""
    largest = int(torch.bincount(labels, minlength=classes).max())
    return [*(size for size in SIZES if size < largest), None]


def choose_rows(labels: Tensor, per_class: int | None, seed: int) -> Tensor:
    """Return the rows of so many photos of each class, drawn by the seed; more of one seed include the fewer."""
    if per_class is None:
        return torch.arange(len(labels))
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    return torch.cat([order[labels[order] == label][:per_class] for label in labels.unique()])


def report_usefulness(points: list[CurvePoint], generated: list[float], n: int, n_test: int) -> Report:
    """Return the report of accuracies by number of photos; the last point is that of all of them."""
    found = [point.summarise() for point in points]
    figures = found[-1] | {"generated": interval_of_mean(generated)}
    rows = [
        [point.title, str(point.photos), *(str(each[name]) for name in ("real", "both", "gain"))]
        for point, each in zip(points, found, strict=True)
    ]
    helped = [p.title for p, each in zip(points, found, strict=True) if each["gain"].low > 0]
    harmed = [p.title for p, each in zip(points, found, strict=True) if each["gain"].high < 0]
    notes = [
        f"The samples {verb} this classifier with {', '.join(titles)} photos of a class."
        for verb, titles in (("help", helped), ("harm", harmed))
        if titles
    ]
    caption = (
        f"Accuracy on held-out photos by the number of photos of a class: grey with the photos alone, blue with {n} samples "
        "beside them; bars are 95 % over trainings."
    )
    return Report(
        title=f"Usefulness of {n} samples to a classifier, tested on {n_test} held-out photos",
        columns=["photos of a class", "photos", "accuracy", "with samples", "gain by the samples"],
        rows=[*rows, ["none", "0", "", str(figures["generated"]), ""]],
        figures=list_with_intervals(figures)
        | {
            "accuracies": {"real": points[-1].real, "generated": generated, "both": points[-1].both},
            "curve": [
                {"per_class": p.per_class, "photos": p.photos, **list_with_intervals(each)}
                for p, each in zip(points, found, strict=True)
            ],
        },
        protocol={
            "n_real": points[-1].photos,
            "n": n,
            "n_test": n_test,
            "seeds": len(generated),
            "labels": "the samples have the classes of the training photos, in the same shares",
            "intervals": "95 %, by Student over trainings, each with other photos and samples; the gain is by pairs of one "
            "seed. They do not cover which photos are held out; with all photos, the photos are the same ones each time",
        },
        notes=notes or ["Whether the samples help this classifier cannot be told from these trainings."],
        pictures={"curve": Picture("Usefulness of samples", caption, draw_curve(points, found))},
    )


def draw_curve(points: list[CurvePoint], found: list[dict[str, Interval]]) -> np.ndarray:
    """Return the curves of a report as a picture, uint8 [320, 560, 3]."""
    height, width, left, low = 320, 560, 60, 270
    canvas = np.full((height, width, 3), 255, np.uint8)
    ends = [end for each in found for name in ("real", "both") for end in (each[name].low, each[name].high)]
    bottom, top = max(0.0, min(ends) - 0.02), min(1.0, max(ends) + 0.02)
    font, black = cv2.FONT_HERSHEY_SIMPLEX, (40, 40, 40)

    def place(position: int, value: float) -> tuple[int, int]:
        across = left + 30 + position * (width - left - 70) // max(1, len(points) - 1)
        return across, round(low - (min(max(value, bottom), top) - bottom) / max(top - bottom, 1e-6) * (low - 30))

    for value in np.linspace(bottom, top, 5):
        line = place(0, float(value))[1]
        cv2.line(canvas, (left, line), (width - 20, line), (225, 225, 225), 1)
        cv2.putText(canvas, f"{value:.2f}", (12, line + 4), font, 0.42, black, 1, cv2.LINE_AA)
    for position, point in enumerate(points):
        cv2.putText(canvas, point.title, (place(position, bottom)[0] - 10, low + 22), font, 0.42, black, 1, cv2.LINE_AA)
    cv2.putText(canvas, "photos of a class", (width // 2 - 60, height - 8), font, 0.42, black, 1, cv2.LINE_AA)
    for shift, (name, colour) in enumerate({"real": (120, 120, 120), "both": (30, 90, 200)}.items()):
        corners = [place(position, each[name].value) for position, each in enumerate(found)]
        cv2.polylines(canvas, [np.array(corners, np.int32)], False, colour, 2, cv2.LINE_AA)
        for position, each in enumerate(found):
            (x, lower), (_, upper) = place(position, each[name].low), place(position, each[name].high)
            cv2.line(canvas, (x + 4 * shift, lower), (x + 4 * shift, upper), colour, 1, cv2.LINE_AA)
            cv2.circle(canvas, corners[position], 3, colour, -1, cv2.LINE_AA)
    return canvas


def check_labels(pretrained: Pretrained, photos: HeldOut) -> EvaluationPhotos:
    """Return the training photos, if these and the model have the same classes.

    Raises:
        UserError: they have not.
    """
    if not pretrained.conditional:
        raise UserError(
            f"task=augmentation: {pretrained.name} was trained without classes, and a classifier needs labels; "
            "train model=cgan on class folders"
        )
    if photos.training is None:
        raise UserError("task=augmentation: the data have no training photos; name data.root= with train/ and test/")
    if not has_same_classes(pretrained, photos):
        own, theirs = (
            ", ".join(map(str, names)) or "none" for names in (pretrained.model.class_names, photos.class_names)
        )
        raise UserError(
            f"data.root: the photos' classes ({theirs}) are not those of {pretrained.name} ({own}); "
            "name the photos that it was trained on"
        )
    return photos.training


def embed_labelled(
    photos: EvaluationPhotos, indices: Any, features: FrozenFeatures, mirror: bool, progress: Progress
) -> tuple[list[Tensor], Tensor]:
    """Return the features [N, D] of photos, with `mirror` those of the mirrored photos too, and their labels [N]."""
    found: list[list[Tensor]] = [[] for _ in range(1 + mirror)]
    labels = []
    for batch in photos.batches(indices):
        pixels = to_uint8(batch["image"])
        for own, each in zip(found, (pixels, pixels.flip(-1)), strict=False):
            own.append(features.embed(each))
        labels.append(batch["label"])
        progress.advance(len(pixels))
    return [torch.cat(parts) for parts in found], torch.cat(labels)


def sample_images(pretrained: Pretrained, n: int, seed: int, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return n samples as uint8 [N, C, H, W], which take the given labels in turn, with these."""
    images = torch.cat(
        [torch.from_numpy(part).permute(0, 3, 1, 2) for part in pretrained.samples(n, seed, labels.tolist())]
    )
    return images, labels[torch.arange(n) % len(labels)]
