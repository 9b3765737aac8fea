"""Generated images against held-out photos, as sets."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from gan_lab.errors import UserError
from gan_lab.evaluation.extractors import Extractor
from gan_lab.evaluation.heldout import HeldOut
from gan_lab.evaluation.report import Report
from gan_lab.jobs import Pretrained, Progress
from gan_lab.metrics import frechet_distance, inception_score, kernel_distance, precision_recall

log = logging.getLogger(__name__)

#: Images that are compared unless `n` says otherwise.
DEFAULT_N = 2000
FEWEST = 8


def evaluate_generation(
    pretrained: Pretrained, photos: HeldOut, extractor: Extractor, *, n: int | None = None, seed: int = 0
) -> Report:
    """Return the distances between samples and photos, and for context those between two halves of the photos.

    A perfect generator reaches the kernel distance of the halves; their Frechet distance is that of half as many
    images, and so too large for a floor.

    Args:
        pretrained: generates.
        photos: single images, with labels where the model is conditional.
        extractor: the embedding.
        n: samples, and photos at most; None: as many as there are photos, 2000 at most.
        seed: of the samples and of the choice of photos.

    Raises:
        UserError: too few photos or samples to compare.
    """
    n = min(DEFAULT_N, len(photos)) if n is None else n
    indices = photos.chosen(n, seed)
    if len(indices) < FEWEST or n < FEWEST:
        raise UserError(
            f"n={n}: comparing sets needs at least {FEWEST} images and samples; there are {len(photos)} images"
        )
    same_classes = pretrained.conditional and photos.class_names == pretrained.model.class_names
    if pretrained.conditional and not same_classes:
        log.warning("The photos have not the classes of %s: samples take all classes in turn", pretrained.name)
    with Progress("evaluating", len(indices) + n) as progress:
        reals, labels = [], []
        for batch in photos.batches(indices):
            reals.append(extractor(batch["image"].to(pretrained.model.device)))
            labels += batch["label"].tolist()
            progress.advance(len(batch["image"]))
        fakes = []
        for images in pretrained.samples(n, seed, labels if same_classes else None):
            pixels = torch.from_numpy(images).permute(0, 3, 1, 2).to(pretrained.model.device)
            fakes.append(extractor(pixels.float().div(127.5).sub(1)))
            progress.advance(len(images))
    f_real, f_fake = (torch.cat([features for features, _ in parts]) for parts in (reals, fakes))
    figures = compare(f_real, f_fake, extractor, seed)
    halves = compare(f_real[::2], f_real[1::2], extractor, seed)
    for name, parts in (("fakes", fakes), ("reals", reals)):
        logits = [part for _, part in parts if part is not None]
        if logits:
            mean, std = inception_score(torch.cat(logits))
            (figures if name == "fakes" else halves).update(inception_score=mean, inception_score_std=std)
    return Report(
        title=f"Generation, {n} samples against {len(indices)} photos, features: {extractor.name}",
        columns=["figure", pretrained.name, "photos, half against half"],
        rows=[[title, show(figures), show(halves)] for title, show in lines(figures, extractor)],
        figures=figures | {"real_halves": halves},
        protocol={
            "n": n,
            "n_real": len(indices),
            "n_real_halves": len(indices) // 2,
            "extractor": extractor.name,
            "resize": extractor.resize,
            "labels": "those of the photos" if same_classes else "all in turn" if pretrained.conditional else "none",
            "images": "samples rounded to 8 bits; photos cut as in validation",
        },
    )


def compare(f_real: Tensor, f_fake: Tensor, extractor: Extractor, seed: int) -> dict[str, float]:
    """Return the figures of two sets of features [N, D] and [M, D]."""
    mean, std = kernel_distance(f_real, f_fake, seed=seed)
    precision, recall = precision_recall(f_real, f_fake)
    return {
        f"kid_{extractor.key}": mean,
        f"kid_{extractor.key}_std": std,
        extractor.frechet_key: frechet_distance(f_real, f_fake),
        "precision": precision,
        "recall": recall,
    }


Show = Callable[[dict[str, float]], str]


def lines(figures: dict[str, float], extractor: Extractor) -> Iterator[tuple[str, Show]]:
    """Yield the table's lines: a title, and how to show its figures."""
    kid = f"kid_{extractor.key}"
    yield f"KID ({extractor.name})", lambda f: f"{f[kid]:.5f} +- {f[f'{kid}_std']:.5f}"
    yield extractor.frechet, lambda f: f"{f[extractor.frechet_key]:.3f}"
    yield "precision", lambda f: f"{f['precision']:.3f}"
    yield "recall", lambda f: f"{f['recall']:.3f}"
    if "inception_score" in figures:
        yield "Inception score", lambda f: f"{f['inception_score']:.2f} +- {f['inception_score_std']:.2f}"
