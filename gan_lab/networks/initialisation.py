"""How the weights of the DCGAN and CycleGAN families start."""

from __future__ import annotations

from typing import Literal

from torch import nn

_WEIGHTED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
_NORMS = (nn.BatchNorm2d, nn.BatchNorm1d)


def initialise(module: nn.Module, std: float = 0.02) -> None:
    """Draw every weight below `module` as DCGAN and CycleGAN do; call it before spectral norm is applied.

    Convolutions, transposed convolutions and linear layers: N(0, std); scales of norms: N(1, std); biases: 0.
    Embeddings keep torch's N(0, 1): a label plane of size 0.02 beside an image in [-1, 1] would not be seen.

    Source: Radford et al. 2016, arXiv:1511.06434, section 4; Zhu et al. 2017, arXiv:1703.10593, appendix 7.1.
    """
    for layer in module.modules():
        if isinstance(layer, _WEIGHTED):
            nn.init.normal_(layer.weight, 0.0, std)
        elif isinstance(layer, _NORMS) and layer.weight is not None:
            nn.init.normal_(layer.weight, 1.0, std)
        else:
            continue
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def initialise_without_norm(module: nn.Module) -> None:
    """Draw the weights of a network that has no norms, so that signals keep their size from layer to layer.

    DCGAN's 0.02 relies on a norm after each layer; without, twenty layers shrink a signal to nothing.

    Source: He et al. 2015, arXiv:1502.01852, eq. 10.
    """
    for layer in module.modules():
        if isinstance(layer, _WEIGHTED):
            # a transposed convolution's weight is stored [in, out, k, k]
            mode: Literal["fan_in", "fan_out"] = "fan_out" if isinstance(layer, nn.ConvTranspose2d) else "fan_in"
            nn.init.kaiming_normal_(layer.weight, mode=mode, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
