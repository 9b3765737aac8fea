"""What a VAE loses of held-out photos, and how likely it finds them."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from gan_lab import metrics
from gan_lab.evaluation.pairs import PERCEPTUAL, describe_judge, list_judge_cautions, load_judge
from gan_lab.evaluation.report import Report
from gan_lab.evaluation.sets import list_with_intervals
from gan_lab.jobs import Progress
from gan_lab.metrics import Interval, from_uint8, to_uint8
from gan_lab.metrics.intervals import student
from gan_lab.networks.efficientnet_lite import JUDGE

#: Standard deviation of the decoder distribution under which VAEs are compared, on the [0, 1] scale; draws of z for each
#: image; images in a batch.
SIGMA, DRAWS, BATCH = 0.1, 8, 64


def measure_autoencoding(model: Any, pixels: Tensor, seed: int) -> Report:
    """Return how far reconstructions are from the photos, and a bound on the likelihood, with intervals over photos.

    Args:
        model: has `encoder`, `decoder` and `reconstruct`.
        pixels: held-out photos, uint8 [N, C, H, W].
        seed: of the draws of z.
    """
    judge = load_judge(torch.device(model.device))
    measures: dict[str, metrics.ImageMean] = {"psnr": metrics.MeanPSNR(), "ssim": metrics.MeanSSIM()}
    titles = {"psnr": "PSNR of reconstructions (dB)", "ssim": "SSIM of reconstructions"}
    if judge is not None:
        measures[PERCEPTUAL] = metrics.MeanPerceptualDistance(judge)
        titles[PERCEPTUAL] = f"perceptual distance of reconstructions (EfficientNet-Lite{JUDGE})"
    titles["bits_per_dim"] = f"negative ELBO (bits per dimension, sigma {SIGMA})"
    bound = metrics.NegativeELBO(model.encoder, model.decoder, sigma=SIGMA, samples=DRAWS, seed=seed)
    with Progress("reconstructing", len(pixels)) as progress:
        for gt in pixels.split(BATCH):
            image = from_uint8(gt.to(model.device))
            pred = to_uint8(model.reconstruct(image)).cpu()
            for measure in measures.values():
                measure.update(pred, gt)
            bound.update(image)
            progress.advance(len(gt))
    evidence = bound.summarise()
    error = evidence.standard_error / pixels[0].numel() / math.log(2)
    bits, half = evidence.bits_per_dim, student(len(pixels) - 1) * error
    figures = {name: measure.compute_interval() for name, measure in measures.items()}
    figures["bits_per_dim"] = Interval(bits, error, bits - half, bits + half)
    return Report(
        rows=[[titles[name], str(figure), ""] for name, figure in figures.items()],
        figures={"autoencoding": list_with_intervals(figures)},
        protocol={
            "reconstruction": f"of the latents' mean; means over {len(pixels)} held-out photos, on 8 bits after rounding; "
            "95 % over photos",
            "perceptual": describe_judge(judge),
            "likelihood": f"upper bound under a Gaussian decoder, N(decoder(z), {SIGMA}^2) of each value on the [0, 1] "
            f"scale, and the prior N(0, 1); {DRAWS} draws of z for each photo, KL in closed form; 95 % over photos. "
            "With 8 added, that of values on the [0, 256) scale",
        },
        notes=list_judge_cautions(judge),
    )
