"""What is read from a file is data: JSON's types alone, of bounded depth and size, and text that a terminal may show."""

from __future__ import annotations

import json
import re
from typing import Any

from gan_lab.errors import UserError

#: Bounds of one piece of data. A configuration nests about 10 deep; its longest list names the classes of a catalogue.
MAX_DEPTH, MAX_ITEMS, MAX_CHARACTERS, MAX_INTEGER = 64, 1_000_000, 64 * 2**20, 2**64
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
    return _Copy(configuration).copy(value, where, 0)


class _Copy:
    """A walk that counts what it has seen."""

    def __init__(self, configuration: bool) -> None:
        self.configuration = configuration
        self.items = 0
        self.characters = 0

    def copy(self, value: Any, where: str, depth: int) -> Any:
        self.items += 1
        if self.items > MAX_ITEMS:
            raise UserError(f"{printable(where)}: more than {MAX_ITEMS} values")
        if depth > MAX_DEPTH:
            raise UserError(f"{printable(where[:200])}...: nested more than {MAX_DEPTH} deep")
        kind = type(value)
        if kind is dict:
            return {self.key(key, where): self.copy(item, f"{where}.{key}", depth + 1) for key, item in value.items()}
        if kind is list:
            return [self.copy(item, f"{where}[{index}]", depth + 1) for index, item in enumerate(value)]
        if kind is str:
            return self.text(value, where)
        if kind is int and abs(value) > MAX_INTEGER:
            raise UserError(f"{printable(where)}: a whole number beyond {MAX_INTEGER}")
        if value is None or kind in (int, float, bool):
            return value
        raise UserError(
            f"{printable(where)}: a {printable(kind.__name__)}; data may hold mappings, lists, text, numbers, booleans and null"
        )

    def key(self, key: Any, where: str) -> str:
        if type(key) is not str:
            raise UserError(f"{printable(where)}: a key that is a {printable(type(key).__name__)}, not text")
        if self.configuration and HYDRA_KEY.fullmatch(key) and key not in ALLOWED_KEYS:
            raise UserError(f"{printable(f'{where}.{key}')}: a key of Hydra's that data may not hold")
        return self.text(key, where)

    def text(self, text: str, where: str) -> str:
        self.characters += len(text)
        if self.characters > MAX_CHARACTERS:
            raise UserError(f"{printable(where)}: more than {MAX_CHARACTERS} characters of text")
        if self.configuration and (INTERPOLATION in text or text == MISSING):
            raise UserError(f"{printable(where)}={printable(text[:200])}: an interpolation, which data may not hold")
        return text


def decode_json(content: str | bytes) -> Any:
    """Return what JSON says.

    Raises:
        ValueError: it is none, or is nested more deeply than Python can follow.
    """
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def printable(text: str, keep: str = "") -> str:
    r"""Return text with what no terminal shows escaped: control characters, and bytes of a name that are no Unicode.

    Args:
        text: of any origin: a file's name, a class, a message about either.
        keep: characters that stay as they are: "\n" and "\t" for text of several lines.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() or letter in keep else ascii(letter)[1:-1] for letter in text)
