"""Pages that need no other file, from Jinja templates that share a head and a style."""

from __future__ import annotations

from typing import IO, Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined


def render_page(file: IO[bytes], package: str, template: str, **values: Any) -> None:
    """Write a page part by part: it is never in memory as a whole.

    Args:
        file: to write to.
        package: the package whose folder `templates` holds the template; `gan_lab.jobs` holds `page.html`, which the
            template extends.
        template: its file name.
        values: what the template shows; all text is escaped. A value that the template loops over may be an iterator,
            from which each item is taken when it is written.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("gan_lab.jobs")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    environment.get_template(template).stream(values).dump(file, "utf-8", "replace")
