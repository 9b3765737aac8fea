"""Generated images against held-out photos, as sets and one by one."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch
from torch import Tensor

from gan_lab import metrics
from gan_lab.errors import UserError
from gan_lab.evaluation.autoencoding import measure_autoencoding
from gan_lab.evaluation.copying import (
    choose_copy_features,
    find_near_duplicates,
    measure_memorisation,
    place_beside,
    to_hwc,
)
from gan_lab.evaluation.extractors import Extractor
from gan_lab.evaluation.heldout import HeldOut
from gan_lab.evaluation.recognition import has_same_classes, measure_recognition
from gan_lab.evaluation.report import Picture, Report
from gan_lab.evaluation.sets import (
    GROUPS,
    INTERVALS,
    ImageSet,
    compare,
    count_comparisons,
    embed_photos,
    embed_pixels,
    embed_samples,
    list_with_intervals,
)
from gan_lab.inference import Pretrained
from gan_lab.jobs import Progress
from gan_lab.metrics import Interval
from gan_lab.models import VAE
from gan_lab.photo_files import grid

log = logging.getLogger(__name__)

#: Images that are compared unless `n` says otherwise, training photos that are read at most, images of a picture.
DEFAULT_N, MOST_TRAINING, SHOWN = 2000, 10_000, 36
FEWEST = 8


def evaluate_generation(
    pretrained: Pretrained,
    photos: HeldOut,
    extractor: Extractor,
    *,
    n: int | None = None,
    seed: int = 0,
    beside: Extractor | None = None,
) -> Report:
    """Return how samples compare with held-out photos, and beside each figure what real photos reach in their place.

    The floor of a distance is that of as many training photos to the held-out ones. Where the photos are those that the
    model was trained on, copies are looked for; a conditional model is asked whether its samples show their class; a VAE
    is measured by its reconstructions and its likelihood, too.

    Args:
        pretrained: generates.
        photos: single images, with labels where the model is conditional.
        extractor: the embedding.
        n: samples, and photos at most; None: as many as there are photos, 2000 at most.
        seed: of the samples and of the choice of photos.
        beside: another embedding, whose Frechet distance stands in the same table: Inception's FID.

    Raises:
        UserError: too few photos or samples to compare.
    """
    n = min(DEFAULT_N, len(photos)) if n is None else n
    indices = photos.draw_indices(n, seed)
    if len(indices) < FEWEST or n < FEWEST:
        raise UserError(
            f"n={n}: comparing sets needs at least {FEWEST} images and samples; there are {len(photos)} images"
        )
    by_class = has_same_classes(pretrained, photos)
    if pretrained.conditional and not by_class:
        log.warning("The photos have not the classes of %s: samples take all classes in turn", pretrained.name)
    trained = [] if photos.training is None else photos.training.draw_indices(MOST_TRAINING, seed)
    device = pretrained.model.device
    with Progress("reading and generating", len(indices) + n + len(trained)) as progress:
        held_out = embed_photos(photos, indices, extractor, device, progress)
        labels = held_out.labels.tolist() if by_class else None
        samples = embed_samples(pretrained, n, seed, labels, extractor, progress)
        training = None
        if photos.training is not None:
            training = embed_photos(photos.training, trained, extractor, device, progress)
    report = measure_distances(pretrained.name, held_out, samples, training, extractor, seed)
    if beside is not None:
        add_frechet(report, held_out, samples, training, beside, seed, device)
    report.pictures["real_and_generated"] = place_side_by_side(held_out, samples)
    report.protocol["labels"] = (
        "those of the photos" if by_class else "all in turn" if pretrained.conditional else "none"
    )
    names = [] if photos.training is None else photos.training.names(trained)
    if photos.training is not None and training is not None:
        report.protocol["training_photos"] = f"{len(trained)} of {len(photos.training)}"
        report.add(
            measure_by_training(photos, training, names, held_out, samples, by_class, extractor.key, seed, device)
        )
    if isinstance(pretrained.model, VAE):
        report.add(measure_autoencoding(pretrained.model, held_out.pixels, seed))
    if training is not None:
        report.add(find_near_duplicates(training, held_out, names, photos.names(indices)))
    return report


def measure_by_training(
    photos: HeldOut,
    training: ImageSet,
    names: list[str],
    held_out: ImageSet,
    samples: ImageSet,
    by_class: bool,
    extractor: str,
    seed: int,
    device: torch.device,
) -> Report:
    """Compare samples with training photos: search for copies, and classify samples that have a label."""
    report = Report()
    if photos.own:
        report.add(measure_memorisation(training, held_out, samples, names, seed, choose_copy_features(device)))
    else:
        report.notes.append("Copies were not looked for: these are not the photos that the model was trained on.")
    if by_class:
        classes = len(photos.class_names)
        report.add(
            measure_recognition(
                training, held_out, samples, classes, mirror=photos.mirrored, extractor=extractor, device=device
            )
        )
    return report


def measure_distances(
    name: str, held_out: ImageSet, samples: ImageSet, training: ImageSet | None, extractor: Extractor, seed: int
) -> Report:
    """Return the figures of samples and, in their place, of as many training photos, against held-out photos."""
    f_real, f_fake = held_out.features, samples.features
    f_floor = training.features[: len(samples)] if training is not None and len(training) >= FEWEST else None
    total = count_comparisons(f_real, f_fake) + (0 if f_floor is None else count_comparisons(f_real, f_floor))
    with Progress("measuring", total, unit="comparisons") as progress:
        figures = compare(f_real, f_fake, extractor, seed, progress)
        floor = {} if f_floor is None else compare(f_real, f_floor, extractor, seed, progress)
    report = Report(
        title=f"Generation, {len(samples)} samples against {len(held_out)} photos, features: {extractor.name}",
        columns=["figure [95 % interval]", name, "real photos in their place"],
        rows=[
            [title, format_cell(figures, key), format_cell(floor, key)]
            for key, title in list_titles(extractor).items()
            if key in figures
        ],
        figures=list_with_intervals(figures) | ({"floor": list_with_intervals(floor)} if floor else {}),
        protocol={
            "n": len(samples),
            "n_real": len(held_out),
            "n_floor": 0 if f_floor is None else len(f_floor),
            "floor": "training photos in the samples' place" if floor else "none: there are no training photos",
            "extractor": extractor.name,
            "features": f_real.shape[1],
            "resize": extractor.resize,
            "images": "samples rounded to 8 bits; photos cut as in validation",
            "kid": "unbiased, of the whole sets, kernel (x.y / D + 1)^3: 0 for equal distributions, whatever N",
            "neighbours": "precision and recall by the 3rd nearest neighbour, density and coverage by the 5th",
            "intervals": INTERVALS,
        },
        notes=list(list_set_cautions(held_out, samples, training, f_floor is not None, extractor)),
    )
    if extractor.frechet_key not in figures:
        report.protocol["frechet"] = (
            f"left out: of {min(len(f_real), len(f_fake))} images in {f_real.shape[1]} dimensions it is bias for the most "
            f"part; from {extractor.fewest_frechet} images of each kind on it is given"
        )
    if samples.logits is not None and held_out.logits is not None:
        scores = [measure_inception_score(logits) for logits in (samples.logits, held_out.logits)]
        report.rows.append(["Inception score, 10 parts", *(f"{mean:.2f} +- {std:.2f}" for mean, std in scores)])
        report.figures |= {"inception_score": scores[0][0], "inception_score_std": scores[0][1]}
        report.figures["inception_score_held_out"] = scores[1][0]
    return report


def add_frechet(
    report: Report,
    held_out: ImageSet,
    samples: ImageSet,
    training: ImageSet | None,
    extractor: Extractor,
    seed: int,
    device: torch.device,
) -> None:
    """Add to a report the Frechet distance in other features than its own, and what real photos reach in its place."""
    real = embed_pixels(held_out.pixels, extractor, device)
    made = {"": samples.pixels}
    if training is not None and len(training) >= FEWEST:
        made["floor"] = training.pixels[: len(samples)]
    cells = []
    for place, pixels in made.items():
        distance = metrics.FrechetDistance(metrics.GivenFeatures(real.shape[1]))
        figure = metrics.JackknifeIntervals([distance], groups=GROUPS, seed=seed)
        figure.update(real, real=True)
        figure.update(embed_pixels(pixels, extractor, device), real=False)
        (interval,) = figure.compute_intervals().values()
        figures = report.figures[place] if place else report.figures
        figures[extractor.frechet_key] = interval.value
        figures["intervals"][extractor.frechet_key] = [interval.low, interval.high]
        cells.append(str(interval))
    report.rows.append([extractor.frechet, *cells, *["-"] * (2 - len(cells))])
    report.protocol["beside"] = f"{extractor.frechet}: {extractor.name}, {extractor.resize}"


def measure_inception_score(logits: Tensor) -> tuple[float, float]:
    """Return mean and deviation of the Inception score, over 10 parts of logits [N, classes]."""
    score = metrics.InceptionScore(metrics.GivenFeatures(logits.shape[1]))
    score.update(logits)
    mean, deviation = score.compute()
    return float(mean), float(deviation)


def list_titles(extractor: Extractor) -> dict[str, str]:
    """Return the title of each figure in the table, by the name of the figure."""
    return {
        f"kid_{extractor.key}": f"KID ({extractor.name})",
        extractor.frechet_key: extractor.frechet,
        "precision": "precision",
        "recall": "recall",
        "density": "density",
        "coverage": "coverage",
    }


def format_cell(figures: dict[str, Interval], key: str) -> str:
    """Return a figure with its interval for the table; nothing where there is none."""
    return str(figures[key]) if key in figures else "-"


def list_set_cautions(
    held_out: ImageSet, samples: ImageSet, training: ImageSet | None, floor: bool, extractor: Extractor
) -> Sequence[str]:
    """Return sentences about the limits of figures of these sets of images."""
    sets = {"held-out photos": held_out, "samples": samples} | (
        {} if training is None else {"training photos": training}
    )
    found = [
        f"All {len(images)} {words} look the same to the features: the figures say nothing of variety."
        for words, images in sets.items()
        if (images.features == images.features[:1]).all()
    ]
    n, width = min(len(held_out), len(samples)), held_out.features.shape[1]
    if extractor.fewest_frechet <= n <= width:
        found.append(
            f"{n} images are fewer than the {width} features: the Frechet distance is far larger than many images would give. "
            + ("Compare it with the floor beside it, or go by KID." if floor else "Go by KID.")
        )
    if training is not None and len(training) < len(samples):
        found.append(
            f"There are {len(training)} training photos for {len(samples)} samples: the floor is that of fewer images, "
            "and too high."
        )
    return found


def place_side_by_side(held_out: ImageSet, samples: ImageSet) -> Picture:
    """Show held-out photos beside samples; with labels, the photo and the sample of one place are of one class."""
    count = min(SHOWN, len(held_out), len(samples))
    columns = min(6, count)
    grids = [grid([to_hwc(image) for image in images.pixels[:count]], columns) for images in (held_out, samples)]
    return Picture(
        "Real and generated", "Left: held-out photos. Right: samples, not selected.", place_beside(*grids, gap=16)
    )
