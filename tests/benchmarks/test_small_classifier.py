"""The classifier: it learns, the seed decides, and it leaves the generators alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from benchmarks.small_classifier import Classifier, count_hits, shift_and_mirror, shrink_images, train_classifier
from gan_lab.jobs import Progress

CPU = torch.device("cpu")


def bars(n: int, seed: int, side: int = 16) -> tuple[Tensor, Tensor]:
    """Return noise with a bright bar across (0) or down (1), grey uint8 [n, 1, side, side], and which."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(2, (n,), generator=generator)
    images = torch.randint(0, 100, (n, 1, side, side), generator=generator)
    for image, label, place in zip(images, labels, torch.randint(side, (n,), generator=generator), strict=True):
        (image[:, place] if label == 0 else image[:, :, place]).add_(150)
    return images.byte(), labels


def trained(images: Tensor, labels: Tensor, seed: int = 0, iterations: int = 60) -> Classifier:
    with Progress("training", iterations) as progress:
        classifier = train_classifier(
            images, labels, 2, seed=seed, mirror=True, device=CPU, progress=progress, iterations=iterations
        )
        assert progress.done == iterations
    return classifier


def test_it_learns_what_is_to_be_seen_and_nothing_where_labels_are_chance() -> None:
    images, labels = bars(200, 0)
    test = bars(200, 1)
    assert count_hits(trained(images, labels), *test) > 180
    chance = labels[torch.randperm(200, generator=torch.Generator().manual_seed(0))]
    assert 60 < count_hits(trained(images, chance, iterations=20), *test) < 140


def test_the_seed_decides_and_the_global_generator_is_left_alone() -> None:
    images, labels = bars(80, 0)
    before = torch.get_rng_state()
    one, same, other = (trained(images, labels, seed, iterations=4) for seed in (0, 0, 1))
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert not torch.equal(one.head.weight, other.head.weight)
    assert not one.training


def test_the_seed_decides_what_it_sees_too(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Tensor] = []

    def spy(images: Tensor, *_: object) -> Tensor:
        seen.append(images)
        return images

    monkeypatch.setattr("benchmarks.small_classifier.shift_and_mirror", spy)
    for seed in (0, 0, 1):
        trained(*bars(80, 0), seed, iterations=1)
    assert seen[0].equal(seen[1])
    assert not seen[0].equal(seen[2])


def test_images_are_moved_a_little_and_mirrored_where_that_is_wanted() -> None:
    images = bars(64, 0)[0]
    for mirror in (False, True):
        batch = shift_and_mirror(images, mirror, torch.Generator().manual_seed(0))
        assert batch.shape == images.shape
        inner = images[..., 4:12, 4:12].float()
        places = [(y, x) for y in range(9) for x in range(9)]
        windows = lambda each: [each[..., y : y + 8, x : x + 8] for y, x in places]  # noqa: B023, E731
        straight = torch.stack([(window == inner).flatten(1).all(dim=1) for window in windows(batch)]).any(dim=0)
        turned = torch.stack([(w == inner).flatten(1).all(dim=1) for w in windows(batch.flip(-1))]).any(dim=0)
        assert (straight | turned).all()
        assert straight.all() if not mirror else 16 < int(turned.sum()) < 48


@pytest.mark.parametrize(("side", "kept"), [(8, 8), (32, 32), (64, 32)])
def test_large_images_are_reduced(side: int, kept: int) -> None:
    images = torch.full((2, 3, side, side), 77, dtype=torch.uint8)
    assert shrink_images(images).shape == (2, 3, kept, kept)
    assert (shrink_images(images) == 77).all()
    assert Classifier(3)(shrink_images(images).float()).shape == (2, 3)
