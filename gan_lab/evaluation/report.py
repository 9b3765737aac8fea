"""Figures with their protocol, as a table, as a file and with the pictures that belong to them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gan_lab.storage import write_atomically
from gan_lab.terminal import printable


class Picture(NamedTuple):
    """A picture of a report: its heading, what it shows, and uint8 [H, W, C]."""

    title: str
    caption: str
    pixels: np.ndarray


@dataclass
class Report:
    """What an evaluation found, or a part of it.

    Attributes:
        title: of the table.
        columns: its head; the first one names the rows.
        rows: its cells.
        figures: the same in full precision, by name.
        protocol: what the figures hold for.
        notes: sentences for whoever reads the table.
        pictures: by the name of their file.
    """

    title: str = ""
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    protocol: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    pictures: dict[str, Picture] = field(default_factory=dict)

    def add(self, part: Report) -> None:
        """Append another report's rows, notes and pictures, and take over its figures and protocol."""
        self.rows += part.rows
        self.figures |= part.figures
        self.protocol |= part.protocol
        self.notes += part.notes
        self.pictures |= part.pictures

    def print(self) -> None:
        """Print the table and the notes to stdout."""
        table = Table(title=Text(printable(self.title)), title_justify="left")
        for index, name in enumerate(self.columns):
            table.add_column(Text(printable(name)), justify="left" if index == 0 else "right", overflow="fold")
        for row in self.rows:
            table.add_row(*[Text(printable(cell)) for cell in row])
        console = Console()
        console = Console(width=None if console.is_terminal else 120)
        console.print(table)
        for note in self.notes:
            console.print(printable(note), markup=False, highlight=False)

    def write(self, path: Path) -> None:
        """Write figures, protocol and notes as JSON."""
        content = {"figures": self.figures, "protocol": self.protocol, "notes": self.notes}
        text = json.dumps(content, indent=2, allow_nan=False)
        with write_atomically(path) as file:
            file.write(f"{text}\n".encode())
