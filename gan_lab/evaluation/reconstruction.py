"""Photos that a model of codes has encoded and decoded again, against the photos."""

from __future__ import annotations

import math
from typing import Any

from gan_lab import metrics
from gan_lab.evaluation.heldout import HeldOut
from gan_lab.evaluation.report import Report
from gan_lab.jobs import Progress
from gan_lab.metrics import to_uint8
from gan_lab.metrics.restoration import PSNR_CAP


def evaluate_reconstruction(model: Any, name: str, photos: HeldOut, *, n: int | None = None, seed: int = 0) -> Report:
    """Return PSNR, SSIM and CIEDE2000 of reconstructions, what their codes cost, and how many codes are in use.

    Args:
        model: has `encode`, `decode` and `quantizer`.
        name: of the model, for its row.
        photos: single images.
        n: images to use, chosen by the seed; None: all.
        seed: of the choice.
    """
    indices = photos.draw_indices(n, seed)
    size = model.quantizer.codes
    psnr, ssim, ciede2000 = metrics.MeanPSNR(), metrics.MeanSSIM(), metrics.MeanCIEDE2000()
    perplexity = metrics.CodePerplexity(size)
    bits = 0.0
    with Progress("evaluating", len(indices)) as progress:
        for batch in photos.batches(indices):
            image = batch["image"].to(model.device)
            codes = model.encode(image)
            gt, pred = to_uint8(image).cpu(), to_uint8(model.decode(codes)).cpu()
            for metric in (psnr, ssim, ciede2000):
                metric.update(pred, gt)
            perplexity.update(codes.cpu())
            bits = codes[0].numel() * math.log2(size) / image[0, 0].numel()
            progress.advance(len(image))
    figures = {
        "psnr": float(psnr.compute()),
        "ssim": float(ssim.compute()),
        "ciede2000": float(ciede2000.compute()),
        "psnr_std": psnr.compute_deviation(),
        "bits_per_pixel": bits,
        "perplexity": float(perplexity.compute()),
    }
    return Report(
        title=f"Reconstruction, {len(indices)} photos",
        columns=["method", "PSNR (dB)", "SSIM", "CIEDE2000", "bits a pixel", f"codes in use, of {size}"],
        rows=[[name, *(f"{figures[key]:.{digits}f}" for key, digits in _SHOWN.items())]],
        figures=figures,
        protocol={
            "n": len(indices),
            "metrics": "means over images, on 8-bit sRGB after rounding; SSIM with uniform 7x7 windows",
            "bits": "codes of equal length, without entropy coding",
            "codes_in_use": "perplexity of all codes of these photos",
            "psnr_cap": PSNR_CAP,
        },
    )


_SHOWN = {"psnr": 2, "ssim": 4, "ciede2000": 2, "bits_per_pixel": 3, "perplexity": 0}
