from __future__ import annotations

import random
import time

import cv2
import numpy as np
import pytest

from gan_lab.imaging import JPEG, dhash, near_duplicate_groups
from gan_lab.imaging.similarity import HASH_BITS, NEAR


def scene(seed: int, channels: int = 3) -> np.ndarray:
    """A smooth picture of its own for each seed: 120 x 160."""
    coarse = np.random.default_rng(seed).uniform(30, 225, (7, 9, channels)).astype(np.float32)
    return (
        cv2.resize(coarse, (160, 120), interpolation=cv2.INTER_CUBIC)
        .clip(0, 255)
        .astype(np.uint8)
        .reshape(120, 160, -1)
    )


def bits_apart(one: int, other: int) -> int:
    return (one ^ other).bit_count()


def flipped(value: int, count: int, rng: random.Random) -> int:
    for bit in rng.sample(range(HASH_BITS), count):
        value ^= 1 << bit
    return value


def test_copies_of_a_photo_are_near_and_other_photos_far() -> None:
    rng = np.random.default_rng(0)
    for seed in range(10):
        image = scene(seed)
        small = cv2.resize(image, (90, 70), interpolation=cv2.INTER_AREA)
        for copy in (small, JPEG(40)(image, rng), (image * 0.8).astype(np.uint8), (image * 0.7 + 40).astype(np.uint8)):
            assert bits_apart(dhash(image), dhash(copy)) <= NEAR
        assert bits_apart(dhash(image), dhash(scene(seed + 100))) > 4 * NEAR
        assert bits_apart(dhash(image), dhash(image[:, ::-1])) > 4 * NEAR


def test_a_hash_says_where_it_grows_brighter() -> None:
    rising = np.repeat(np.tile(np.linspace(0, 255, 130), (130, 1))[..., None], 3, axis=2).astype(np.uint8)
    half = HASH_BITS // 2
    ones = (1 << half) - 1
    assert dhash(rising) == ones << half
    assert dhash(rising.transpose(1, 0, 2)) == ones
    assert dhash(rising[:, ::-1]) == 0
    assert dhash(rising[..., :1]) == dhash(rising)


def test_a_plain_ground_has_no_marks_in_spite_of_noise() -> None:
    noise = np.random.default_rng(0).normal(240, 2, (120, 120, 3)).astype(np.uint8)
    assert dhash(noise) == 0


def brute_force(hashes: list[int], distance: int) -> list[int]:
    group = list(range(len(hashes)))
    for one in range(len(hashes)):
        for other in range(one):
            if bits_apart(hashes[one], hashes[other]) <= distance:
                old, new = group[one], group[other]
                group = [new if number == old else number for number in group]
    numbers: dict[int, int] = {}
    return [numbers.setdefault(number, len(numbers)) for number in group]


@pytest.mark.parametrize("distance", [0, 1, 5, NEAR, 40])
def test_groups_are_those_of_comparing_all_pairs(distance: int) -> None:
    rng = random.Random(distance)
    seeds = [rng.getrandbits(HASH_BITS) for _ in range(12)]
    hashes = [flipped(rng.choice(seeds), rng.randint(0, distance + 2), rng) for _ in range(150)]
    groups = near_duplicate_groups(hashes, distance)
    assert groups == brute_force(hashes, distance)
    assert 1 < len(set(groups)) < len(hashes)


def test_a_chain_of_near_duplicates_is_one_group() -> None:
    chain = [(1 << length) - 1 for length in range(0, 200, NEAR)]
    assert set(near_duplicate_groups([*chain, (1 << HASH_BITS) - 1])) == {0, 1}
    assert len(set(near_duplicate_groups(chain, NEAR - 1))) == len(chain)


def test_no_and_one_and_equal_hashes() -> None:
    assert near_duplicate_groups([]) == []
    assert near_duplicate_groups([5]) == [0]
    assert near_duplicate_groups([5, (1 << 200) - 1, 5]) == [0, 1, 0]


def test_twenty_thousand_take_seconds() -> None:
    rng = random.Random(0)
    hashes = [rng.getrandbits(HASH_BITS) for _ in range(10_000)]
    hashes += [flipped(value, 10, rng) for value in hashes]
    start = time.process_time()
    groups = near_duplicate_groups(hashes)
    assert time.process_time() - start < 20  # comparing all pairs one by one takes minutes
    assert groups[:10_000] == groups[10_000:] == list(range(10_000))
