"""Pages that need no other file: a template with places to fill, in the style that all pages share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources


def filled(template: str, fills: Mapping[str, Iterable[str]]) -> Iterator[bytes]:
    """Yield a template in parts, encoded, with the shared style in place of {{style}} and what `fills` has for the others.

    Args:
        template: HTML with places such as {{title}}.
        fills: for each place its text, in parts and escaped already.
    """
    style = resources.files("gan_lab.jobs").joinpath("page.css").read_text("utf-8")
    fills = {"style": [style], **fills}
    for place, part in enumerate(re.split(r"\{\{(\w+)\}\}", template)):
        for text in fills[part] if place % 2 else [part]:
            yield text.encode("utf-8", "replace")
