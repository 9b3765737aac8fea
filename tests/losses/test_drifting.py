from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gan_lab.losses import drifting_loss
from gan_lab.losses.drifting import compute_drift


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def compute_field_by_hand(generated: Tensor, real: Tensor, temperature: float) -> Tensor:
    """Algorithm 2 of the paper in loops, for one place; not normalised."""
    samples, photos, dimensions = len(generated), len(real), generated.shape[1]
    everything = torch.cat([real, generated])
    distance = torch.stack([(everything - one).norm(dim=1) for one in generated])
    scale = distance[:, :photos].mean() / dimensions**0.5
    logits = -distance / scale / (temperature * dimensions**0.5)
    for sample in range(samples):
        logits[sample, photos + sample] = -torch.inf
    affinity = (logits.softmax(1) * logits.softmax(0)).sqrt()
    field = torch.zeros_like(generated)
    for sample in range(samples):
        pulls, pushes = affinity[sample, :photos], affinity[sample, photos:]
        for photo in range(photos):
            field[sample] += pulls[photo] * pushes.sum() * real[photo] / scale
        for other in range(samples):
            field[sample] -= pushes[other] * pulls.sum() * generated[other] / scale
    return field


def test_the_field_is_the_papers() -> None:
    generated, real = draw(1, 5, 3), draw(1, 7, 3, seed=1)
    expected = compute_field_by_hand(generated[0], real[0], 0.5)
    _, field, drift = compute_drift(generated, real, [0.5])
    torch.testing.assert_close(field[0], expected / expected.square().mean().sqrt(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(drift, expected.square().mean().sqrt(), rtol=1e-4, atol=1e-6)


def test_temperatures_count_alike() -> None:
    generated, real = draw(2, 5, 3), draw(2, 7, 3, seed=1)
    fields = [compute_drift(generated, real, [temperature])[1] for temperature in (0.1, 1.0)]
    torch.testing.assert_close(compute_drift(generated, real, [0.1, 1.0])[1], torch.stack(fields).mean(0))


def test_nothing_drifts_where_samples_are_photos() -> None:
    """Each sample's own photo attracts it where the sample itself does not repel: only many of both balance."""
    real, same, other = draw(1, 512, 2), draw(1, 512, 2, seed=1), draw(1, 512, 2, seed=2) + 2
    assert compute_drift(same, real)[2] < 0.3 * compute_drift(other, real)[2]


def test_samples_move_towards_photos_and_cover_both_groups_of_them() -> None:
    real = torch.cat([draw(1, 40, 2) * 0.1 + 3, draw(1, 40, 2, seed=1) * 0.1 - 3], dim=1)
    samples = (draw(1, 32, 2, seed=2) * 0.1).requires_grad_(True)
    optimizer = torch.optim.Adam([samples], lr=0.1)
    for _ in range(200):
        loss, _ = drifting_loss([samples], [real])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert torch.cdist(samples[0], real[0]).min(dim=1)[0].median() < 0.1
    assert 8 <= int((samples[0, :, 0] > 0).sum()) <= 24


def test_the_scale_of_features_does_not_matter() -> None:
    generated, real = draw(1, 5, 3), draw(1, 7, 3, seed=1)
    torch.testing.assert_close(compute_drift(generated, real)[1], compute_drift(1e3 * generated, 1e3 * real)[1])


def test_each_group_counts_alike_and_places_are_apart() -> None:
    generated, real = draw(2, 5, 3).requires_grad_(True), draw(2, 7, 3, seed=1)
    loss, _ = drifting_loss([generated], [real])
    loss.backward()
    assert generated.grad is not None
    assert torch.count_nonzero(generated.grad) == generated.numel()
    pair, _ = drifting_loss([generated, generated * 100], [real, real * 100])
    torch.testing.assert_close(pair, loss)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_equal_vectors_are_finite(value: float) -> None:
    generated = torch.full((1, 4, 3), value, requires_grad=True)
    loss, drift = drifting_loss([generated], [torch.full((1, 6, 3), value)])
    loss.backward()
    assert generated.grad is not None
    assert all(bool(each.isfinite().all()) for each in (loss, drift, generated.grad))
