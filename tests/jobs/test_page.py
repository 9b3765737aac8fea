"""Pages from templates: written while their parts come, and nothing in them is taken for markup."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from jinja2 import UndefinedError

from gan_lab.jobs.page import render_page

DATA: dict[str, Any] = {"settings": [], "columns": [], "wide": 7, "side": 72, "block": 2, "records": []}


def test_parts_are_written_while_they_come() -> None:
    file = io.BytesIO()
    written = []

    def lines() -> Iterator[str]:
        for number in range(6):
            written.append(file.getvalue().count(b"thumbnail-"))
            yield f"thumbnail-{number}"

    render_page(file, "gan_lab.jobs", "html_report.html", title="T", data=DATA, thumbnails=lines())
    assert written == [0, 0, 0, 2, 2, 4]  # a block of two is written when the next one begins
    assert file.getvalue().count(b"thumbnail-") == 6


def test_text_is_escaped_and_what_has_no_encoding_replaced() -> None:
    file = io.BytesIO()
    title, data = "</title>\udce9", DATA | {"settings": [["a", "</script>&'"]]}
    render_page(file, "gan_lab.jobs", "html_report.html", title=title, data=data, thumbnails=["<b>"])
    page = file.getvalue().decode()
    assert "<title>&lt;/title&gt;?</title>" in page
    assert "&lt;b&gt;" in page
    assert '"settings":[["a","\\u003c/script\\u003e\\u0026\\u0027"]]' in page
    assert page.index("--paper") < page.index(".counts") < page.index("</style>")  # the shared style, and its own


def test_a_value_that_a_template_lacks_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="title"):
        render_page(io.BytesIO(), "gan_lab.jobs", "html_report.html", data=DATA, thumbnails=[])
