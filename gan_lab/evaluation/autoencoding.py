"""What a VAE loses of held-out photos, and how likely it finds them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from torch import Tensor

from gan_lab.evaluation.classifier import to_values
from gan_lab.evaluation.report import Report
from gan_lab.evaluation.restoration import PSNR_CAP
from gan_lab.evaluation.sets import list_with_intervals
from gan_lab.jobs import Progress
from gan_lab.metrics import Interval, interval_of_mean, negative_elbo, psnr, ssim, to_uint8
from gan_lab.metrics.intervals import student

#: Standard deviation of the decoder distribution under which VAEs are compared, on the [0, 1] scale; draws of z for each
#: image; images in a batch.
SIGMA, DRAWS, BATCH = 0.1, 8, 64


def measure_autoencoding(model: Any, pixels: Tensor, seed: int) -> Report:
    """Return PSNR and SSIM of reconstructions, and a bound on the likelihood, with intervals over photos.

    Args:
        model: has `encoder`, `decoder` and `reconstruct`.
        pixels: held-out photos, uint8 [N, C, H, W].
        seed: of the draws of z.
    """
    likenesses: list[tuple[float, float]] = []
    with Progress("reconstructing", 2 * len(pixels)) as progress:

        def batches() -> Iterator[Tensor]:
            for part in pixels.split(BATCH):
                yield to_values(part.to(model.device))
                progress.advance(len(part))

        for gt, image in zip(pixels.split(BATCH), batches(), strict=True):
            pred = to_uint8(model.reconstruct(image)).cpu()
            likenesses += zip(psnr(pred, gt).clamp(max=PSNR_CAP).tolist(), ssim(pred, gt).tolist(), strict=True)
        evidence = negative_elbo(model.encoder, model.decoder, batches(), sigma=SIGMA, samples=DRAWS, seed=seed)
    error = evidence.standard_error / pixels[0].numel() / math.log(2)
    bits, half = evidence.bits_per_dim, student(len(pixels) - 1) * error
    figures = {
        "psnr": interval_of_mean([each for each, _ in likenesses]),
        "ssim": interval_of_mean([each for _, each in likenesses]),
        "bits_per_dim": Interval(bits, error, bits - half, bits + half),
    }
    titles = (
        "PSNR of reconstructions (dB)",
        "SSIM of reconstructions",
        f"negative ELBO (bits per dimension, sigma {SIGMA})",
    )
    return Report(
        rows=[[title, str(figure), ""] for title, figure in zip(titles, figures.values(), strict=True)],
        figures={"autoencoding": list_with_intervals(figures)},
        protocol={
            "reconstruction": f"of the latents' mean; means over {len(pixels)} held-out photos, on 8 bits after rounding; "
            "95 % over photos",
            "likelihood": f"upper bound under a Gaussian decoder, N(decoder(z), {SIGMA}^2) of each value on the [0, 1] "
            f"scale, and the prior N(0, 1); {DRAWS} draws of z for each photo, KL in closed form; 95 % over photos. "
            "With 8 added, that of values on the [0, 256) scale",
        },
    )
