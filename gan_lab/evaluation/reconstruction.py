"""Photos that a model of codes has encoded and decoded again, against the photos."""

from __future__ import annotations

import math
from typing import Any

import torch

from gan_lab.evaluation.heldout import HeldOut
from gan_lab.evaluation.report import Report
from gan_lab.evaluation.restoration import PSNR_CAP
from gan_lab.jobs import Progress
from gan_lab.metrics import ciede2000, psnr, ssim, to_uint8
from gan_lab.networks.quantizer import perplexity


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
    counts = torch.zeros(size)
    values = []
    bits = 0.0
    with Progress("evaluating", len(indices)) as progress:
        for batch in photos.batches(indices):
            image = batch["image"].to(model.device)
            codes = model.encode(image)
            gt, pred = to_uint8(image).cpu(), to_uint8(model.decode(codes)).cpu()
            values.append(torch.stack([psnr(pred, gt).clamp(max=PSNR_CAP), ssim(pred, gt), ciede2000(pred, gt)], dim=1))
            counts += torch.bincount(codes.flatten().cpu(), minlength=size)
            bits = codes[0].numel() * math.log2(size) / image[0, 0].numel()
            progress.advance(len(image))
    table = torch.cat(values)
    figures = dict(zip(("psnr", "ssim", "ciede2000"), table.mean(0).tolist(), strict=True)) | {
        "psnr_std": float(table[:, 0].std(correction=0)),
        "bits_per_pixel": bits,
        "perplexity": float(perplexity(counts)),
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
