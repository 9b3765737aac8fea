"""Restored photos against the originals, beside the photos as they are and the traditional methods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from gan_lab.evaluation.heldout import HeldOut
from gan_lab.evaluation.pairs import PairFigures, describe_figures, format_figures, list_judge_cautions, load_judge
from gan_lab.evaluation.report import Report
from gan_lab.imaging.traditional import traditional_methods
from gan_lab.jobs import Progress
from gan_lab.metrics import to_uint8
from gan_lab.models.batches import Batch
from gan_lab.models.enhancer import enlarge_to, get_parts


def evaluate_restoration(
    model: Any, name: str, photos: HeldOut, *, n: int | None = None, traditional: bool = True, seed: int = 0
) -> Report:
    """Return the figures of the model's results, of the input as it is, and of the traditional methods'.

    They are PSNR, SSIM, CIEDE2000 and a perceptual distance.

    Args:
        model: has `enhance`.
        name: of the model, for its row.
        photos: pairs.
        n: pairs to use, chosen by the seed; None: all.
        traditional: whether to run the traditional methods.
        seed: of the choice.
    """

    def enhance_batch(batch: Batch) -> Tensor:
        lq, _, aid = get_parts({name: value.to(model.device) for name, value in batch.items()})
        return to_uint8(model.enhance(lq) if aid is None else model.enhance(lq, aid)).cpu()

    methods: dict[str, Callable[[Batch], Tensor]] = {name: enhance_batch, "as is": enlarge_input}
    if traditional:
        methods |= {method.replace("_", " "): lift_to_batches(work) for method, work in traditional_methods().items()}
    indices = photos.draw_indices(n, seed)
    judge = load_judge(model.device)
    measures = {method: PairFigures(judge) for method in methods}
    with Progress("evaluating", len(indices)) as progress:
        for batch in photos.batches(indices):
            gt = to_uint8(batch["gt"])
            for method, work in methods.items():
                measures[method].update(work(batch), gt)
            progress.advance(len(gt))
    figures = {method: measure.compute() for method, measure in measures.items()}
    figures = dict(sorted(figures.items(), key=lambda item: -item[1]["psnr"]))
    as_is, own = figures["as is"]["psnr"], figures[name]
    rows: list[dict[str, str]] = []
    for method, each in figures.items():
        psnr, *others = format_figures(each).items()
        gain = f"{each['psnr'] - as_is:+.2f}"
        rows.append(dict([("method", method), psnr, ("against as is", gain), *others]))
    return Report(
        title=f"Restoration, {len(indices)} pairs",
        columns=list(rows[0]),
        rows=[list(row.values()) for row in rows],
        figures=own | {"psnr_gain": own["psnr"] - as_is, "methods": figures},
        protocol={"n": len(indices), **describe_figures(judge)},
        notes=list_judge_cautions(judge),
    )


def enlarge_input(batch: Batch) -> Tensor:
    """Return the input of the model, uint8 [N, C, H, W], enlarged bicubically where the model enlarges."""
    return to_uint8(enlarge_to(batch["gt"], batch["lq"]))


def lift_to_batches(method: Callable[[np.ndarray], np.ndarray]) -> Callable[[Batch], Tensor]:
    """Make a method of uint8 RGB images [H, W, 3] one of batches of pairs, which gives uint8 batches [N, C, H, W]."""

    def work(batch: Batch) -> Tensor:
        results = []
        for image in enlarge_input(batch).permute(0, 2, 3, 1).numpy():
            grey = image.shape[2] == 1
            result = method(np.ascontiguousarray(np.repeat(image, 3, axis=2) if grey else image))
            results.append(cv2.cvtColor(result, cv2.COLOR_RGB2GRAY)[..., None] if grey else result)
        return torch.from_numpy(np.stack(results)).permute(0, 3, 1, 2)

    return work
