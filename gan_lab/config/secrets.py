"""Secrets of the command line and the environment, masked wherever something is written down or shown."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from gan_lab.config.overrides import parse_override
from gan_lab.errors import UserError
from gan_lab.terminal import printable

#: What a key is called whose value is a secret; and such a value in a text, after `key=`, `key:` or as a URL's password.
SECRETS = r"(?i:api_?key|access_?key|private_?key|token|secret|passwo?r?d|credential)"
WRITTEN_SECRET = re.compile(
    rf"(?P<name>[\w.]*{SECRETS}\w*['\"]?\s*[=:]\s*)(?:'[^']*'|\"[^\"]*\"|[^,\s\]}}]+)|(?P<user>//[^/\s:@]*:)[^/\s]+(?=@)"
)
#: A secret that is shorter is masked behind its name alone: everywhere else such a text means something else.
SHORTEST_SECRET = 6


def mask_secrets(node: Any) -> Any:
    """Return a plain container with every value masked whose key looks like a secret's, in `key=value` strings too."""
    if isinstance(node, dict):
        return {key: "***" if is_secret(key) and value else mask_secrets(value) for key, value in node.items()}
    if isinstance(node, list):
        return [mask_secrets(value) for value in node]
    if isinstance(node, str) and "=" in node and is_secret(node.split("=", 1)[0]):
        return f"{node.split('=', 1)[0]}=***"
    return mask_text(node) if isinstance(node, str) else node


def mask_text(text: str) -> str:
    """Return a text in which what follows the name of a secret, is a URL's password or is known for a secret is masked."""
    for secret in collect_secrets():
        text = text.replace(secret, "***")
    return WRITTEN_SECRET.sub(r"\g<name>\g<user>***", text)


def collect_secrets() -> list[str]:
    """Return the secrets that this process was given by its command line and its environment, the longest first."""
    found = {value for name, value in os.environ.items() if re.search(rf"{SECRETS}[sS]?$", name)}
    for argument in filter(is_secret, {*sys.argv, *sys.orig_argv}):  # sys.argv may be masked for the moment
        with suppress(UserError):
            override = parse_override(argument)
            found |= set(secrets_in(override.value(), is_secret(override.key_or_group)))
    return sorted((each for each in found if len(each) >= SHORTEST_SECRET), key=len, reverse=True)


def secrets_in(value: Any, secret: bool) -> Iterator[str]:
    """Yield the secrets in an override's value, and in the variables of the environment that they refer to.

    Args:
        value: the value, that of a sweep included.
        secret: its key looks like a secret's.
    """
    value = getattr(value, "list", value)  # of a sweep
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from secrets_in(inner, secret or is_secret(key))
    elif isinstance(value, list):
        for inner in value:
            yield from secrets_in(inner, secret)
    elif secret and value is not None:
        text = str(getattr(value, "text", value))  # of a value in quotes
        yield text
        yield from (os.environ.get(name, "") for name in re.findall(r"\$\{oc\.env:([^,}]+)", text))


def clean_text(text: str) -> str:
    """Return a text as a terminal and a log may have it: secrets masked, control characters escaped but for line ends."""
    return printable(mask_text(text), keep="\n\t")


class MaskedFormatter(logging.Formatter):
    """Mask what looks like a secret in every line of the log, and escape control characters.

    Hydra logs each job's command line; the names of files and classes may hold anything.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return clean_text(super().format(record))


def is_secret(key: Any) -> bool:
    """Return whether a key names something that must not be written down."""
    return re.search(SECRETS, str(key)) is not None
