"""What a constructor takes, and what a place that is annotated takes: read from signatures alone, nothing is called."""

from __future__ import annotations

import functools
import inspect
import types
from collections import abc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

from gan_lab.kinds import in_words, kinds_of

_CALLABLE = abc.Callable


@dataclass(frozen=True)
class Signature:
    """The keyword arguments of a target.

    Attributes:
        kinds: name -> annotation, Any for none.
        required: names without a default.
        open: whether it takes any other name as well.
    """

    kinds: Mapping[str, Any]
    required: frozenset[str]
    open: bool


@functools.cache
def signature_of(target: Callable[..., Any]) -> Signature:
    """Return the keyword arguments of a class or function, those of base classes included where it passes them on."""
    # who takes any name and hands it to no base class that says what it takes, takes any name
    hints, kinds, required, is_open = kinds_of(target), dict[str, Any](), frozenset[str](), False
    for number, function in enumerate(_initialisers(target)):
        parameters = list(inspect.signature(function).parameters.values())[int(inspect.isclass(target)) :]
        named = [each for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
        kinds |= {each.name: hints.get(each.name, Any) for each in named if each.name not in kinds}
        if number == 0:  # what a base class needs, the class may give it itself
            required = frozenset(each.name for each in named if each.default is each.empty)
        is_open = any(each.kind is each.VAR_KEYWORD for each in parameters)
        if not is_open:
            break
    return Signature(kinds, required, is_open)


def _initialisers(target: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """Yield the functions that see a target's arguments, in order, up to torch's and Python's own bases, which take none."""
    if not inspect.isclass(target):
        yield target
        return
    for owner in inspect.getmro(target):
        if owner is object or owner.__module__ == "torch.nn.modules.module":
            return
        if "__init__" in vars(owner) and not getattr(owner, "_is_protocol", False):
            yield vars(owner)["__init__"]


def takes(kind: Any, target: Callable[..., Any], partial: bool) -> bool:
    """Return whether a place that is annotated as `kind` takes what a target makes; `partial`: its maker itself."""
    if kind is object:
        return True
    made = target if inspect.isclass(target) else get_type_hints(target).get("return", Any)
    return any(_takes(each, made, partial) for each in _alternatives(kind))


def _takes(kind: Any, made: Any, partial: bool) -> bool:
    if kind is object or made is Any:  # a function of a trusted package that does not say what it makes
        return True
    if get_origin(kind) is _CALLABLE:
        result = (get_args(kind) or (Any, Any))[-1]
        if partial:
            return result is Any or (inspect.isclass(result) and inspect.isclass(made) and issubclass(made, result))
        return made == kind or (inspect.isclass(made) and _returns(made, result))
    if not inspect.isclass(kind) or not inspect.isclass(made) or partial:
        return False
    return _has_members(made, kind) if getattr(kind, "_is_protocol", False) else issubclass(made, kind)


def _returns(made: type, result: Any) -> bool:
    """Return whether calling an instance of a class gives a `result`, as far as its annotations say."""
    if not any("__call__" in vars(owner) for owner in made.__mro__):
        return False
    function = made.forward if hasattr(made, "forward") else made.__call__
    given = get_type_hints(function).get("return", Any)
    return not inspect.isclass(given) or not inspect.isclass(result) or issubclass(given, result)


def _has_members(made: type, protocol: type) -> bool:
    """Return whether a class has what a protocol asks for: methods, and attributes that it states or takes as arguments."""
    methods = {name for name, value in vars(protocol).items() if inspect.isfunction(value)} - {
        "__init__",
        "__subclasshook__",
    }
    attributes = set(vars(protocol).get("__annotations__", {})) - methods
    stated = {name for owner in made.__mro__ for name in {*vars(owner), *vars(owner).get("__annotations__", {})}}
    return methods <= stated and attributes <= stated | signature_of(made).kinds.keys()


def _alternatives(kind: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the kind alone."""
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def member_kind(kind: Any, container: type, index: int) -> Any:
    """Return the annotation of a mapping's values or of a sequence's item at `index`; Any for none."""
    for each in _alternatives(kind):
        bare, parts = get_origin(each), get_args(each)
        if inspect.isclass(bare) and issubclass(bare, container) and parts:
            if container is Mapping:
                return parts[1]
            fixed = bare is tuple and parts[-1] is not Ellipsis
            return parts[index] if fixed and index < len(parts) else parts[0]
    return Any


def describe_kind(kind: Any) -> str:
    """Return an annotation in words, for messages."""
    words = []
    for each in _alternatives(kind):
        if get_origin(each) is _CALLABLE:
            result = get_args(each)[-1] if get_args(each) else Any
            words.append(f"a maker of {getattr(result, '__name__', result)}")
        elif inspect.isclass(each) and each is not type(None) and each.__module__ != "builtins":
            words.append(f"an object of type {each.__name__}")
        else:
            words.append(in_words(each))
    return " or ".join(dict.fromkeys(words))
