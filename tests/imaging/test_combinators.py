from __future__ import annotations

import pickle

import numpy as np
import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from gan_lab.errors import UserError
from gan_lab.imaging import JPEG, Compose, GaussianNoise, OneOf, Sometimes

IMAGE = np.zeros((1, 1, 1), np.uint8)


class Add:
    """Appends its digit, so that the value tells which steps ran and in which order."""

    def __init__(self, digit: int) -> None:
        self.digit = digit

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return image * 10 + np.uint8(self.digit)


def results(degradation: Compose | Sometimes | OneOf, draws: int = 300) -> list[int]:
    rng = np.random.default_rng(0)
    return [int(degradation(IMAGE, rng).item()) for _ in range(draws)]


def test_steps_run_in_their_order() -> None:
    assert set(results(Compose([Add(1), Add(2)]))) == {12}
    assert set(results(Compose([]))) == {0}


def test_shuffled_steps_run_in_every_order() -> None:
    assert set(results(Compose([Add(1), Add(2)], shuffle=True))) == {12, 21}


def test_sometimes_means_its_share() -> None:
    assert np.mean(results(Sometimes(Add(1), 0.2), 2000)) == pytest.approx(0.2, abs=0.03)
    assert set(results(Sometimes(Add(1), 0))) == {0}
    assert set(results(Sometimes(Add(1), 1))) == {1}


def test_one_of_several_is_as_likely_as_the_others() -> None:
    drawn = results(OneOf([Add(1), Add(2), Add(3)]), 3000)
    assert all(drawn.count(digit) == pytest.approx(1000, abs=100) for digit in (1, 2, 3))


def test_a_yaml_nests_them() -> None:
    config = OmegaConf.create(
        """
        _target_: gan_lab.imaging.Compose
        shuffle: true
        steps:
          - _target_: gan_lab.imaging.Sometimes
            probability: 0.9
            step: {_target_: gan_lab.imaging.GaussianNoise, sigma: [5, 25]}
          - _target_: gan_lab.imaging.OneOf
            steps:
              - {_target_: gan_lab.imaging.JPEG, quality: [20, 90]}
              - {_target_: gan_lab.imaging.SensorNoise, shot: 1e-3}
        """
    )
    degradation = instantiate(config)
    noise, choice = degradation.steps
    assert isinstance(noise.step, GaussianNoise)
    assert noise.step.sigma == (5.0, 25.0)
    assert isinstance(choice.steps[0], JPEG)
    assert type(degradation.steps) is type(choice.steps) is list
    image = np.full((16, 16, 3), 99, np.uint8)
    copy = pickle.loads(pickle.dumps(degradation))
    degraded = [one(image, np.random.default_rng(3)) for one in (degradation, copy)]
    np.testing.assert_array_equal(*degraded)
    assert (degraded[0] != image).any()


@pytest.mark.parametrize(
    ("make", "option"),
    [
        (lambda: Compose([JPEG(), {"sigma": 3}]), "Compose.steps"),
        (lambda: Sometimes("noise"), "Sometimes.step"),
        (lambda: Sometimes(JPEG(), 1.5), "Sometimes.probability"),
        (lambda: OneOf([]), "OneOf.steps"),
    ],
)
def test_what_makes_no_sense_is_named(make: object, option: str) -> None:
    with pytest.raises(UserError, match=option):
        make()
