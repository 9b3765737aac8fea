"""A restorer of others as a network to train: built by spandrel from plain settings."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from gan_lab.errors import UserError


class CommunityNetwork(nn.Module):
    """Restore images by a network whose architecture spandrel knows; its weights come from a checkpoint or `init_from=`.

    Args:
        architecture: as spandrel calls it: "ESRGAN", "SwinIR", "NAFNet", ...
        settings: of its constructor, plain values.
        scale: how much larger its results are.
        multiple: of the sides that it takes; images are extended by their edges meanwhile.
        smallest: the smallest side that it takes, likewise.

    Raises:
        UserError: spandrel is not installed, or knows no such architecture.
    """

    def __init__(
        self,
        architecture: str,
        settings: Mapping[str, object] | None = None,
        scale: int = 1,
        multiple: int = 1,
        smallest: int = 1,
    ) -> None:
        super().__init__()
        self.architecture, self.scale, self.multiple, self.smallest = architecture, scale, multiple, smallest
        self.network = make_network(architecture, settings or {})

    def forward(self, image: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return [N, C, scale * H, scale * W] for images [N, C, H, W] in [-1, 1]; about in [-1, 1], not clamped.

        The mask of holes that a `Restorer` is shown is not looked at.
        """
        height, width = image.shape[-2:]
        sides = [math.ceil(max(side, self.smallest) / self.multiple) * self.multiple for side in (height, width)]
        # by its edges: a mirror image would need sides larger than the padding
        padded = functional.pad(image, (0, sides[1] - width, 0, sides[0] - height), mode="replicate")
        made: Any = self.network((padded + 1) / 2)
        if isinstance(
            made, tuple | list
        ):  # what comes after the image is an estimate of its quality, or coarser images
            made = made[0]
        result: Tensor = made * 2 - 1
        return result[..., : self.scale * height, : self.scale * width]


def make_network(architecture: str, settings: Mapping[str, object]) -> nn.Module:
    """Return spandrel's network of a name, with weights at random.

    Raises:
        UserError: spandrel is not installed, or knows no such architecture.
    """
    try:
        from spandrel import MAIN_REGISTRY
    except ImportError as error:
        raise UserError(
            f"model.generator.architecture={architecture}: is built by spandrel, which is not installed; pip install "
            '"gan_lab[community]"'
        ) from error
    known = {str(each.architecture.id) for each in MAIN_REGISTRY.architectures()}
    if architecture not in known:
        raise UserError(
            f"model.generator.architecture={architecture}: spandrel knows no such one; it has: {', '.join(sorted(known))}"
        )
    module = importlib.import_module(f"spandrel.architectures.{architecture}")
    network: nn.Module = getattr(module, architecture)(**settings)
    return network
