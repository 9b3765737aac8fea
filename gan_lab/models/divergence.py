"""Where a loss that is not finite comes from: the layer at which it began."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


class _FoundError(Exception):
    """The layer is found; its name is the message."""


def origin(model: nn.Module, again: Callable[[], Any]) -> str:
    """Say in a phrase where values that are not finite begin, or return "" if that does not show.

    Args:
        model: its weights are looked at first: an update may have spoilt them.
        again: does what failed once more; left as soon as a layer's output is not finite. May spoil the model.
    """
    spoilt = [name for name, value in model.named_parameters() if not torch.isfinite(value).all()]
    if spoilt:
        more = f", and of {len(spoilt) - 1} tensors more" if len(spoilt) > 1 else ""
        return f"the weights of {spoilt[0].rpartition('.')[0] or spoilt[0]}{more}, since an update"
    hooks = [layer.register_forward_hook(_watching(name)) for name, layer in model.named_modules() if name]
    try:
        again()
    except _FoundError as found:
        return f"layer {found}"
    except Exception:  # it fails as before, and every layer's output was finite
        return ""
    finally:
        for hook in hooks:
            hook.remove()
    return ""


def _watching(name: str) -> Callable[..., None]:
    def hook(layer: nn.Module, inputs: Any, output: Any) -> None:
        for value in output if isinstance(output, (tuple, list)) else (output,):
            if isinstance(value, Tensor) and value.is_floating_point() and not torch.isfinite(value).all():
                raise _FoundError(name)

    return hook
