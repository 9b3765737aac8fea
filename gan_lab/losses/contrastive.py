"""The contrastive loss of CUT: a patch of the output should say of its own place in the input, and of no other."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def patch_nce(query: Tensor, key: Tensor, temperature: float = 0.07) -> Tensor:
    """Return the cross-entropy of finding each query's own key among those of its image; a scalar.

    Args:
        query: unit vectors [N, P, D] of P places in the output.
        key: likewise of the same places in the input; no gradient flows into them.
        temperature: by which the similarities are divided.

    Source: Park et al. 2020, arXiv:2007.15651, eq. 1 and 3, with the negatives of the same image alone.
    """
    similarity = query.float() @ key.detach().float().transpose(1, 2) / temperature  # [N, P, P]
    own = torch.arange(query.shape[1], device=query.device).expand(len(query), -1)
    return functional.cross_entropy(similarity.flatten(0, 1), own.flatten())
