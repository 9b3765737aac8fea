"""The likelihood of held-out images under an autoencoder, as a torchmetrics metric."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics.metric import Metric
from torchmetrics.utilities.data import dim_zero_cat

from gan_lab.metrics.likelihood import Decoder, Encoder, Evidence, compute_bounds, summarise_bounds


class NegativeELBO(Metric):
    """The negative evidence lower bound of images under a Gaussian decoder; see `gan_lab.metrics.negative_elbo`.

    Args:
        encoder: images [N, C, H, W] in [-1, 1] to (mu, logvar), each [N, latents].
        decoder: z [N, latents] to images in [-1, 1].
        sigma: the standard deviation on the [0, 1] scale.
        samples: draws of z for each image.
        importance: weigh the draws by their importance.
        seed: of the draws; an image's draws depend on its place among the images of this process.
        options: of `torchmetrics.Metric`.

    Raises:
        ValueError: `sigma` is not above 0, or `samples` below 1.
    """

    full_state_update = False
    is_differentiable = False
    higher_is_better = False
    bounds: list[Tensor] | Tensor
    values: Tensor

    def __init__(
        self,
        encoder: Encoder,
        decoder: Decoder,
        *,
        sigma: float = 0.1,
        samples: int = 1,
        importance: bool = False,
        seed: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if not sigma > 0 or samples < 1:
            raise ValueError(f"sigma={sigma}, samples={samples}: must be above 0, and at least 1")
        self.networks = (encoder, decoder)  # in a tuple, so that they are not the metric's own modules
        self.sigma, self.samples, self.importance, self.seed = sigma, samples, importance, seed
        self.add_state("bounds", [], dist_reduce_fx="cat")
        self.add_state("values", torch.tensor(0), dist_reduce_fx="max")

    def update(self, image: Tensor) -> None:
        """Add the bounds of images [N, C, H, W] in [-1, 1], on the networks' device."""
        assert isinstance(self.bounds, list)
        first = sum(map(len, self.bounds))
        self.bounds.append(
            compute_bounds(*self.networks, image, first, self.sigma, self.samples, self.importance, self.seed)
        )
        self.values = torch.tensor(image[0].numel(), device=self.values.device)

    def summarise(self) -> Evidence:
        """Return the bound and its error, of the images of this process."""
        return summarise_bounds(dim_zero_cat(self.bounds), int(self.values))

    def compute(self) -> dict[str, Tensor]:
        """Return the parts of the bound by name, float64 scalars."""
        parts = self.summarise()._asdict()
        return {name: torch.tensor(value, dtype=torch.float64, device=self.device) for name, value in parts.items()}
