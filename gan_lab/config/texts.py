"""Options that are text mean what was typed: to Hydra's grammar 1.10 is the number 1.1, and 2024_05_17 is 20240517."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from gan_lab.config.home import PATHS
from gan_lab.config.targets import list_kinds
from gan_lab.errors import UserError
from gan_lab.kinds import fits

#: Options that are names or paths, whatever they look like to YAML, and their kinds; those of objects are in signatures.
TEXTS: dict[str, Any] = {
    **dict.fromkeys((*PATHS, "name", "direction", "base", "data.root"), str | None),
    "label": str | list[str] | None,
    # its signature hands on whatever it is given
    **dict.fromkeys(
        (f"logger.wandb.{name}" for name in ("project", "name", "entity", "group", "job_type", "notes", "id")),
        str | None,
    ),
}
#: What ends a part of a value, or holds further parts.
BRACKETS = {"[": "]", "{": "}", "(": ")"}


def keep_texts(argv: list[str]) -> list[str]:
    """Return a command line with quotes around what is text by `TEXTS`, for who reads it before it is checked."""
    return [keep_text(argument, TEXTS.get(argument.partition("=")[0].lstrip("+"), Any)) for argument in argv]


def find_kind(key: str, configuration: DictConfig, trust: tuple[str, ...] = ()) -> Any:
    """Return the annotation of an option: from `TEXTS`, or from the signature of the object that it is an argument of."""
    if key in TEXTS:
        return TEXTS[key]
    parent, _, name = key.rpartition(".")
    node = OmegaConf.select(configuration, parent, throw_on_resolution_failure=False) if parent else None
    if isinstance(node, DictConfig) and not node._is_none():
        with suppress(UserError):  # of a target that is refused later
            return list_kinds(node.get("_target_"), trust).get(name, Any)
    return Any


def keep_text(line: str, kind: Any) -> str:
    """Return an override with quotes around what Hydra would take for a number or a truth value where text is asked for.

    Args:
        line: `key=value`; of a sweep, `key=value,value` or `key=choice(value,value)`.
        kind: what the option's place takes; a value that fits it as Hydra reads it stays.
    """
    key, equals, given = line.partition("=")
    if kind is Any or not equals or (override := _parse(line)) is None:
        return line
    if not override.is_sweep_override():
        return f"{key}={_keep_value(given, kind)}"
    choice = re.fullmatch(r"(\s*choice\()(.*)(\)\s*)", given, re.DOTALL)
    before, inner, after = choice.groups() if choice else ("", given, "")
    if not choice and re.fullmatch(
        r"\s*\w+\(.*\)\s*", given, re.DOTALL
    ):  # of a range or a glob nobody typed the values
        return line
    return f"{key}={before}{','.join(_keep_value(value, kind) for value in _split(inner))}{after}"


def _keep_value(given: str, kind: Any) -> str:
    quoted = _quote(given)
    one, other = _parse(f"key={given}"), _parse(f"key={quoted}")
    if quoted == given or one is None or other is None or fits(one.value(), kind) or not fits(other.value(), kind):
        return given
    return quoted


def _quote(given: str) -> str:
    """Return a value with quotes around every number and truth value in it."""
    text = given.strip()
    if text.startswith("[") and text.endswith("]"):
        return f"[{','.join(map(_quote, _split(text[1:-1])))}]"
    parsed = _parse(f"key={text}")
    return f"'{text}'" if parsed is not None and isinstance(parsed.value(), int | float) else given


def _split(text: str) -> Iterator[str]:
    """Yield the parts of a text between commas that are in no quotes and no brackets."""
    part, closing, quote, escaped = "", list[str](), "", False
    for letter in text:
        if letter == "," and not closing and not quote:
            yield part
            part = ""
            continue
        part += letter
        if escaped or letter == "\\":
            escaped = not escaped
        elif quote or letter in "'\"":
            quote = "" if letter == quote else quote or letter
        elif letter in BRACKETS:
            closing.append(BRACKETS[letter])
        elif closing and letter == closing[-1]:
            closing.pop()
    yield part


def _parse(line: str) -> Override | None:
    """Return an override; None for what is none."""
    try:
        return OverridesParser.create().parse_override(line)
    except HydraException:
        return None
