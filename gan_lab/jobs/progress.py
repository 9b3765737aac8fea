"""How far a job is, on stderr: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from gan_lab.terminal import printable


class Progress:
    """Show count, ETA and speed while the context is open.

    Args:
        verb: what is being done: "enhancing".
        total: images, or what else is counted, that there are to do.
        every_n_seconds: pause between two lines where stderr is no terminal; a shorter job prints none.
        unit: what is counted, where it is not images.
    """

    def __init__(self, verb: str, total: int, every_n_seconds: float = 30.0, unit: str = "images") -> None:
        self.verb = printable(verb)  # it may name a file
        self.total = total
        self.every_n_seconds = every_n_seconds
        self.unit = unit
        self.done = 0
        self.skipped = 0
        self._bar: Bar | None = None

    def __enter__(self) -> Progress:
        """Open the bar."""
        self._start = self._line_at = time.monotonic()
        if sys.stderr.isatty():
            columns = (BarColumn(bar_width=24), TextColumn("{task.description}", markup=False))
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(self.verb, total=self.total)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the bar."""
        self.close()

    def close(self, message: str | None = None) -> None:
        """Take the bar away, and print a last line if there is one."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        if message is not None:
            self.say(message)

    def advance(self, images: int = 1) -> None:
        """Count images as done."""
        self.done += images
        self._show()

    def skip(self, images: int = 1) -> None:
        """Count images that need nothing: they tell nothing of how long the others take."""
        self.skipped += images
        if self.done == 0:
            self._start = time.monotonic()
        self._show()

    def say(self, message: str) -> None:
        """Print a line, above the bar where there is one."""
        message = printable(message, keep="\n")
        if self._bar is not None:
            self._bar.console.print(message, markup=False, highlight=False, soft_wrap=True)
        else:
            print(message, file=sys.stderr, flush=True)

    def _show(self) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=self.done + self.skipped, description=self._describe())
        elif time.monotonic() - self._line_at >= self.every_n_seconds:
            self._line_at = time.monotonic()
            print(self._describe(), file=sys.stderr, flush=True)

    def _describe(self) -> str:
        seconds = max(time.monotonic() - self._start, 1e-6)
        count = f"{self.verb} {self.done + self.skipped}/{self.total}"
        if self.skipped:
            count += f" ({self.skipped} done already)"
        if self.done == 0:
            return count
        left = timedelta(seconds=round(seconds * (self.total - self.done - self.skipped) / self.done))
        rate = self.done / seconds
        return f"{count}  ETA {left}  {rate:.{1 if rate >= 1 else 3}f} {self.unit}/s"
