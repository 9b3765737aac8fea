"""Activations that are computed again in the backward pass instead of being kept: more time, less memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.utils.checkpoint import checkpoint


def recompute_activations(network: nn.Module) -> int:
    """Let every block of a network keep its input alone, and compute the rest again when its gradient is asked for.

    The same losses, gradients and statistics, bit for bit. Blocks are what stands in a network's sequences and lists and
    has layers of its own: residual blocks, the stages of a U-Net or a discriminator. One with spectral norm is left as it
    is: each call moves its estimate of the singular value, so that a second call would compute something else.

    Returns:
        How many blocks there are.

    Source: Chen et al. 2016, arXiv:1604.06174, section 4.1.
    """
    found = list(blocks(network))
    for block in found:
        recompute(block)
    return len(found)


def blocks(network: nn.Module) -> Iterator[nn.Module]:
    """Yield the outermost blocks of a network."""
    for child in network.children():
        several = isinstance(network, nn.Sequential | nn.ModuleList) and any(child.children())
        if not several:
            yield from blocks(child)
        elif not any(parametrize.is_parametrized(layer) for layer in child.modules()):
            yield child


def recompute(block: nn.Module) -> None:
    """Let one block compute its activations again in the backward pass."""
    forward = block.forward
    draws = any(isinstance(layer, nn.Dropout) for layer in block.modules())

    def forgetful(*inputs: Any) -> Any:
        if not torch.is_grad_enabled():
            return forward(*inputs)
        again = lambda: (nullcontext(), StatisticsKept(block))  # noqa: E731
        return checkpoint(forward, *inputs, use_reentrant=False, preserve_rng_state=draws, context_fn=again)

    block.forward = forgetful


class StatisticsKept:
    """A context, to be entered any number of times, in which batch norms compute as ever and do not count the batch again."""

    def __init__(self, block: nn.Module) -> None:
        own = [layer for layer in block.modules() if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)]
        self.norms = [(norm, norm.momentum) for norm in own if norm.track_running_stats]
        self.counts: list[Tensor] = []

    def __enter__(self) -> None:
        self.counts = [get_batch_count(norm).clone() for norm, _ in self.norms]
        for norm, _ in self.norms:
            norm.momentum = 0.0

    def __exit__(self, *_: object) -> None:
        for (norm, momentum), count in zip(self.norms, self.counts, strict=True):
            norm.momentum = momentum
            get_batch_count(norm).copy_(count)


def get_batch_count(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> Tensor:
    """Return how many batches a norm has counted, int64 []."""
    assert norm.num_batches_tracked is not None
    return norm.num_batches_tracked
