"""Photos that a model of codes has encoded and decoded again, against the photos."""

from __future__ import annotations

import math
from typing import Any

from gan_lab import metrics
from gan_lab.evaluation.heldout import HeldOut
from gan_lab.evaluation.pairs import PairFigures, describe_figures, format_figures, list_judge_cautions, load_judge
from gan_lab.evaluation.report import Report
from gan_lab.jobs import Progress
from gan_lab.metrics import to_uint8


def evaluate_reconstruction(model: Any, name: str, photos: HeldOut, *, n: int | None = None, seed: int = 0) -> Report:
    """Return how far reconstructions are from the photos, what their codes cost, and how many codes are in use.

    Args:
        model: has `encode`, `decode` and `quantizer`.
        name: of the model, for its row.
        photos: single images.
        n: images to use, chosen by the seed; None: all.
        seed: of the choice.
    """
    indices = photos.draw_indices(n, seed)
    size = model.quantizer.codes
    judge = load_judge(model.device)
    measure = PairFigures(judge)
    perplexity = metrics.CodePerplexity(size)
    bits = 0.0
    with Progress("evaluating", len(indices)) as progress:
        for batch in photos.batches(indices):
            image = batch["image"].to(model.device)
            codes = model.encode(image)
            measure.update(to_uint8(model.decode(codes)).cpu(), to_uint8(image).cpu())
            perplexity.update(codes.cpu())
            bits = codes[0].numel() * math.log2(size) / image[0, 0].numel()
            progress.advance(len(image))
    figures = measure.compute() | {"bits_per_pixel": bits, "perplexity": float(perplexity.compute())}
    cells = {
        "method": name,
        **format_figures(figures),
        "bits a pixel": f"{bits:.3f}",
        f"codes in use, of {size}": f"{figures['perplexity']:.0f}",
    }
    return Report(
        title=f"Reconstruction, {len(indices)} photos",
        columns=list(cells),
        rows=[list(cells.values())],
        figures=figures,
        protocol={
            "n": len(indices),
            "bits": "codes of equal length, without entropy coding",
            "codes_in_use": "perplexity of all codes of these photos",
            **describe_figures(judge),
        },
        notes=list_judge_cautions(judge),
    )
