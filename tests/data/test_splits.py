from __future__ import annotations

import numpy as np
import pytest

from gan_lab.data.splits import TEST, TRAIN, VALIDATION, join_groups, split_by_group


def split(groups: np.ndarray, roles: np.ndarray | None = None, seed: int = 0, **shares: float) -> np.ndarray:
    shares = {"validation": 0.1, "test": 0.1} | shares
    return split_by_group(groups, np.zeros_like(groups) if roles is None else roles, seed=seed, **shares)


def test_shares_are_met_and_the_seed_decides() -> None:
    parts = split(np.arange(200))
    assert [(parts == part).sum() for part in (TRAIN, VALIDATION, TEST)] == [160, 20, 20]
    assert np.array_equal(parts, split(np.arange(200)))
    assert not np.array_equal(parts, split(np.arange(200), seed=1))


@pytest.mark.parametrize("seed", range(5))
def test_a_group_is_on_one_side(seed: int) -> None:
    groups = np.random.default_rng(seed).integers(0, 40, 300)
    parts = split(groups, seed=seed)
    assert all(len(set(parts[groups == group])) == 1 for group in range(40))
    assert abs((parts == TEST).sum() - 30) <= 8


@pytest.mark.parametrize("seed", range(8))
def test_a_giant_group_stays_in_training(seed: int) -> None:
    parts = split(np.array([0] * 70 + list(range(1, 31))), seed=seed)
    assert set(parts[:70]) == {TRAIN}
    assert (parts == VALIDATION).sum() == 10


def test_the_smallest_group_is_held_out_where_none_fits() -> None:
    parts = split(np.repeat([0, 1, 2], [50, 40, 30]), test=0.0)
    assert (parts == VALIDATION).sum() == 30


def test_one_group_alone_is_trained_on() -> None:
    assert set(split(np.zeros(50, dtype=np.int64))) == {TRAIN}


def test_each_role_is_held_out_in_its_share() -> None:
    roles = np.repeat([0, 1], [300, 40])
    parts = split(np.arange(340), roles)
    assert [(parts[roles == role] == VALIDATION).sum() for role in (0, 1)] == [30, 4]


def test_a_group_across_roles_is_on_one_side() -> None:
    groups, roles = np.tile(np.arange(50), 2), np.repeat([0, 1], 50)
    parts = split(groups, roles)
    assert np.array_equal(parts[:50], parts[50:])


def test_nothing_is_held_out_of_two() -> None:
    assert set(split(np.arange(2))) == {TRAIN}
    assert set(split(np.arange(50), validation=0, test=0)) == {TRAIN}


def test_joining_follows_chains_through_columns_and_none_joins_nothing() -> None:
    product = ["a", "a", None, None, "b", None]
    looks = [1, 2, 2, 3, 4, None]
    groups = join_groups(product, looks)
    assert groups[0] == groups[1] == groups[2]
    assert len({groups[0], groups[3], groups[4], groups[5]}) == 4
