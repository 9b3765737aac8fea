from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_lab.metrics import (
    density_coverage,
    frechet_distance,
    interval_of_mean,
    interval_of_share,
    jackknife,
    jackknives,
    kernel_distance,
    precision_recall,
)
from gan_lab.metrics.intervals import student


def drawn(count: int, seed: int, shift: float = 0.0, width: int = 3) -> Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed)).double() + shift


def test_the_error_of_a_difference_of_means_is_the_textbooks() -> None:
    f_real, f_fake = drawn(400, 0), 2 * drawn(300, 1)

    def difference(real: Tensor, fake: Tensor) -> float:
        return float(fake[:, 0].mean() - real[:, 0].mean())

    expected = (f_real[:, 0].var() / 400 + f_fake[:, 0].var() / 300).sqrt().item()
    errors = [jackknife(difference, f_real, f_fake, seed=seed).error for seed in range(20)]
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(expected, rel=0.1)
    assert jackknife(difference, f_real, f_fake, groups=300).error == pytest.approx(expected, rel=0.02)
    interval = jackknife(difference, f_real, f_fake)
    assert interval.value == difference(f_real, f_fake)
    assert interval.high - interval.value == pytest.approx(2.093 * interval.error, rel=1e-3)
    assert interval.value - interval.low == pytest.approx(interval.high - interval.value)


def test_real_images_that_are_all_there_are_vary_not() -> None:
    f_real, f_fake = drawn(300, 0), drawn(300, 1)
    whole, fakes_alone = (jackknife(frechet_distance, f_real, f_fake, real_varies=varies) for varies in (True, False))
    assert 0 < fakes_alone.error < whole.error


@pytest.mark.parametrize(
    "figure",
    [
        frechet_distance,
        lambda real, fake: kernel_distance(real, fake, subsets=None)[0],
        lambda real, fake: precision_recall(real, fake)[0],
        lambda real, fake: precision_recall(real, fake)[1],
        lambda real, fake: density_coverage(real, fake)[0],
        lambda real, fake: density_coverage(real, fake)[1],
    ],
    ids=["frechet", "kernel", "precision", "recall", "density", "coverage"],
)
def test_the_interval_covers_what_other_images_give(figure: object) -> None:
    """The figure's own spread over fresh sets is what the interval of one set says, within what 60 sets can tell."""
    values, intervals = [], []
    for seed in range(60):
        sets = drawn(120, 2 * seed), drawn(120, 2 * seed + 1, shift=0.7)
        intervals.append(jackknife(figure, *sets))  # type: ignore[arg-type]
        values.append(intervals[-1].value)
    mean = np.mean(values)
    covered = np.mean([each.low <= mean <= each.high for each in intervals])
    assert covered > 0.85
    # the figures that count neighbours are steps, which leaving out photos moves further than drawing others does
    assert 0.65 < np.mean([each.error for each in intervals]) / np.std(values) < 1.5


def test_the_global_generator_is_left_alone_and_the_seed_decides() -> None:
    f_real, f_fake = drawn(50, 0), drawn(50, 1)
    before = torch.get_rng_state()
    first = jackknife(frechet_distance, f_real, f_fake, seed=1)
    assert torch.equal(before, torch.get_rng_state())
    assert first == jackknife(frechet_distance, f_real, f_fake, seed=1)
    assert first != jackknife(frechet_distance, f_real, f_fake, seed=2)


def test_few_images_are_refused() -> None:
    with pytest.raises(ValueError, match="3 and 9 images in 20 groups"):
        jackknife(frechet_distance, drawn(3, 0), drawn(9, 1))
    assert jackknife(frechet_distance, drawn(5, 0), drawn(9, 1)).error > 0


@pytest.mark.parametrize(("freedom", "expected"), [(2, 4.3027), (4, 2.7764), (7, 2.3646), (99, 1.9842)])
def test_students_quantile(freedom: int, expected: float) -> None:
    assert student(freedom) == pytest.approx(expected, rel=0.01)
    assert freedom < 4 or student(freedom) == pytest.approx(expected, rel=1e-3)


def test_several_figures_share_their_groups() -> None:
    f_real, f_fake = drawn(50, 0), drawn(50, 1)
    together = jackknives(lambda real, fake: [frechet_distance(real, fake), float(fake.mean())], f_real, f_fake)
    assert together[0] == jackknife(frechet_distance, f_real, f_fake)
    assert together[1] == jackknife(lambda real, fake: float(fake.mean()), f_real, f_fake)


def test_the_interval_of_a_mean_is_the_textbooks() -> None:
    interval = interval_of_mean([1.0, 2.0, 3.0, 4.0, 5.0])
    assert (interval.value, interval.error) == (3.0, pytest.approx(0.70711, abs=1e-5))
    assert interval.high == pytest.approx(3 + 2.7764 * 0.70711, abs=1e-3)
    with pytest.raises(ValueError, match="1 values"):
        interval_of_mean([1.0])


def test_the_interval_of_a_share_stays_within_it() -> None:
    assert interval_of_share(0, 10).low == 0.0
    none, half = interval_of_share(0, 10), interval_of_share(50, 100)
    assert none.high == pytest.approx(0.2775, abs=1e-4)  # Wilson: z^2 / (n + z^2)
    assert (half.low, half.high) == pytest.approx((0.4038, 0.5962), abs=1e-4)
    with pytest.raises(ValueError, match="0 trials"):
        interval_of_share(0, 0)
