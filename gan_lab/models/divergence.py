"""Training that has diverged: the guard that notices values that are not finite, and where they began."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from gan_lab.errors import UserError

#: What `minimize` was given to descend, beside the names of its terms.
LOSS, GRADIENT = "the loss", "a gradient"


class TrainingDivergedError(UserError):
    """Training has failed in a way that more training does not repair; checkpoints written before are sound.

    Attributes:
        what: the failure, in a word or two.
        since: the iteration in which it began, or the first at which it showed.
        rollbacks: how often the run had gone back before.
        evidence: figure -> value; of terms that are not finite, the iteration in which each was first seen so.
    """

    def __init__(
        self,
        message: str,
        what: str = "not finite",
        since: int = 0,
        rollbacks: int = 0,
        evidence: dict[str, float] | None = None,
    ) -> None:
        super().__init__(message)
        self.what = what
        self.since = since
        self.rollbacks = rollbacks
        self.evidence = evidence or {}


class FiniteGuard:
    """Remembers, on the device, the iteration in which each watched value was first not finite."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, ...], Tensor] = {}

    def watch(self, names: Iterable[str], values: Tensor, iteration: int) -> None:
        """Look at values without waiting for the device.

        Args:
            names: of the values.
            values: float [n]; training has diverged where the first one is not finite, the others tell why.
            iteration: in which they were computed, counted from 1.
        """
        names = tuple(names)
        first = torch.where(values.isfinite(), math.inf, float(iteration))
        self._first[names] = torch.minimum(self._first[names], first) if names in self._first else first

    def find_first(self) -> tuple[int, dict[str, float]] | None:
        """Return the first iteration with a value that was not finite, in any process, and those values; forget all.

        Reads one value from the device.

        Returns:
            The iteration, and name -> iteration of this process's values that were not finite in it; None for none.
        """
        if not self._first:
            return None
        watched, self._first = self._first, {}
        first = torch.stack([iterations[0] for iterations in watched.values()]).min()
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            # all processes leave together, or the others would wait for this one
            torch.distributed.all_reduce(first, torch.distributed.ReduceOp.MIN)
        since = float(first)
        if not math.isfinite(since):
            return None
        each = {name: at for names, row in watched.items() for name, at in zip(names, row.tolist(), strict=True)}
        return int(since), {name: at for name, at in each.items() if at == since}


class _FoundError(Exception):
    """The layer is found; its name is the message."""


def find_origin(model: nn.Module, repeat: Callable[[], Any]) -> str:
    """Return a phrase that says where values that are not finite begin; "" where that does not show.

    Args:
        model: its weights are looked at first: an update may have spoilt them.
        repeat: does what failed once more; left as soon as a layer's output is not finite. May spoil the model.
    """
    spoilt = [name for name, value in model.named_parameters() if not torch.isfinite(value).all()]
    if spoilt:
        more = f", and of {len(spoilt) - 1} tensors more" if len(spoilt) > 1 else ""
        return f"the weights of {spoilt[0].rpartition('.')[0] or spoilt[0]}{more}, since an update"
    names = {layer: name for name, layer in model.named_modules() if name}

    def check(layer: nn.Module, inputs: Any, output: Any) -> None:
        for value in output if isinstance(output, (tuple, list)) else (output,):
            if isinstance(value, Tensor) and value.is_floating_point() and not torch.isfinite(value).all():
                raise _FoundError(names[layer])

    hooks = [layer.register_forward_hook(check) for layer in names]
    try:
        repeat()
    except _FoundError as found:
        return f"layer {found}"
    except Exception:  # it fails as before, and every layer's output was finite
        return ""
    finally:
        for hook in hooks:
            hook.remove()
    return ""
