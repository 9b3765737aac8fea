from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_lab.metrics import frechet_distance, jackknife, kernel_distance, precision_recall
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
    ],
    ids=["frechet", "kernel", "precision"],
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
    assert np.mean([each.error for each in intervals]) == pytest.approx(np.std(values), rel=0.35)


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


@pytest.mark.parametrize(("freedom", "expected"), [(7, 2.3646), (19, 2.0930), (99, 1.9842)])
def test_students_quantile(freedom: int, expected: float) -> None:
    assert student(freedom) == pytest.approx(expected, abs=0.01)
