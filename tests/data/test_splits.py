from __future__ import annotations

import numpy as np
import pytest

from gan_lab.data.splits import (
    TEST,
    TRAIN,
    UNKNOWN,
    VALIDATION,
    draw_uniform,
    join_groups,
    make_keys,
    split_by_content,
    split_by_group,
)


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


# ---- by content


def make_digests(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 2**63, count).astype(np.uint64)


def split_photos(
    keys: np.ndarray,
    groups: np.ndarray | None = None,
    roles: np.ndarray | None = None,
    known: dict[int, int] | None = None,
    seed: int = 0,
    **shares: float,
) -> np.ndarray:
    parts = np.full(len(keys), UNKNOWN, np.int8)
    for row, part in (known or {}).items():
        parts[row] = part
    groups = np.arange(len(keys)) if groups is None else groups
    roles = np.zeros(len(keys), np.int64) if roles is None else roles
    return split_by_content(keys, groups, roles, parts, seed=seed, **({"validation": 0.1, "test": 0.2} | shares))


def test_draws_are_even_and_depend_on_the_key_and_the_seed() -> None:
    for keys in (make_digests(20_000), np.arange(20_000, dtype=np.uint64)):
        draws = draw_uniform(keys, 0)
        assert np.abs(np.histogram(draws, 10, (0, 1))[0] - 2000).max() < 200
        other = draw_uniform(keys, 1)
        assert abs(np.corrcoef(draws, other)[0, 1]) < 0.03
    # the same in every version, for runs go on in later ones
    assert draw_uniform(np.array([1, 2, 2**64 - 1], np.uint64), 7).round(6).tolist() == [0.617372, 0.873337, 0.360336]


def test_shares_are_met_on_average() -> None:
    parts = split_photos(make_digests(10_000))
    assert abs((parts == TEST).mean() - 0.2) < 0.015
    assert abs((parts == VALIDATION).mean() - 0.1) < 0.012
    assert (parts != split_photos(make_digests(10_000), seed=1)).mean() > 0.3


def test_a_photo_keeps_its_side_whatever_others_there_are_and_in_whatever_order() -> None:
    keys = make_digests(300)
    parts = split_photos(keys)
    order = np.random.default_rng(1).permutation(300)[:250]
    assert np.array_equal(split_photos(keys[order]), parts[order])
    more = np.concatenate([make_digests(100, seed=2), keys])
    assert np.array_equal(split_photos(more)[100:], parts)


def test_the_smallest_key_of_a_group_decides_for_it() -> None:
    keys, groups = make_digests(900), np.repeat(np.arange(300), 3)
    parts = split_photos(keys, groups).reshape(300, 3)
    assert (parts == parts[:, :1]).all()
    alone = split_photos(keys.reshape(300, 3).min(axis=1))
    assert np.array_equal(parts[:, 0], alone)
    assert abs((alone == TEST).mean() - 0.2) < 0.07


def test_of_few_photos_one_is_held_out_and_one_is_trained_on() -> None:
    for seed in range(60):
        for count in (3, 4, 5, 9):
            parts = split_photos(make_digests(count, seed), validation=0.05, test=0.05)
            assert {TRAIN, VALIDATION, TEST} <= {*parts.tolist()}, (seed, count)
        assert {*split_photos(make_digests(2, seed), test=0.5).tolist()} == {TRAIN}
        assert TRAIN in split_photos(make_digests(4, seed), validation=0.6, test=0.6)


def test_each_role_has_one_in_each_part() -> None:
    roles = np.repeat([0, 1], [300, 4])
    for seed in range(30):
        parts = split_photos(make_digests(304, seed), roles=roles)
        assert {TRAIN, VALIDATION, TEST} <= {*parts[300:].tolist()}


def test_a_giant_group_is_trained_on_and_the_smallest_is_held_out_where_all_are() -> None:
    for seed in range(20):
        keys = make_digests(100, seed)
        assert {*split_photos(keys, np.array([0] * 70 + [*range(1, 31)]))[:70].tolist()} == {TRAIN}
        parts = split_photos(make_digests(120, seed), np.repeat([0, 1, 2], [50, 40, 30]), validation=0.1, test=0.0)
        assert (parts == VALIDATION).sum() == 30
        assert {*split_photos(keys[:50], np.zeros(50, np.int64)).tolist()} == {TRAIN}


def test_what_is_known_of_a_photo_stays_and_its_group_follows() -> None:
    keys, groups = make_digests(90), np.repeat(np.arange(30), 3)
    free = split_photos(keys, groups)
    for part in (TRAIN, VALIDATION, TEST):
        parts = split_photos(keys, groups, known={0: part})
        assert {*parts[:3].tolist()} == {part}
        assert np.array_equal(parts[3:], free[3:])
    # two known ones that a third has joined: each stays, and the third is trained on
    assert split_photos(keys, groups, known={0: TEST, 1: TRAIN})[:3].tolist() == [TEST, TRAIN, TRAIN]
    # nothing known is taken to fill a part
    known = dict.fromkeys(range(90), TRAIN)
    assert {*split_photos(keys, groups, known=known).tolist()} == {TRAIN}


def test_a_given_group_goes_by_its_name() -> None:
    keys = make_keys(make_digests(4), ["b", None, "b", "a"])
    assert keys[0] == keys[2]
    assert len({*keys.tolist()}) == 3
    assert keys[1] == make_digests(4)[1]
    assert make_keys(make_digests(1, seed=9), ["b"])[0] == keys[0]
