"""The enhancement figures as tables: on the terminal, in Markdown, and against what is to be reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """Means over `n` photos: PSNR in dB, SSIM, CIEDE2000."""

    psnr: float
    ssim: float
    ciede2000: float
    n: int

    def __str__(self) -> str:
        return f"{self.psnr:.2f} / {self.ssim:.4f} / {self.ciede2000:.2f}"


@dataclass(frozen=True)
class Target:
    """What is to be reached: at least this PSNR, and at most this CIEDE2000 where one is set."""

    psnr: float
    ciede2000: float | None = None

    def reached(self, figure: Figure) -> bool:
        return figure.psnr >= self.psnr and (self.ciede2000 is None or figure.ciede2000 <= self.ciede2000)

    def __str__(self) -> str:
        return f"{self.psnr:.1f}" + (f", dE {self.ciede2000:.1f}" if self.ciede2000 is not None else "")


TARGETS = {
    "noise25": Target(33.0),
    "jpeg20": Target(31.8),
    "dark": Target(26.5),
    "cast": Target(28.5),
    "holes": Target(37.5),
    "mixed": Target(26.5),
    "sr2": Target(34.5),
    "sr4": Target(28.3),
    "clean, correct=all": Target(38.0, 1.0),
    "clean, correct=defects": Target(42.0, 0.5),
}


@dataclass(frozen=True)
class Row:
    """The figures of one line: the input's, each traditional method's (best first) and each model's, by name."""

    name: str
    as_is: Figure
    traditional: dict[str, Figure] = field(default_factory=dict)
    models: dict[str, Figure] = field(default_factory=dict)
    models_there: dict[str, Figure] = field(default_factory=dict)  # on the photos of the traditional methods

    def best(self) -> tuple[str, Figure] | None:
        return next(iter(self.traditional.items()), None)

    def verdict(self, model: str) -> str:
        """Return "pass", or by how much the model falls short."""
        target, figure = TARGETS[self.name], self.models[model]
        if target.reached(figure):
            return "pass"
        lacks = [f"{target.psnr - figure.psnr:.2f} dB"] if figure.psnr < target.psnr else []
        if target.ciede2000 is not None and figure.ciede2000 > target.ciede2000:
            lacks.append(f"{figure.ciede2000 - target.ciede2000:.2f} dE")
        return f"short by {', '.join(lacks)}"


def print_tables(rows: Sequence[Row], models: Sequence[str], notes: Sequence[str]) -> None:
    """Print the table of the figures, and below it the notes, to the standard output."""
    header, *lines = _summary(rows, models)
    table = Table(title="PSNR (dB) / SSIM / CIEDE2000", title_justify="left")
    for name in header:
        table.add_column(name)
    for line in lines:
        table.add_row(*line)
    console = Console(width=125 + 72 * len(models))  # nothing wraps
    console.print(table)
    for note in notes:
        console.print(note, highlight=False)


def write_markdown(path: Path, rows: Sequence[Row], models: Sequence[str], notes: Sequence[str]) -> None:
    """Write both tables as Markdown: the figures beside their targets, and every traditional method's."""
    parts = [_markdown(_summary(rows, models)), "\n".join(notes)]
    if any(row.traditional for row in rows):
        lines = [["task", "method", "N", "PSNR (dB)", "SSIM", "CIEDE2000"]]
        for row in rows:
            lines += [
                [row.name, name, str(figure.n), f"{figure.psnr:.2f}", f"{figure.ssim:.4f}", f"{figure.ciede2000:.2f}"]
                for name, figure in row.traditional.items()
            ]
        parts += ["The traditional methods, best first:", _markdown(lines)]
    path.write_text("\n\n".join(part for part in parts if part) + "\n", encoding="utf-8")


def _summary(rows: Sequence[Row], models: Sequence[str]) -> list[list[str]]:
    compared = any(row.traditional for row in rows)
    header = ["task", "input as is"]
    if compared:
        header += ["best traditional", *(f"{model} there" for model in models), "N there"]
    for model in models:
        header += [model, "verdict"]
    lines = [[*header, "N", "to reach"]]
    for row in rows:
        line = [row.name, str(row.as_is)]
        best = row.best()
        if best:
            line += [f"{best[1]} ({best[0]})", *(str(row.models_there[model]) for model in models), str(best[1].n)]
        elif compared:
            line += ["-"] * (len(models) + 2)
        for model in models:
            line += [str(row.models[model]), row.verdict(model)]
        lines.append([*line, str(row.as_is.n), str(TARGETS[row.name])])
    return lines


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    header, *rest = lines
    return "\n".join("| " + " | ".join(line) + " |" for line in [header, ["---"] * len(header), *rest])
