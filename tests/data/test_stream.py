from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from gan_lab.data.stream import BalancedShuffle, PositionBatches, Shuffle, make_generator


def test_shuffle_covers_each_index_once_per_epoch_in_another_order() -> None:
    shuffle = Shuffle(10, seed=3)
    epochs = [[shuffle[p] for p in range(start, start + 10)] for start in (0, 10, 20)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_shuffle_is_a_function_of_seed_and_position() -> None:
    asked_in_order = [Shuffle(7, seed=1)[p] for p in range(40)]
    one = Shuffle(7, seed=1)
    assert [one[p] for p in reversed(range(40))] == asked_in_order[::-1]
    assert [Shuffle(7, seed=2)[p] for p in range(40)] != asked_in_order


def test_shuffle_keeps_no_more_than_two_orders() -> None:
    shuffle = Shuffle(5, seed=0)
    for position in range(100):
        shuffle[position]
    assert len(shuffle._orders) <= 2


def test_classes_take_turns_and_each_shows_all_its_photos_before_one_again() -> None:
    labels = np.array([0, 3, 0, 0, 0, 3, 7])  # classes 0, 3 and 7, of 4, 2 and 1
    shuffle = BalancedShuffle(labels, seed=5)
    rows = np.array([shuffle[position] for position in range(3 * 8)])
    assert labels[rows].tolist() == [0, 3, 7] * 8
    assert sorted(rows[::3][:4]) == sorted(rows[::3][4:]) == [0, 2, 3, 4]
    assert sorted(rows[1::3][:2]) == [1, 5]
    again = BalancedShuffle(labels, seed=5)
    assert [again[position] for position in reversed(range(24))] == rows[::-1].tolist()
    assert [BalancedShuffle(labels, seed=6)[position] for position in range(24)] != rows.tolist()


def test_generators_differ_by_seed_position_and_use() -> None:
    draws = {make_generator(s, p, u).random() for s in (0, 1) for p in (0, 1) for u in (1, 2)}
    assert len(draws) == 8
    assert make_generator(0, 5, 1).random() == make_generator(0, 5, 1).random()


def test_batches_start_at_any_iteration() -> None:
    whole = list(islice(PositionBatches(4), 8))
    assert list(islice(PositionBatches(4, 3), 5)) == whole[3:]
    assert [p for batch in whole for p in batch] == list(range(32))


def test_batches_go_on_where_the_run_is_when_iterated_again() -> None:
    iteration = 0
    batches = PositionBatches(2, lambda: iteration)
    assert next(iter(batches)) == [0, 1]
    iteration = 5
    assert next(iter(batches)) == [10, 11]


def test_ranks_share_the_batches_of_one_larger_rank() -> None:
    ranks = [list(islice(PositionBatches(3, 2, rank=r, world_size=2), 4)) for r in (0, 1)]
    both = [first + second for first, second in zip(*ranks, strict=True)]
    assert both == list(islice(PositionBatches(6, 2), 4))


def test_batches_have_no_length_and_refuse_a_rank_that_is_not_there() -> None:
    with pytest.raises(TypeError):
        len(PositionBatches(2))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="rank 2"):
        PositionBatches(2, rank=2, world_size=2)
