"""Batches split, and thinned out."""

from __future__ import annotations

import pytest
import torch

from gan_lab.errors import UserError
from gan_lab.models.batches import skip_repeats, split_batch, spread_samples


def test_micro_batches_must_divide_the_batch() -> None:
    with pytest.raises(UserError, match=r"micro_batches=3.*batch of 8"):
        split_batch({"image": torch.zeros(8, 1)}, 3)


@pytest.mark.parametrize(("n", "rows"), [(3, [0, 3, 6]), (8, list(range(8))), (9, [0, 1, 2, 3, 4, 5, 6, 7, 8])])
def test_what_a_grid_shows_lies_evenly_over_its_batch(n: int, rows: list[int]) -> None:
    images = torch.arange(9 if n != 8 else 8)
    assert spread_samples({"A": images, "B": -images}, n)["B"].neg().tolist() == rows


def test_each_part_has_its_rows_and_all_else() -> None:
    parts = split_batch({"A": torch.arange(6), "B": -torch.arange(6), "scale": 2}, 3)
    assert [part["A"].tolist() for part in parts] == [[0, 1], [2, 3], [4, 5]]
    assert all(torch.equal(part["B"], -part["A"]) and part["scale"] == 2 for part in parts)


def test_of_each_domain_what_an_earlier_row_has_shown_is_left_out() -> None:
    def pair(rows_A: list[int], rows_B: list[int]) -> dict[str, torch.Tensor]:
        rows = {"row_A": torch.tensor(rows_A), "row_B": torch.tensor(rows_B)}
        return rows | {"A": 10 * rows["row_A"], "B": 100 * rows["row_B"]}

    new = list(skip_repeats([pair([0, 1, 2], [0, 1, 0]), pair([3, 4, 1], [1, 0, 1])]))
    assert [each["A"].tolist() for each in new] == [[0, 10, 20], [30, 40]]
    assert [each["B"].tolist() for each in new] == [[0, 100], []]
    (unnumbered,) = skip_repeats([{"A": torch.zeros(2), "B": torch.zeros(3)}])
    assert (len(unnumbered["A"]), len(unnumbered["B"])) == (2, 3)
