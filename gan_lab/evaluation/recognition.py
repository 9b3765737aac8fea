"""Whether generated images show the class that they were asked for."""

from __future__ import annotations

import torch

from gan_lab.evaluation.classifier import DESCRIPTION, ITERATIONS, count_hits, train_classifier
from gan_lab.evaluation.heldout import HeldOut
from gan_lab.evaluation.report import Report
from gan_lab.evaluation.sets import ImageSet, list_with_intervals
from gan_lab.inference import Pretrained
from gan_lab.jobs import Progress
from gan_lab.metrics import interval_of_share


def measure_recognition(
    training: ImageSet,
    held_out: ImageSet,
    samples: ImageSet,
    classes: int,
    *,
    mirror: bool,
    seed: int,
    device: torch.device,
) -> Report:
    """Return how many samples a classifier of the training photos names as the class asked for, and how many photos."""
    with Progress("training a classifier", ITERATIONS, unit="updates") as progress:
        classifier = train_classifier(
            training.pixels, training.labels, classes, seed=seed, mirror=mirror, device=device, progress=progress
        )
    shares = {
        name: interval_of_share(count_hits(classifier, images.pixels, images.labels), len(images))
        for name, images in (("accuracy", samples), ("accuracy_held_out", held_out))
    }
    return Report(
        rows=[["named as the class asked for", *map(str, shares.values())]],
        figures={"recognised": list_with_intervals(shares)},
        protocol={
            "recognised": f"by a classifier trained on {len(training)} training photos: {DESCRIPTION}; 95 % of a share "
            "(Wilson), over images and not over trainings of the classifier"
        },
    )


def has_same_classes(pretrained: Pretrained, photos: HeldOut) -> bool:
    """Return whether a model is conditional and has the photos' classes."""
    return pretrained.conditional and list(photos.class_names) == list(pretrained.model.class_names)
