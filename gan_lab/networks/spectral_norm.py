"""Spectral norm: weights divided by their largest singular value."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F
from torch.nn.utils.parametrize import register_parametrization

# As in torch's own: so many power iterations at the start, one at every use in training.
FIRST_ITERATIONS = 15
EPSILON = 1e-12


def spectral_normalise(module: nn.Module) -> None:
    """Divide the weight of every convolution, linear layer and embedding below `module` by its largest singular value.

    Call it after the weights are initialised: the first power iterations start from them.

    Source: Miyato et al. 2018, arXiv:1802.05957, eq. 8 and algorithm 1.
    """
    for layer in list(module.modules()):
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.Embedding)):
            rows = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
            register_parametrization(layer, "weight", SpectralNorm(layer.weight, rows))


class SpectralNorm(nn.Module):
    """Divide a weight by an estimate of its largest singular value, which one power iteration at every use improves.

    It computes what `torch.nn.utils.parametrizations.spectral_norm` does, under the same names in checkpoints, in fp32
    whatever the precision around it, and in half the time: no copy of a channels-last weight, and a gradient in closed form.

    Args:
        weight: of the layer, [out, in, ...] or, with `rows` = 1, [in, out, ...].
        rows: the dimension that counts as the matrix's rows; all others are its columns.
    """

    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Tensor, rows: int = 0) -> None:
        super().__init__()
        self.rows = rows
        weight = weight.detach()
        height = weight.shape[rows]
        self.register_buffer("_u", F.normalize(weight.new_empty(height).normal_(), dim=0, eps=EPSILON))
        self.register_buffer(
            "_v", F.normalize(weight.new_empty(weight.numel() // height).normal_(), dim=0, eps=EPSILON)
        )
        for _ in range(FIRST_ITERATIONS):
            self._vectors(weight, improve=True)

    def forward(self, weight: Tensor) -> Tensor:
        """Return the weight, of the same shape, with a largest singular value of about 1."""
        with torch.no_grad(), torch.autocast(weight.device.type, enabled=False):
            u, v, sigma = self._vectors(weight, improve=self.training)
        divided: Tensor = _Divided.apply(weight, u, v, sigma)
        return divided

    def right_inverse(self, weight: Tensor) -> Tensor:
        """Take a weight as it is."""
        return weight

    @torch.no_grad()
    def _vectors(self, weight: Tensor, *, improve: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Return the first singular vectors, each in the shape in which it spans the weight's, and the singular value."""
        weight = weight.transpose(0, self.rows)
        columns = weight.shape[1:]
        # Columns are taken as they lie in memory; `_v` holds them in order, whatever the layout.
        channels_last = weight.ndim == 4 and weight.is_contiguous(memory_format=torch.channels_last)
        matrix = (weight.permute(0, 2, 3, 1) if channels_last else weight).flatten(1)
        u, v = self._u, self._v.view(columns).permute(1, 2, 0).flatten() if channels_last else self._v
        if improve:
            u = F.normalize(torch.mv(matrix, v), dim=0, eps=EPSILON)
            v = F.normalize(torch.mv(matrix.t(), u), dim=0, eps=EPSILON)
        sigma = torch.dot(u, torch.mv(matrix, v))
        if channels_last:
            v = v.view(columns[1], columns[2], columns[0]).permute(2, 0, 1)
        if improve:  # in place: an earlier use keeps its own vectors for its gradient
            self._u.copy_(u)
            self._v.copy_(v.reshape(-1))
        u, v = u.clone().view(-1, *(1 for _ in columns)), v.reshape(1, *columns).clone()
        return u.transpose(0, self.rows), v.transpose(0, self.rows), sigma


class _Divided(torch.autograd.Function):
    """W / sigma with sigma = u'Wv, where u and v count as constants: eq. 12 of the paper."""

    @staticmethod
    def forward(context: Any, weight: Tensor, u: Tensor, v: Tensor, sigma: Tensor) -> Tensor:
        """Return the divided weight."""
        divided = weight * sigma.reciprocal()
        context.save_for_backward(divided, u, v, sigma)
        return divided

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        """Return (G - <G, W / sigma> u v') / sigma."""
        divided, u, v, sigma = context.saved_tensors
        share = (gradient * divided).sum() / sigma
        return (gradient / sigma).addcmul_(u * share, v, value=-1), None, None, None
