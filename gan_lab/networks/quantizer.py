"""A codebook that encoder outputs are rounded to."""

from __future__ import annotations

import torch
from torch import Tensor, nn

#: Share of the codes that are in use in an iteration below which those that it did not use start again at once.
COLLAPSED = 0.1


class VectorQuantizer(nn.Module):
    """Round vectors to the nearest of `codes` learnt ones, with a gradient that passes straight through.

    The codebook is state, not parameters: it follows the vectors that it stands for, by a moving average that `update`
    keeps. The first `update` draws all codes from its vectors, later ones those that have fallen out of use.

    Args:
        codes: size of the codebook.
        width: length of a vector.
        decay: share of the average that stays in an update.
        restart_below: a code used less than this share of the average code's use starts again at a random vector of the
            batch, with the average use; 0 for never.

    Source: van den Oord et al. 2017, arXiv:1711.00937, eqs. 1 and 3 and appendix A.1; restarts: Dhariwal et al. 2020,
    arXiv:2005.00341, section 3.1.
    Differs from paper: decay 0.95, not 0.99. The encoder leaves the first codes behind within a few iterations, and what
    is out of use starts again after 60 iterations instead of 300, which short runs have not; at once, where an iteration
    has less than a tenth of the codes in use, as at the start of a run, when one code is soon the nearest for all.
    """

    codebook: Tensor
    counts: Tensor
    sums: Tensor

    def __init__(self, codes: int = 512, width: int = 64, decay: float = 0.95, restart_below: float = 0.05) -> None:
        super().__init__()
        self.codes = codes
        self.decay = decay
        self.restart_below = restart_below
        self.register_buffer("codebook", torch.randn(codes, width))
        self.register_buffer("counts", torch.zeros(codes))  # the paper's N, in vectors an update
        self.register_buffer("sums", torch.zeros(codes, width))  # the paper's m

    def forward(self, encoded: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return vectors rounded to codes, the codes, and the commitment loss; changes nothing.

        Args:
            encoded: [N, width, h, w].

        Returns:
            [N, width, h, w] float32, whose gradient goes to `encoded` as it is; int64 [N, h, w] in [0, codes); a scalar,
            the mean squared distance of `encoded` to its codes, unweighted.
        """
        with torch.autocast(encoded.device.type, enabled=False):
            encoded = encoded.float()
            vectors = flatten_vectors(encoded)
            # |x - e|^2 less |x|^2, which is the same for every code
            distances = self.codebook.square().sum(dim=1) - 2 * vectors @ self.codebook.T
            codes = distances.argmin(dim=1).view(len(encoded), *encoded.shape[2:])
            nearest = self.lookup(codes)
            commitment = (encoded - nearest).square().mean()
            return encoded + (nearest - encoded).detach(), codes, commitment

    def lookup(self, codes: Tensor) -> Tensor:
        """Return the vectors [N, width, h, w] of codes int64 [N, h, w]."""
        return self.codebook[codes].permute(0, 3, 1, 2)

    @torch.no_grad()
    def update(self, encoded: Tensor, codes: Tensor) -> dict[str, Tensor]:
        """Move the codebook to the vectors of one iteration, of all processes; draws from torch's generator.

        Args:
            encoded: [N, width, h, w], before rounding.
            codes: int64 [N, h, w], what they were rounded to.

        Returns:
            `perplexity` of the iteration's codes, the number of codes that are as good as in use; `restarted`, how many
            started again.
        """
        vectors, own = flatten_vectors(encoded.float()), codes.flatten()
        counts = over_processes(torch.bincount(own, minlength=self.codes).float())
        sums = over_processes(torch.zeros_like(self.sums).index_add_(0, own, vectors))
        empty = self.counts.sum() == 0
        self.counts.lerp_(counts, 1 - self.decay)  # appendix A.1, eqs. 6 and 7
        self.sums.lerp_(sums, 1 - self.decay)

        # drawn whether or not they are needed, and without asking the device: runs stay alike from here on
        order = torch.randperm(len(vectors), device=vectors.device)
        candidates = vectors[order.repeat(-(-self.codes // len(order)))[: self.codes]].contiguous()
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.broadcast(candidates, 0)  # in all processes those of the first one
        use = counts.sum() / self.codes
        collapsed = (perplexity(counts) < COLLAPSED * self.codes) & (self.restart_below > 0)
        restarted = (self.counts < self.restart_below * self.counts.mean()) | (collapsed & (counts == 0)) | empty
        self.counts.copy_(torch.where(restarted, use, self.counts))
        self.sums.copy_(torch.where(restarted[:, None], candidates * use, self.sums))
        # eq. 8; what has not been used for thousands of iterations stays where it was
        used = (self.counts > 1e-6)[:, None]
        self.codebook.copy_(torch.where(used, self.sums / self.counts[:, None], self.codebook))
        # of the codes that occurred: the average credits codes that have just started with a use that they may not find
        return {"perplexity": perplexity(counts), "restarted": restarted.sum().float()}


def perplexity(counts: Tensor) -> Tensor:
    """Return exp of the entropy in nats of how often each of K things occurs: from 1 to K.

    Args:
        counts: [K], not negative, not all 0.
    """
    return torch.special.entr(counts / counts.sum()).sum().exp()


def flatten_vectors(encoded: Tensor) -> Tensor:
    """Return the vectors [N * h * w, width] of [N, width, h, w]."""
    return encoded.permute(0, 2, 3, 1).flatten(0, 2)


def over_processes(values: Tensor) -> Tensor:
    """Return the sum of all processes' values; a process that is alone has its own."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.all_reduce(values)
    return values
