"""Figures with their protocol, as a table and as a file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from gan_lab.checkpoint import write_whole


@dataclass
class Report:
    """What an evaluation found.

    Attributes:
        title: of the table.
        columns: its head; the first one names the rows.
        rows: its cells.
        figures: the same in full precision, by name.
        protocol: what the figures hold for.
    """

    title: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    protocol: dict[str, Any] = field(default_factory=dict)

    def print(self) -> None:
        """Print the table to stdout."""
        table = Table(title=self.title, title_justify="left")
        for index, name in enumerate(self.columns):
            table.add_column(name, justify="left" if index == 0 else "right", overflow="fold")
        for row in self.rows:
            table.add_row(*row)
        console = Console()
        Console(width=None if console.is_terminal else 120).print(table)

    def write(self, path: Path) -> None:
        """Write figures and protocol as JSON."""
        text = json.dumps({"figures": self.figures, "protocol": self.protocol}, indent=2, allow_nan=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, lambda file: file.write(f"{text}\n".encode()))


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def gan_lab_version() -> str:
    """Return the installed version."""
    try:
        return version("gan-lab")
    except PackageNotFoundError:
        return "not installed"
