"""gan_lab: GANs and VAEs for product photos.

import gan_lab

better = gan_lab.load().enhance(PIL.Image.open("photo.jpg"))     # with the weights that are shipped
model = gan_lab.load("runs/enhancer-products")                    # or with your own
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gan_lab.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gan_lab.inference import Pretrained

__all__ = ["__version__", "load"]

__version__ = VERSION


def load(
    checkpoint: str | Path = "faithful", device: str = "auto", precision: str = "auto", trust: str | Sequence[str] = ()
) -> Pretrained:
    """Open a trained model to use it in Python.

    Args:
        checkpoint: shipped weights by their name ("faithful", "vivid"), a run's folder, of which the best checkpoint is
            taken, a .ckpt file, or a .safetensors file of `gan_lab.pack`.
        device: "auto" (a GPU where there is one), "cpu" or "cuda".
        precision: of the networks: "fp32", "bf16" or "auto" (the faster on this machine, as measured).
        trust: a package of your own, or several, whose classes the checkpoint may name. A class that is not gan_lab's is
            refused otherwise, since a checkpoint from elsewhere could name any.

    Returns:
        A tool with `.enhance(image)`, `.translate(image, direction)`, `.generate(n, seed, label, truncation)`,
        `.encode(image)` and `.variants(image, n, strength)`, of which the ones work that the model was trained for.

    Raises:
        UserError: there is no checkpoint, or it cannot be read.
    """
    # here, because torch and Lightning take seconds to import
    from gan_lab.config import parse_trust
    from gan_lab.inference import open_checkpoint

    return open_checkpoint(checkpoint, device, precision, parse_trust(trust))
