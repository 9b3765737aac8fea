"""What generated images are worth to a classifier that is to be trained on few photos."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gan_lab.errors import UserError
from gan_lab.evaluation.classifier import DESCRIPTION, ITERATIONS, count_hits, train_classifier
from gan_lab.evaluation.heldout import EvaluationPhotos, HeldOut
from gan_lab.evaluation.recognition import has_same_classes
from gan_lab.evaluation.report import Report
from gan_lab.evaluation.sets import list_with_intervals
from gan_lab.inference import Pretrained
from gan_lab.jobs import Progress
from gan_lab.metrics import interval_of_mean

#: Trainings for an interval at least, and training photos that are read at most.
FEWEST_SEEDS, MOST_PHOTOS = 3, 20_000


def evaluate_augmentation(
    pretrained: Pretrained, photos: HeldOut, *, n: int | None = None, seeds: int = 5, seed: int = 0
) -> Report:
    """Measure the use of samples for training: the accuracies of classifiers trained on photos, samples and both.

    Args:
        pretrained: generates by label.
        photos: held out, to test on; with training photos.
        n: samples in each training; None: as many as training photos.
        seeds: trainings of each kind, each with other samples, weights and order.
        seed: the first one.

    Raises:
        UserError: the model takes no labels; the photos have no classes, or others, or none are for training; `seeds` is
            below 3.
    """
    training = check_labels(pretrained, photos)
    if isinstance(seeds, bool) or not isinstance(seeds, int) or seeds < FEWEST_SEEDS:
        raise UserError(f"seeds={seeds}: an interval over trainings needs at least {FEWEST_SEEDS}")
    indices = training.draw_indices(MOST_PHOTOS, seed)
    n = len(indices) if n is None else n
    with Progress("reading", len(indices) + len(photos)) as progress:
        real = read_labelled(training, indices, progress)
        test = read_labelled(photos, range(len(photos)), progress)
    correct: dict[str, list[float]] = {"real": [], "generated": [], "both": []}
    with Progress("training classifiers", 3 * seeds * ITERATIONS, unit="updates") as progress:
        for number in range(seed, seed + seeds):
            fake = sample_images(pretrained, n, number, real[1])
            both = tuple(torch.cat(parts) for parts in zip(real, fake, strict=True))
            for kind, (images, labels) in zip(correct, (real, fake, both), strict=True):
                classifier = train_classifier(
                    images,
                    labels,
                    len(photos.class_names),
                    seed=number,
                    mirror=photos.mirrored,
                    device=pretrained.model.device,
                    progress=progress,
                )
                correct[kind].append(count_hits(classifier, *test) / len(photos))
    return report_usefulness(correct, len(indices), n, len(photos))


def report_usefulness(correct: dict[str, list[float]], n_real: int, n: int, n_test: int) -> Report:
    """Return the report of accuracies by kind of training, seed by seed."""
    gain = [both - real for both, real in zip(correct["both"], correct["real"], strict=True)]
    figures = {kind: interval_of_mean(values) for kind, values in correct.items()} | {"gain": interval_of_mean(gain)}
    titles = {"real": f"{n_real} photos", "generated": f"{n} samples", "both": f"{n_real} photos and {n} samples"}
    rows = [[title, str(figures[kind])] for kind, title in titles.items()]
    useful, harmful = figures["gain"].low > 0, figures["gain"].high < 0
    return Report(
        title=f"Usefulness of samples to a classifier, tested on {n_test} held-out photos",
        columns=["trained on", "accuracy"],
        rows=[*rows, ["gain by the samples", str(figures["gain"])]],
        figures=list_with_intervals(figures) | {"accuracies": correct},
        protocol={
            "n_real": n_real,
            "n": n,
            "n_test": n_test,
            "seeds": len(gain),
            "classifier": f"{DESCRIPTION}; as many updates whatever it is trained on",
            "labels": "the samples have the classes of the training photos, in the same shares",
            "intervals": "95 %, by Student over trainings, each with other samples, weights and order; the gain is by "
            "pairs of one seed. They do not cover which photos are held out",
        },
        notes=[
            "The samples help this classifier."
            if useful
            else "The samples harm this classifier."
            if harmful
            else "Whether the samples help this classifier cannot be told from these trainings."
        ],
    )


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


def read_labelled(photos: EvaluationPhotos, indices: Any, progress: Progress) -> tuple[Tensor, Tensor]:
    """Return photos as uint8 [N, C, H, W], with their labels [N]."""
    images, labels = [], []
    for batch in photos.batches(indices):
        images.append(((batch["image"] + 1) * 127.5).round().byte())
        labels.append(batch["label"])
        progress.advance(len(batch["image"]))
    return torch.cat(images), torch.cat(labels)


def sample_images(pretrained: Pretrained, n: int, seed: int, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return n samples as uint8 [N, C, H, W], which take the given labels in turn, with these."""
    images = torch.cat(
        [torch.from_numpy(part).permute(0, 3, 1, 2) for part in pretrained.samples(n, seed, labels.tolist())]
    )
    return images, labels[torch.arange(n) % len(labels)]
