"""The traditional methods that stand beside the model in the enhancement figures, by task.

Those of `gan_lab.imaging.traditional` keep the settings that they have there; the same settings serve every photo.
BM3D, wavelets and total variation come from bm3d and scikit-image, which are asked for when they are used.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable

import cv2
import numpy as np
from PIL import Image

from benchmarks.enhance_protocol import Degraded, Pixels
from gan_lab.imaging import traditional
from gan_lab.imaging.light import from_light, to_levels, to_light

Method = Callable[[Degraded], Pixels]
Filter = Callable[[Pixels], Pixels]

OPTIONAL = {  # by method: the modules that it needs, and how to get them
    "BM3D": (("bm3d",), "bm3d not installed: pip install bm3d"),
    "wavelet": (("skimage", "pywt"), "PyWavelets not installed: pip install scikit-image PyWavelets"),
    "total variation": (("skimage",), "scikit-image not installed: pip install scikit-image"),
}


def methods_for(task: str) -> dict[str, Method]:
    """Return the traditional methods that make sense for a task, by name; without those that are not installed."""
    if task == "clean":
        return {}
    if task == "holes":
        return {"Telea": inpainting(cv2.INPAINT_TELEA), "Navier-Stokes": inpainting(cv2.INPAINT_NS)}
    if task.startswith("sr"):
        return {
            "Lanczos": enlarged,
            "Lanczos, sharpened": lambda degraded: traditional.sharpening(enlarged(degraded)),
            "bicubic": lambda degraded: resized(degraded, Image.Resampling.BICUBIC),
            "back-projection": back_projection,
        }
    slow = SLOW_CHAINS.get(task, ())
    return {" + ".join(steps): chain(steps) for steps in (*CHAINS, *slow) if not missing(steps)}


def missing(steps: Iterable[str]) -> list[str]:
    """Return what has to be installed before a chain of filters can run."""
    needs = [OPTIONAL[step] for step in steps if step in OPTIONAL]
    return [mend for modules, mend in needs if any(importlib.util.find_spec(module) is None for module in modules)]


def chain(steps: tuple[str, ...]) -> Method:
    """Return filters applied one after the other."""

    def apply(degraded: Degraded) -> Pixels:
        pixels = degraded.pixels
        for step in steps:
            pixels = FILTERS[step](np.ascontiguousarray(pixels))
        return pixels

    return apply


def bm3d(pixels: Pixels) -> Pixels:
    """Denoise by BM3D with the noise estimated from the image."""
    import bm3d as package

    sigma = max(0.5, traditional.estimate_noise(pixels))
    return to_levels(package.bm3d_rgb(pixels / 255.0, sigma / 255) * 255)


def wavelet(pixels: Pixels) -> Pixels:
    """Shrink the wavelet coefficients of luma and chroma (BayesShrink)."""
    from skimage.restoration import denoise_wavelet

    return to_levels(denoise_wavelet(pixels / 255.0, channel_axis=2, convert2ycbcr=True, rescale_sigma=True) * 255)


def total_variation(pixels: Pixels) -> Pixels:
    """Minimise the total variation (Chambolle, weight 0.08)."""
    from skimage.restoration import denoise_tv_chambolle

    return to_levels(denoise_tv_chambolle(pixels / 255.0, 0.08, channel_axis=2) * 255)


def expose(pixels: Pixels) -> Pixels:
    """Bring the mean of the linear light to 0.35."""
    light = to_light(pixels)
    return from_light(light * (0.35 / max(1e-3, float(light.mean()))))


def inpainting(how: int) -> Method:
    """Return OpenCV's repair of the masked pixels from their surroundings, radius 3."""

    def repair(degraded: Degraded) -> Pixels:
        return cv2.inpaint(degraded.pixels, degraded.mask, 3, how).astype(np.uint8)

    return repair


def resized(degraded: Degraded, how: Image.Resampling) -> Pixels:
    """Return the image at its full size by one of Pillow's kernels."""
    height, width, _ = degraded.pixels.shape
    size = (width * degraded.scale, height * degraded.scale)
    return np.asarray(Image.fromarray(degraded.pixels).resize(size, how))


def enlarged(degraded: Degraded) -> Pixels:
    """Return the image at its full size by Lanczos, as it is where it has it."""
    return degraded.pixels if degraded.scale == 1 else resized(degraded, Image.Resampling.LANCZOS)


def back_projection(degraded: Degraded) -> Pixels:
    """Correct the enlarged image ten times by what it lacks when it is reduced again (Irani and Peleg 1991)."""
    height, width, _ = degraded.pixels.shape
    size = (width * degraded.scale, height * degraded.scale)
    channels = []
    for small in np.moveaxis(degraded.pixels.astype(np.float32), 2, 0):
        large = Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)
        for _ in range(10):
            lack = small - np.asarray(large.resize((width, height), Image.Resampling.BICUBIC))
            large = Image.fromarray(large + np.asarray(Image.fromarray(lack).resize(size, Image.Resampling.BICUBIC)))
        channels.append(np.asarray(large))
    return to_levels(np.stack(channels, axis=2))


FILTERS: dict[str, Filter] = {
    "BM3D": bm3d,
    "non-local means": traditional.non_local_means,
    "bilateral": traditional.bilateral_filter,
    "median": traditional.median_filter,
    "mean": traditional.mean_filter,
    "Gaussian": traditional.gaussian_filter,
    "wavelet": wavelet,
    "total variation": total_variation,
    "sharpen": traditional.sharpening,
    "stretch": traditional.stretch,
    "histogram equalisation": traditional.histogram_equalisation,
    "CLAHE": traditional.clahe,
    "grey-world": traditional.grey_world,
    "expose": expose,
}

CHAINS: tuple[tuple[str, ...], ...] = (
    *((name,) for name in FILTERS if name != "BM3D"),
    ("grey-world", "expose"),
    ("grey-world", "stretch"),
    ("expose", "non-local means"),
    ("stretch", "non-local means"),
    ("grey-world", "stretch", "non-local means"),
)

SLOW_CHAINS: dict[
    str, tuple[tuple[str, ...], ...]
] = {  # BM3D takes seconds an image: only where there is noise to remove
    "noise25": (("BM3D",),),
    "jpeg20": (("BM3D",),),
    "dark": (("stretch", "BM3D"),),
    "mixed": (("BM3D",), ("stretch", "BM3D")),
}
