"""Whether the value of an option is of the kind that a signature asks for, and that kind in words."""

from __future__ import annotations

import inspect
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "a path",
    type(None): "null",
}


def kinds_of(target: Any) -> dict[str, Any]:
    """Return the annotations of a class's or a function's arguments, those of base classes that it hands on included."""
    found: dict[str, Any] = {}
    for owner in inspect.getmro(target) if inspect.isclass(target) else [target]:
        function = owner.__dict__.get("__init__") if inspect.isclass(owner) else owner
        try:
            hints = get_type_hints(function) if function is not None else {}
        except (NameError, TypeError, AttributeError):  # names that are only there for a type checker
            hints = {}
        found = {name: hint for name, hint in hints.items() if name != "return"} | found
    return found


def fits(value: Any, kind: Any) -> bool:
    """Return whether a plain value is of a kind; of an unknown kind every value is, of an object's kind a description alone."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind in (Any, object):
        return True
    if kind is None or kind is type(None):
        return value is None
    if origin in (Union, types.UnionType):
        return any(fits(value, part) for part in parts)
    if isinstance(value, dict) and "_target_" in value:
        return kind not in WORDS
    if origin is Literal:
        return any(value == part and type(value) is type(part) for part in parts)
    if kind is bool:
        return isinstance(value, bool)
    if kind in (int, float):
        return isinstance(value, (int, float) if kind is float else int) and not isinstance(value, bool)
    if kind in (str, Path):
        return isinstance(value, str)
    bare = origin or kind
    if inspect.isclass(bare) and issubclass(bare, Mapping):
        return isinstance(value, Mapping) and all(fits(each, parts[1]) for each in value.values() if len(parts) == 2)
    if inspect.isclass(bare) and issubclass(bare, Sequence):
        if not isinstance(value, Sequence) or isinstance(value, str):
            return False
        if bare is tuple and parts and parts[-1] is not Ellipsis:
            return len(value) == len(parts) and all(map(fits, value, parts))
        return not parts or all(fits(each, parts[0]) for each in value)
    # a class, a protocol or a callable: such an object only a `_target_` makes
    return not (callable(kind) and (inspect.isclass(kind) or origin is not None))


def in_words(kind: Any) -> str:
    """Return a kind as a user would say it."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(map(in_words, parts)))
    if origin is Literal:
        return ", ".join(map(str, parts))
    if kind in WORDS:
        return WORDS[kind]
    bare = origin or kind
    if inspect.isclass(bare) and issubclass(bare, Sequence):
        members = [part for part in parts if part is not Ellipsis]
        if not members:
            return "a list"
        fixed = bare is tuple and parts[-1] is not Ellipsis
        return f"a list of {len(members)} items" if fixed else f"a list, each item {in_words(members[0])}"
    if inspect.isclass(bare) and issubclass(bare, Mapping):
        return "a mapping"
    return "an object, {_target_: ...}"
