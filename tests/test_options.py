from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gan_lab.errors import UserError
from gan_lab.options import (
    check_choice,
    check_image_size,
    check_path,
    check_share,
    check_weights,
    check_whole,
    format_value,
    split_sides,
)


@pytest.mark.parametrize("value", [-1, 1.0, True, "3", None])
def test_a_number_that_is_not_whole_or_too_small_is_refused(value: Any) -> None:
    with pytest.raises(UserError, match=r"^data.x=.*: needs a whole number from 0$"):
        check_whole("data.x", value, at_least=0)


def test_whole_numbers_within_the_bounds_pass() -> None:
    assert [check_whole("data.x", value, at_least=2, at_most=4) for value in (2, 4)] == [2, 4]
    with pytest.raises(UserError, match=r"^data.x=5: is too much for this machine; give at most 4$"):
        check_whole("data.x", 5, at_least=2, at_most=4)


@pytest.mark.parametrize("value", [8, [8, 8], (8, 8)])
def test_a_size_of_two_equal_sides_is_that_of_a_square(value: Any) -> None:
    assert check_image_size("data.x", value, at_least=8) == 8
    assert split_sides(8) == (8, 8)


def test_a_size_is_height_and_width() -> None:
    size = check_image_size("data.x", [96, 64])
    assert size == split_sides(size) == (96, 64)
    assert format_value(size) == "[96,64]"


@pytest.mark.parametrize("value", [7, [8, 7], [8], [8, 8, 8], [8, 8.0], True, "88", None, [8, True]])
def test_a_size_of_other_sides_is_refused(value: Any) -> None:
    with pytest.raises(UserError, match=r"^data.x=.*: needs a whole number from 8, .* or two, \[height,width\]$"):
        check_image_size("data.x", value, at_least=8)


def test_a_choice_is_refused_with_those_that_there_are() -> None:
    assert check_choice("data.x", None, (None, "A")) is None
    with pytest.raises(UserError, match=r"^data.x=C: is not a choice; give one of null, A$"):
        check_choice("data.x", "C", (None, "A"))


@pytest.mark.parametrize("value", [1, -0.1, float("nan"), True, "0.5"])
def test_a_share_is_below_one(value: Any) -> None:
    assert check_share("data.x", 0) == 0.0
    with pytest.raises(UserError, match=r"^data.x=.*: needs a share from 0 up to, not including, 1$"):
        check_share("data.x", value)


def test_a_path_is_expanded_and_an_empty_one_refused() -> None:
    assert check_path("data.x", None) is None
    assert check_path("data.x", "~/photos") == Path.home() / "photos"
    with pytest.raises(UserError, match=r"^data.x= : is empty; name a path, or null for none$"):
        check_path("data.x", " ")
    with pytest.raises(UserError, match=r"^data.x=x+: cannot be looked at \(.*\); name another path$"):
        check_path("data.x", "x" * 400)


@pytest.mark.parametrize("value", [-1.0, float("inf"), float("nan"), True, "1"])
def test_a_weight_is_a_number_from_zero(value: Any) -> None:
    check_weights(lambda_x=0.0)
    with pytest.raises(UserError, match=r"^model.lambda_x=.*: needs a number from 0"):
        check_weights(lambda_x=value)
