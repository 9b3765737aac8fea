from __future__ import annotations

import pytest
import torch

from gan_lab.losses import ConsistencyRegularisation, FlipAndShift


def test_weighted_squares_of_what_moved() -> None:
    real, fake = torch.tensor([1.0, 2.0]), torch.tensor([0.0, -1.0])
    moved_real, moved_fake = torch.tensor([1.5, 2.0]), torch.tensor([2.0, -1.0])
    loss = ConsistencyRegularisation(weight_real=3.0, weight_fake=0.5)
    assert loss(real, fake, moved_real, moved_fake).item() == pytest.approx(3 * 0.25 / 2 + 0.5 * 4 / 2)
    assert loss(real, fake, real, fake).item() == 0
    assert loss(real.bfloat16(), fake.bfloat16(), moved_real.bfloat16(), moved_fake.bfloat16()).dtype == torch.float32


def test_both_sides_of_a_difference_are_trained() -> None:
    logits = [torch.full((2,), float(i), requires_grad=True) for i in range(4)]
    ConsistencyRegularisation()(*logits).backward()
    assert all(logit.grad.abs().min() > 0 for logit in logits)


def test_each_image_is_mirrored_or_not_and_moved_whole() -> None:
    """Every pixel says where it was, so that the move can be read off."""
    n, height, width, pixels = 400, 9, 12, 3
    torch.manual_seed(0)
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    images = torch.stack([rows, columns]).float().expand(n, -1, -1, -1)
    moved = FlipAndShift(pixels)(images)
    assert moved.shape == images.shape
    seen = set()
    for image in moved:
        mirrored = bool(image[1, 0, 5] > image[1, 0, 6])
        down = int(image[0, 4, 0]) - 4
        middle = int(image[1, 0, 6])
        right = (width - 1 - middle if mirrored else middle) - 6
        across = (torch.arange(width) + right).clamp(0, width - 1)
        expected = torch.stack(
            torch.meshgrid(
                (torch.arange(height) + down).clamp(0, height - 1),
                width - 1 - across if mirrored else across,
                indexing="ij",
            )
        )
        assert torch.equal(image, expected.float())
        seen.add((mirrored, down, right))
    assert {move[0] for move in seen} == {False, True}
    assert {move[1] for move in seen} == {move[2] for move in seen} == set(range(-pixels, pixels + 1))


def test_the_moves_come_from_torchs_generator_and_pass_a_gradient() -> None:
    images = torch.randn(4, 3, 1, 5, requires_grad=True)  # smaller than the move
    torch.manual_seed(0)
    first = FlipAndShift()(images)
    torch.manual_seed(0)
    assert torch.equal(FlipAndShift()(images), first)
    first.sum().backward()
    assert images.grad.sum() == images.numel()
    still = FlipAndShift(pixels=0)(images).detach()
    assert all(torch.equal(a, b) or torch.equal(a, b.flip(-1)) for a, b in zip(still, images.detach(), strict=True))
