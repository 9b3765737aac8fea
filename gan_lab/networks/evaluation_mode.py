"""Networks switched to evaluation for a moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def evaluation_mode(*modules: nn.Module) -> Iterator[None]:
    """Put modules in evaluation mode without gradients, and back.

    Compiled networks are called uncompiled meanwhile: each number of images would be compiled anew, tens of seconds.
    (`torch.compiler.set_stance` is the whole process's: two threads that enter and leave in turns would leave it set.)
    """
    modes = [module.training for module in modules]
    compiled = [module._compiled_call_impl for module in modules]
    for module in modules:
        module.eval()
        module._compiled_call_impl = None
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode, call in zip(modules, modes, compiled, strict=True):
            module.train(mode)
            module._compiled_call_impl = call
