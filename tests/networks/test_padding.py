"""Sizes that strides do not divide."""

from __future__ import annotations

import torch

from gan_lab.networks.padding import pad_to_multiple


def test_padding_reflects() -> None:
    x = torch.arange(5.0).view(1, 1, 1, 5).repeat(1, 1, 4, 1)
    assert pad_to_multiple(x, 4)[0, 0, 0].tolist() == [0, 1, 2, 3, 4, 3, 2, 1]
    assert pad_to_multiple(x.mT, 4).shape == (1, 1, 8, 4)
    assert pad_to_multiple(x[..., :4], 4).shape == (1, 1, 4, 4)


def test_the_last_row_and_column_go_on_where_that_is_asked_for() -> None:
    x = torch.arange(3.0).view(1, 1, 1, 3)
    assert pad_to_multiple(x, 2, "replicate")[0, 0].tolist() == [[0, 1, 2, 2], [0, 1, 2, 2]]
