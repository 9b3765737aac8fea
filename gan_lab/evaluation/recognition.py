"""Whether generated images show the class that they were asked for."""

from __future__ import annotations

import torch

from gan_lab.evaluation.heldout import HeldOut
from gan_lab.evaluation.probe import choose_probe_features, count_hits, describe_probe, fit_probe
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
    extractor: str,
    device: torch.device,
) -> Report:
    """Return how many samples a linear probe of the training photos names as the class asked for, and how many photos.

    Args:
        training: photos to fit it to, with labels.
        held_out: photos, with labels.
        samples: with the labels that they were asked for by.
        classes: how many.
        mirror: whether a mirrored photo is of the same class.
        extractor: the key of the features that the images have already; they are not computed again.
        device: where features are computed.

    Raises:
        UserError: the file of the features' network is damaged.
    """
    features = choose_probe_features(device)
    known = extractor == features.key
    mirrored = training.pixels.flip(-1) if mirror else training.pixels[:0]
    fresh = len(mirrored) + (0 if known else len(training) + len(samples) + len(held_out))
    with Progress("recognising", fresh) as progress:
        f_train, f_samples, f_held_out = (
            images.features.double() if known else features.embed(images.pixels, progress)
            for images in (training, samples, held_out)
        )
        if mirror:
            f_train = torch.cat([f_train, features.embed(mirrored, progress)])
    probe = fit_probe(f_train, training.labels.repeat(1 + mirror), classes)
    shares = {
        name: interval_of_share(count_hits(probe, found, images.labels), len(images))
        for name, found, images in (("accuracy", f_samples, samples), ("accuracy_held_out", f_held_out, held_out))
    }
    return Report(
        rows=[["named as the class asked for", *map(str, shares.values())]],
        figures={"recognised": list_with_intervals(shares) | {"features": features.key}},
        protocol={
            "recognised": f"by a classifier of {len(training)} training photos: {describe_probe(features)}; 95 % of a share "
            "(Wilson), over images"
        },
        notes=[features.caution] if features.caution else [],
    )


def has_same_classes(pretrained: Pretrained, photos: HeldOut) -> bool:
    """Return whether a model is conditional and has the photos' classes."""
    return pretrained.conditional and list(photos.class_names) == list(pretrained.model.class_names)
