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
    training: ImageSet, held_out: ImageSet, samples: ImageSet, classes: int, *, mirror: bool, device: torch.device
) -> Report:
    """Return how many samples a linear probe of the training photos names as the class asked for, and how many photos.

    Args:
        training: photos to fit it to, with labels.
        held_out: photos, with labels.
        samples: with the labels that they were asked for by.
        classes: how many.
        mirror: whether a mirrored photo is of the same class.
        device: where features are computed.

    Raises:
        UserError: the file of the features' network is damaged.
    """
    features = choose_probe_features(device)
    with Progress("recognising", len(training) * (1 + mirror) + len(samples) + len(held_out)) as progress:
        f_train = [
            features.embed(pixels, progress) for pixels in (training.pixels, training.pixels.flip(-1))[: 1 + mirror]
        ]
        probe = fit_probe(torch.cat(f_train), training.labels.repeat(len(f_train)), classes)
        shares = {
            name: interval_of_share(
                count_hits(probe, features.embed(images.pixels, progress), images.labels), len(images)
            )
            for name, images in (("accuracy", samples), ("accuracy_held_out", held_out))
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
