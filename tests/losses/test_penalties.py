from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from gan_lab.losses import R1, R2, GradientPenalty, gradient_penalty, zero_centred_penalty

# D(x) = sum(w * x) has the gradient w everywhere, of norm 5.
SLOPE = torch.tensor([3.0, 4.0]).view(1, 1, 1, 2)


def _linear(x: Tensor) -> Tensor:
    return (x * SLOPE.to(x)).sum(dim=(1, 2, 3))


def test_values_for_a_linear_discriminator() -> None:
    x = torch.randn(3, 1, 1, 2, requires_grad=True)
    assert zero_centred_penalty(_linear(x), x).item() == pytest.approx(25)
    assert gradient_penalty(_linear(x), x).item() == pytest.approx((5 - 1) ** 2)
    assert gradient_penalty(_linear(x), x, target=0.0).item() == pytest.approx(25)
    assert R1()(_linear, x, x).item() == pytest.approx(25)
    assert R2()(_linear, x, x).item() == pytest.approx(25)
    assert GradientPenalty()(_linear, x, x).item() == pytest.approx(16)


def test_values_are_means_over_images_and_sums_over_patches() -> None:
    x = torch.tensor([1.0, 2.0]).view(2, 1, 1, 1).requires_grad_()
    assert zero_centred_penalty(x.square().flatten(), x).item() == pytest.approx(((2 * 1) ** 2 + (2 * 2) ** 2) / 2)
    patches = torch.cat([x, x], dim=3)  # two logits, each with a gradient of 1: together 2
    assert zero_centred_penalty(patches, x).item() == pytest.approx(4)


def test_interpolates_lie_between_real_and_fake_with_one_epsilon_an_image() -> None:
    seen = []

    def discriminator(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return x.sum(dim=(1, 2, 3))

    torch.manual_seed(0)
    real, fake = torch.ones(64, 3, 4, 4), -torch.ones(64, 3, 4, 4)
    GradientPenalty()(discriminator, real, fake)
    (points,) = seen
    assert points.abs().max() <= 1
    assert torch.equal(points, points[:, :1, :1, :1].expand_as(points))
    assert points[:, 0, 0, 0].std() > 0.4  # uniform on [-1, 1]: 0.577
    torch.manual_seed(0)
    GradientPenalty()(discriminator, real, fake)
    assert torch.equal(seen[1], points)


def test_r1_looks_at_real_images_alone() -> None:
    seen = []
    R1()(lambda x: (seen.append(x.detach()), x.sum(dim=(1, 2, 3)))[1], torch.ones(2, 1, 2, 2), torch.zeros(2, 1, 2, 2))
    assert torch.equal(seen[0], torch.ones(2, 1, 2, 2))


def test_r2_looks_at_fake_images_alone() -> None:
    seen = []
    R2()(lambda x: (seen.append(x.detach()), x.sum(dim=(1, 2, 3)))[1], torch.ones(2, 1, 2, 2), torch.zeros(2, 1, 2, 2))
    assert len(seen) == 1
    assert torch.equal(seen[0], torch.zeros(2, 1, 2, 2))


@pytest.mark.parametrize(("penalty", "side"), [(R1(), 0), (R2(), 1)])
def test_zero_centred_penalties_against_autograd_image_by_image(penalty: nn.Module, side: int) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(12, 1))
    images = torch.randn(2, 3, 2, 4, 4)
    norms = []
    for image in images[side]:
        gradient = torch.autograd.functional.jacobian(lambda x: network(x[None]).squeeze(), image)
        norms.append(float(gradient.square().sum()))
    assert penalty(network, *images).item() == pytest.approx(sum(norms) / 3, rel=1e-5)


@pytest.mark.parametrize("penalty", [zero_centred_penalty, gradient_penalty])
def test_gradients_by_the_weights(penalty: object) -> None:
    """The penalty's gradient by D's weights, which takes D's second derivative, against finite differences."""
    torch.manual_seed(0)
    x = torch.randn(2, 1, 6, 6, dtype=torch.float64, requires_grad=True)
    first = torch.randn(2, 1, 3, 3, dtype=torch.float64, requires_grad=True)
    second = torch.randn(1, 2, 3, 3, dtype=torch.float64, requires_grad=True)

    def value(first: Tensor, second: Tensor) -> Tensor:
        hidden = nn.functional.softplus(nn.functional.conv2d(x, first))
        return penalty(nn.functional.conv2d(hidden, second), x)  # type: ignore[operator]

    assert torch.autograd.gradcheck(value, (first, second))


@pytest.mark.parametrize("penalty", [R1(), R2(), GradientPenalty()])
def test_modules_reach_the_discriminator_and_nothing_else(penalty: nn.Module) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh(), nn.Flatten(), nn.Linear(8, 1))
    real, fake = torch.randn(3, 1, 4, 4, requires_grad=True), torch.randn(3, 1, 4, 4, requires_grad=True)
    penalty(network, real, fake).backward()
    assert all(p.grad.abs().sum() > 0 for name, p in network.named_parameters() if name.endswith("weight"))
    assert real.grad is None
    assert fake.grad is None


@pytest.mark.parametrize("penalty", [R1(), R2(), GradientPenalty()])
def test_modules_run_in_fp32_under_autocast(penalty: nn.Module) -> None:
    dtypes = []
    network = nn.Conv2d(1, 1, 3)
    network.register_forward_hook(lambda _module, _inputs, out: dtypes.append(out.dtype))
    half = torch.randn(2, 1, 4, 4).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        assert penalty(network, half, half).dtype == torch.float32
    assert dtypes == [torch.float32]


def test_a_flat_discriminator_gives_finite_gradients() -> None:
    """The norm has no derivative at zero; a NaN there would end a run."""
    network = nn.Conv2d(1, 1, 3)
    nn.init.zeros_(network.weight)
    GradientPenalty()(network, torch.randn(2, 1, 4, 4), torch.randn(2, 1, 4, 4)).backward()
    assert network.weight.grad.isfinite().all()


def test_weights() -> None:
    assert GradientPenalty().weight == 10.0
    assert R1().weight == 5.0
    assert R2().weight == 5.0
    for penalty in (R1, R2, GradientPenalty):
        assert penalty().every == 1
        assert penalty(weight=2.0, every=3).weight == 2.0
        assert penalty(every=3).every == 3


@pytest.mark.parametrize("penalty", [zero_centred_penalty, gradient_penalty])
def test_images_without_gradient_are_refused(penalty: object) -> None:
    x = torch.randn(2, 1, 1, 2)
    with pytest.raises(ValueError, match="must require grad"):
        penalty(_linear(x), x)  # type: ignore[operator]
