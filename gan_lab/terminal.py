"""Text that a terminal may show, whatever it was made of."""

from __future__ import annotations


def printable(text: str, keep: str = "") -> str:
    r"""Return text with what no terminal shows escaped: control characters, and bytes of a name that are no Unicode.

    Args:
        text: of any origin: a file's name, a class, a message about either.
        keep: characters that stay as they are: "\n\t" for text of several lines.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() or letter in keep else ascii(letter)[1:-1] for letter in text)
