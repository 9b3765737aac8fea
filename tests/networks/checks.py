"""What every network must do, said once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


def assert_gradient_reaches_every_parameter(network: nn.Module, call: Callable[[], Tensor]) -> None:
    network.zero_grad()
    output = call()
    (output.float() * torch.randn(output.shape)).sum().backward()
    silent = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not silent, f"no gradient in {silent}"


def assert_generator(network: nn.Module, z: Tensor, shape: tuple[int, ...], label: Tensor | None = None) -> None:
    image = network(z, label)
    assert image.shape == (len(z), *shape)
    assert image.std() > 0
    assert_gradient_reaches_every_parameter(network, lambda: network(z, label))
    assert_bounded(network, lambda: network(z, label))


def assert_bounded(network: nn.Module, call: Callable[[], Tensor]) -> None:
    """However large its last weights, an image network stays in [-1, 1]; leaves the network changed."""
    with torch.no_grad():
        [p for p in network.parameters() if p.ndim > 1][-1].mul_(1e4)
        assert 0.9 < call().abs().max() <= 1


def assert_discriminator(network: nn.Module, x: Tensor, shape: tuple[int, ...], label: Tensor | None = None) -> None:
    network.eval()
    logits, features = network(x, label, return_features=True)
    assert logits.shape == shape
    assert len(features) >= 2
    assert all(len(feature) == len(x) for feature in features)
    assert torch.equal(logits, network(x, label))
    network.train()
    assert_gradient_reaches_every_parameter(network, lambda: network(x, label))


def assert_input_unchanged(network: nn.Module, x: Tensor) -> None:
    before = x.clone()
    network(x)
    assert torch.equal(x, before)


def assert_same_in_channels_last(network: nn.Module, x: Tensor) -> None:
    network.eval()
    expected = network(x)
    network.to(memory_format=torch.channels_last)
    torch.testing.assert_close(network(x.contiguous(memory_format=torch.channels_last)), expected, rtol=1e-4, atol=1e-5)


def assert_labels_matter(network: nn.Module, x: Tensor) -> None:
    network.eval()
    first, second = (torch.full((len(x),), label) for label in (0, 1))
    assert not torch.allclose(network(x, first), network(x, second))
    assert torch.equal(network(x, first), network(x, first))


def assert_spectral(network: nn.Module) -> None:
    """Every weight's largest singular value is 1, as far as power iteration has come."""
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear, nn.Embedding)):
            top = torch.linalg.svdvals(layer.weight.detach().flatten(1))[0]
            torch.testing.assert_close(top, torch.ones(()), rtol=0.1, atol=0)


def assert_differentiable_twice(network: nn.Module, x: Tensor) -> None:
    """The squared gradient by the image must itself reach the first layer's weights."""
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(network(x).sum(), x, create_graph=True)
    gradient.square().sum().backward()
    weight = next(p for p in network.parameters() if p.ndim > 1)
    assert weight.grad is not None
    assert weight.grad.abs().sum() > 0
