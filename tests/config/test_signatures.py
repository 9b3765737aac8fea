"""What a constructor takes, and what a place takes, by their annotations alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import pytest
from torch import Tensor, nn

from gan_lab.config.signatures import describe_kind, member_kind, signature_of, takes


class Base:
    def __init__(self, width: int, *, depth: int = 2) -> None:
        raise AssertionError("nothing may be called")


class Derived(Base):
    def __init__(self, rate: float, depth: str = "deep", **options: Any) -> None:
        super().__init__(8, **options)


class Open:
    def __init__(self, width: int, **anything: Any) -> None: ...


class Named(Protocol):
    name: str

    def say(self) -> None: ...


class Speaker:
    def __init__(self, name: str) -> None: ...

    def say(self) -> None: ...


class Silent:
    name = "x"


def make_speaker(name: str) -> Speaker:
    raise AssertionError("nothing may be called")


class Noise(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x


def test_what_is_passed_on_to_a_base_class_counts_and_the_nearer_annotation_first() -> None:
    found = signature_of(Derived)
    assert found.kinds == {"rate": float, "depth": str, "width": int}
    assert found.required == {"rate"}  # the class gives the width itself
    assert not found.open


def test_who_hands_any_name_to_nobody_takes_any_name() -> None:
    assert signature_of(Open).open
    assert not signature_of(make_speaker).open


@pytest.mark.parametrize(
    ("kind", "target", "partial", "taken"),
    [
        (Base, Derived, False, True),
        (Derived, Base, False, False),
        (Base, Derived, True, False),
        (Base | None, Derived, False, True),
        (Speaker, make_speaker, False, True),
        (Base, make_speaker, False, False),
        (Named, Speaker, False, True),
        (Named, Silent, False, False),
        (Callable[..., Speaker], Speaker, True, True),
        (Callable[..., Base], Speaker, True, False),
        (Callable[[Tensor], Tensor], Noise, False, True),
        (Callable[[Tensor], int], Noise, False, False),
        (Callable[[Tensor], Tensor], Speaker, False, False),
        (object, Speaker, False, True),
        (int, Speaker, False, False),
    ],
)
def test_a_place_takes_what_its_annotation_says(kind: Any, target: Any, partial: bool, taken: bool) -> None:
    assert takes(kind, target, partial) is taken


@pytest.mark.parametrize(
    ("kind", "container", "index", "member"),
    [
        (Sequence[int], Sequence, 3, int),
        (tuple[int, str], Sequence, 1, str),
        (tuple[int, ...], Sequence, 5, int),
        (Mapping[str, Base] | None, Mapping, 0, Base),
        (int, Sequence, 0, Any),
    ],
)
def test_members_are_what_their_container_says(kind: Any, container: type, index: int, member: Any) -> None:
    assert member_kind(kind, container, index) == member


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Base, "an object of type Base"),
        (Callable[..., Base], "a maker of Base"),
        (Base | Silent, "an object of type Base or an object of type Silent"),
    ],
)
def test_a_kind_is_said_in_words(kind: Any, words: str) -> None:
    assert describe_kind(kind) == words
