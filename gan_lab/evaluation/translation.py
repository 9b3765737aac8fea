"""Translated photos: whether they come back, and how close they are to the other domain."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gan_lab.errors import UserError
from gan_lab.evaluation.extractors import Extractor
from gan_lab.evaluation.heldout import HeldOut
from gan_lab.evaluation.report import Report
from gan_lab.jobs import Progress
from gan_lab.metrics import kernel_distance

FEWEST = 4


def evaluate_translation(
    model: Any, photos: HeldOut, extractor: Extractor, *, n: int | None = None, seed: int = 0
) -> Report:
    """Return cycle errors and domain distances, both ways.

    The domain distance is the kernel distance of translated photos to photos of the target domain; beside it stand
    that of the photos as they are, and the one between two halves of the target domain, which a perfect translation
    would reach.

    Args:
        model: has `translate`.
        photos: of the domains A and B.
        extractor: the embedding.
        n: photos of the larger domain to use, chosen by the seed; None: all.
        seed: of the choice and of the distance's subsets.

    Raises:
        UserError: too few photos of a domain to compare.
    """
    features, cycle = translated(model, photos, extractor, photos.chosen(n, seed))
    count = {domain: len(features[f"real_{domain}"]) for domain in "AB"}
    if min(count.values()) < FEWEST:
        raise UserError(f"data.root: {count['A']} photos of A and {count['B']} of B; comparing needs {FEWEST} of each")
    report = Report(
        title=f"Translation, {count['A']} photos of A and {count['B']} of B, features: {extractor.name}",
        columns=["direction", "cycle error (L1)", "KID as is", "KID translated", "KID of target's halves"],
        protocol={
            "n_A": count["A"],
            "n_B": count["B"],
            "extractor": extractor.name,
            "resize": extractor.resize,
            "cycle_error": "mean absolute difference after there and back, for values in [-1, 1]",
        },
    )
    for source, target in ("AB", "BA"):
        direction, real = source + target, features[f"real_{target}"]
        pairs = {
            "as_is": (real, features[f"real_{source}"]),
            "translated": (real, features[f"fake_{target}"]),
            "target_halves": (real[::2], real[1::2]),
        }
        distances = {name: kernel_distance(*pair, seed=seed) for name, pair in pairs.items()}
        report.figures[direction] = {"cycle_error": cycle[direction]}
        for name, (mean, std) in distances.items():
            report.figures[direction] |= {f"kid_{extractor.key}_{name}": mean, f"kid_{extractor.key}_{name}_std": std}
        cells = [f"{mean:.5f} +- {std:.5f}" for mean, std in distances.values()]
        report.rows.append([f"{source} to {target}", f"{cycle[direction]:.4f}", *cells])
    return report


def translated(
    model: Any, photos: HeldOut, extractor: Extractor, indices: list[int]
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Return features of reals and fakes by domain and the cycle error by direction; each photo counts once."""
    features: dict[str, list[Tensor]] = {f"{kind}_{domain}": [] for kind in ("real", "fake") for domain in "AB"}
    errors: dict[str, list[Tensor]] = {"AB": [], "BA": []}
    sizes = {"A": len(photos.view.images_A), "B": len(photos.view.images_B)}
    seen: dict[str, set[int]] = {"A": set(), "B": set()}
    position = 0
    with Progress("evaluating", len(indices)) as progress:
        for batch in photos.batches(indices):
            keys = indices[position : position + len(batch["A"])]
            position += len(keys)
            for source, target in ("AB", "BA"):
                # the view repeats the smaller domain, and a photo that counts twice would bias the distance
                rows = fresh(keys, sizes[source], seen[source])
                if not rows:
                    continue
                real = batch[source][rows].to(model.device)
                fake = model.translate(real, source + target)
                back = model.translate(fake, target + source)
                features[f"real_{source}"].append(extractor(real)[0])
                features[f"fake_{target}"].append(extractor(fake)[0])
                errors[source + target].append((back - real).abs().mean(dim=(1, 2, 3)).cpu())
            progress.advance(len(keys))
    return (
        {name: torch.cat(parts) for name, parts in features.items()},
        {direction: float(torch.cat(parts).mean()) for direction, parts in errors.items()},
    )


def fresh(keys: list[int], size: int, seen: set[int]) -> list[int]:
    """Return the rows of a batch whose photo, number key % size of its domain, has not been seen; they now have."""
    rows = []
    for row, key in enumerate(keys):
        if key % size not in seen:
            seen.add(key % size)
            rows.append(row)
    return rows
