"""What is read from a file is data, of bounded depth and size, or is refused by the name of its place."""

from __future__ import annotations

from collections import Counter, OrderedDict
from functools import reduce
from typing import Any, NamedTuple

import pytest
import torch

from gan_lab.errors import UserError
from gan_lab.storage import decode_json, plain_data


class Pair(NamedTuple):
    a: int
    b: dict[str, str]


class Text(str):
    pass


def nested(depth: int) -> Any:
    return reduce(lambda inner, number: [inner] if number % 2 else {"a": inner}, range(depth), 1)


def test_plain_values_come_back_as_a_copy() -> None:
    given = {"a": [1, 2.5, "x", True, None, {"_target_": "y"}], "_partial_": False}
    copied = plain_data(given, "here", configuration=True)
    assert copied == given
    assert copied is not given
    assert copied["a"] is not given["a"]
    assert plain_data({"path": "${HOME}", "_args_": "???"}, "here") == {"path": "${HOME}", "_args_": "???"}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ((1,), r"^here: a tuple; data may hold"),
        ({"a": [0, (1,)]}, r"^here\.a\[1\]: a tuple"),
        ({"a": Pair(1, {})}, r"^here\.a: a Pair"),
        (torch.Size([1]), "a Size"),
        (OrderedDict(a=1), "a OrderedDict"),
        (Counter("a"), "a Counter"),
        ({"a": {1}}, "a set"),
        (b"x", "a bytes"),
        (1j, "a complex"),
        (torch.zeros(1), "a Tensor"),
        (torch.float32, "a dtype"),
        (Text("x"), "a Text"),
        ({Text("x"): 1}, "a key that is a Text"),
        ({1: 2}, "a key that is a int"),
        ({None: 2}, "a key that is a NoneType"),
        ({"x" * 1001: 1}, "a key of more than 1000 characters"),
        (2**65, "a whole number beyond"),
        (nested(70), "nested more than 64 deep"),
        (nested(900), "nested more than 64 deep"),
        ([0] * 1_000_001, "more than 1000000 values"),
        (reduce(lambda inner, _: [inner, inner], range(50), "x"), "more than 1000000 values"),
        (["x" * (33 * 2**20)] * 2, "characters of text"),
        ({"\x1b[2J": (1,)}, r"^here\.\\x1b\[2J: a tuple"),
    ],
)
def test_anything_else_is_refused_by_its_place(value: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        plain_data(value, "here")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": "${oc.env:HOME}"}, r"^here\.a: \$\{oc\.env:HOME\}: an interpolation"),
        ({"${oc.env:HOME}": 1}, "an interpolation"),
        ({"a": "x\\${b}"}, "an interpolation"),
        ({"a": "???"}, "an interpolation"),
        ({"a": {"_args_": []}}, r"^here\.a\._args_: a key of Hydra's"),
        ({"_recursive_": False}, r"^here\._recursive_: a key of Hydra's"),
    ],
)
def test_a_configuration_says_nothing_to_hydra(value: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        plain_data(value, "here", configuration=True)


def test_a_cycle_ends() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(UserError, match="nested more than"):
        plain_data(value, "here")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, b"[" * 100_000, "{", "nonsense", "9" * 5000])
def test_json_that_cannot_be_followed_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"deeply|Expecting|Exceeds"):
        decode_json(text)
