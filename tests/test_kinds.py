"""What an option may be, by the signature that takes it, and how that is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
from torch import nn

from gan_lab.kinds import fits, in_words, kinds_of

OBJECT = {"_target_": "torch.nn.ReLU"}


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (int, [0, -3], [True, 1.0, "1", None, [1]]),
        (float, [0, 1.5, float("inf")], [False, "1e-3", None]),
        (bool, [True, False], [0, 1, "true", None]),
        (str, ["", "x"], [1, None, ["x"]]),
        (str | Path | None, ["x", None], [1, True, OBJECT]),
        (float | None, [None, 2], ["0x10", "", OBJECT]),
        (int | nn.Module, [1, OBJECT], ["x"]),
        (Literal["AB", "BA"], ["AB"], ["ab", 1, None]),
        (Literal[0, 1], [1], [True, 2]),
        (tuple[float, float], [[1, 2.5]], [[1], [1, 2, 3], 1, "12", ["a", "b"]]),
        (tuple[int, ...], [[], [1, 2]], [[1.5], 1]),
        (Sequence[str], [["a"]], ["a", [1]]),
        (list[Any], [[1, "a"]], [1]),
        (dict[str, float], [{"a": 1}], [{"a": "x"}, 1]),
        (Mapping[str, nn.Module | None] | None, [{"a": OBJECT, "b": None}, None], [{"a": 1}, 3]),
        (nn.Module, [OBJECT], [3, "x", True, {}, {"weight": 1}, [OBJECT]]),
        (Callable[[], nn.Module], [OBJECT], [3, "x"]),
        (Any, [1, None, "x", OBJECT], []),
    ],
)
def test_a_value_is_of_a_kind_or_not(kind: Any, good: list[Any], bad: list[Any]) -> None:
    assert [value for value in good if not fits(value, kind)] == []
    assert [value for value in bad if fits(value, kind)] == []


def test_kinds_in_words() -> None:
    assert in_words(float | None) == "a number or null"
    assert in_words(Literal["AB", "BA"]) == "AB, BA"
    assert in_words(tuple[float, float]) == "a list of 2 items"
    assert in_words(Sequence[int]) == "a list, each item a whole number"
    assert in_words(nn.Module) == "an object, {_target_: ...}"


def test_a_class_has_the_kinds_of_what_it_hands_on() -> None:
    class Base:
        def __init__(self, a: int, b: str) -> None: ...

    class Derived(Base):
        def __init__(self, b: float, **options: Any) -> None: ...

    kinds = kinds_of(Derived)
    assert (kinds["a"], kinds["b"]) == (int, float)
