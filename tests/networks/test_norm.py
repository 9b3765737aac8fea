from __future__ import annotations

import pytest
import torch
from torch import nn

from gan_lab.errors import UserError
from gan_lab.networks import ConditionalBatchNorm2d, InstanceNorm2d, norm_layer, spectral_normalise


def test_norms_by_name() -> None:
    torch.manual_seed(0)
    x = 3 + 2 * torch.randn(4, 5, 8, 8)
    batch, instance = norm_layer("batch", 5)(x), norm_layer("instance", 5)(x)
    torch.testing.assert_close(batch.mean(dim=(0, 2, 3)), torch.zeros(5), atol=1e-5, rtol=0)
    torch.testing.assert_close(instance.mean(dim=(2, 3)), torch.zeros(4, 5), atol=1e-5, rtol=0)
    torch.testing.assert_close(instance.var(dim=(2, 3), correction=0), torch.ones(4, 5), atol=1e-4, rtol=0)
    assert torch.equal(norm_layer("none", 5)(x), x)
    with pytest.raises(ValueError, match="batch, instance, none; got 'layer'"):
        norm_layer("layer", 5)  # type: ignore[arg-type]


@pytest.mark.parametrize("images", [1, 2])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_instance_norm_and_its_gradient_against_the_definition(images: int, layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    x, weights = torch.randn(images, 3, 6, 5) * 2 + 1, torch.randn(images, 3, 6, 5)
    exact = x.double().requires_grad_()
    mean, variance = exact.mean(dim=(2, 3), keepdim=True), exact.var(dim=(2, 3), correction=0, keepdim=True)
    expected = (exact - mean) / (variance + 1e-5).sqrt()
    expected.backward(weights.double())

    given = x.contiguous(memory_format=layout).clone().requires_grad_()
    out = InstanceNorm2d(3)(given)
    out.backward(weights.contiguous(memory_format=layout))

    torch.testing.assert_close(out, expected.float())
    assert out.is_contiguous(memory_format=layout)
    assert given.grad is not None
    assert exact.grad is not None
    torch.testing.assert_close(given.grad, exact.grad.float())


def test_instance_norm_of_single_values_is_refused() -> None:
    with pytest.raises(UserError, match=r"data\.image_size.*more than one pixel"):
        InstanceNorm2d(3)(torch.zeros(2, 3, 1, 1))


def test_conditional_batch_norm_against_batch_norm() -> None:
    torch.manual_seed(0)
    norm, x, label = ConditionalBatchNorm2d(3, classes=2), torch.randn(4, 3, 5, 5), torch.tensor([0, 1, 1, 0])
    plain = nn.BatchNorm2d(3, affine=False)(x)
    torch.testing.assert_close(norm(x, label), plain)
    with torch.no_grad():
        norm.scale.weight[1], norm.shift.weight[1] = 2.0, -1.0
    expected = plain.clone()
    expected[1:3] = 2 * plain[1:3] - 1
    torch.testing.assert_close(norm(x, label), expected)


def test_conditional_batch_norm_keeps_the_autocast_type() -> None:
    norm = ConditionalBatchNorm2d(3, classes=2)
    assert norm(torch.randn(2, 3, 4, 4).bfloat16(), torch.tensor([0, 1])).dtype == torch.bfloat16


def test_spectral_norm_bounds_the_largest_singular_value() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(32, 4))
    with torch.no_grad():
        for layer in (network[0], network[2]):
            layer.weight.mul_(50)
    spectral_normalise(network)
    network.train()
    for _ in range(30):  # one power iteration a call
        network(torch.randn(2, 3, 4, 4))
    for layer in (network[0], network[2]):
        top = torch.linalg.svdvals(layer.weight.detach().flatten(1))[0]
        torch.testing.assert_close(top, torch.tensor(1.0), rtol=0.01, atol=0)


def test_spectral_norm_survives_two_forwards_before_one_backward() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(32, 1))
    spectral_normalise(network)
    (network(torch.randn(2, 3, 4, 4)) - network(torch.randn(2, 3, 4, 4))).sum().backward()
    assert all(p.grad is not None for p in network.parameters())
