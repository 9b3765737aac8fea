"""What is read from a file is data: JSON's types alone, of bounded depth and size."""

from __future__ import annotations

import json
import re
from typing import Any

from gan_lab.errors import UserError
from gan_lab.terminal import printable

#: Bounds of one piece of data. A configuration nests about 10 deep; its longest list names the classes of a catalogue.
MAX_DEPTH, MAX_ITEMS, MAX_CHARACTERS, MAX_KEY, MAX_INTEGER = 64, 1_000_000, 64 * 2**20, 1000, 2**64
#: Keys that Hydra gives a meaning, and those among them that a description of an object may have.
HYDRA_KEY, ALLOWED_KEYS = re.compile(r"_[a-z]+_"), ("_target_", "_partial_")
#: Marks of OmegaConf's interpolations, and its word for a missing value.
INTERPOLATION, MISSING = "${", "???"


def plain_data(value: Any, where: str, *, configuration: bool = False) -> Any:
    """Return a copy of a value that consists of dict (with str keys), list, str, int, float, bool and None alone.

    Exactly these types: a tuple, a subclass or a tensor is refused, since code that walks dicts and lists would pass it by.

    Args:
        value: what `torch.load`, a YAML or a JSON reader returned.
        where: the place that it was read from, for messages; deeper places are added to it.
        configuration: whether Hydra or OmegaConf may see it: then interpolations and Hydra's keys are refused as well, but for
            `_target_` and `_partial_`.

    Raises:
        UserError: what may not be there, or more of it than the bounds allow; it names the place.
    """
    return PlainCopy(where, configuration).copy(value)


class PlainCopy:
    """A walk that copies, counts what it has seen, and knows where it is; see `plain_data`.

    A subclass may know more types.
    """

    def __init__(self, where: str, configuration: bool = False) -> None:
        self.configuration = configuration
        self.items = 0
        self.characters = 0
        self._where = where
        self._keys: list[str | int] = []

    def copy(self, value: Any) -> Any:
        """Return a copy of a value at the present place."""
        self.items += 1
        if self.items > MAX_ITEMS:
            raise self.refusal(f"more than {MAX_ITEMS} values")
        if len(self._keys) > MAX_DEPTH:
            raise self.refusal(f"nested more than {MAX_DEPTH} deep")
        kind = type(value)
        if kind is dict:
            return {self.key(key): self.inside(key, item) for key, item in value.items()}
        if kind is list:
            return [self.inside(index, item) for index, item in enumerate(value)]
        if kind is str:
            return self.text(value)
        if kind is int and abs(value) > MAX_INTEGER:
            raise self.refusal(f"a whole number beyond {MAX_INTEGER}")
        if value is None or kind in (int, float, bool):
            return value
        return self.other(value)

    def inside(self, key: str | int, value: Any) -> Any:
        """Return a copy of a value one place deeper."""
        self._keys.append(key)
        copied = self.copy(value)
        self._keys.pop()
        return copied

    def other(self, value: Any) -> Any:
        """Return a copy of a value that JSON has no type for: here, none."""
        name = printable(type(value).__name__)
        raise self.refusal(f"a {name}; data may hold mappings, lists, text, numbers, booleans and null")

    def key(self, key: Any) -> Any:
        """Return a key of a dict."""
        if type(key) is not str:
            raise self.refusal(f"a key that is a {printable(type(key).__name__)}, not text")
        if len(key) > MAX_KEY:
            raise self.refusal(f"a key of more than {MAX_KEY} characters")
        if self.configuration and HYDRA_KEY.fullmatch(key) and key not in ALLOWED_KEYS:
            self._keys.append(key)
            raise self.refusal("a key of Hydra's that data may not hold")
        return self.text(key)

    def text(self, text: str) -> str:
        """Return a text."""
        self.characters += len(text)
        if self.characters > MAX_CHARACTERS:
            raise self.refusal(f"more than {MAX_CHARACTERS} characters of text")
        if self.configuration and (INTERPOLATION in text or text == MISSING):
            raise self.refusal(f"{printable(text[:200])}: an interpolation, which data may not hold")
        return text

    def refusal(self, reason: str) -> UserError:
        """Return an error that names the present place."""
        inner = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in self._keys[:12])
        rest = "..." if len(self._keys) > 12 else ""
        return UserError(f"{printable(f'{self._where}{inner}{rest}'[:500])}: {reason}; what holds it cannot be read")


def decode_json(content: str | bytes) -> Any:
    """Parse JSON.

    Raises:
        ValueError: it is none, or is nested more deeply than Python can follow.
    """
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("nested too deeply") from None
