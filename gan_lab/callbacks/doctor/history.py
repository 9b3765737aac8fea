"""What the doctor remembers: each figure over the iterations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

#: Newest values of each figure that are kept.
LENGTH = 512

Series = list[tuple[int, float]]


class History:
    """Keep the newest values of each figure with their iterations."""

    def __init__(self, series: Mapping[str, Series] | None = None) -> None:
        self._series: dict[str, Series] = defaultdict(list)
        for name, values in (series or {}).items():
            self._series[name] = [(int(iteration), float(value)) for iteration, value in values]

    def add(self, iteration: int, figures: Mapping[str, float]) -> None:
        """Take the figures of an iteration."""
        for name, value in figures.items():
            self._series[name].append((iteration, float(value)))
            del self._series[name][:-LENGTH]

    def __getitem__(self, name: str) -> Series:
        """Return a figure's values in order; none if it was never seen."""
        return self._series.get(name, [])

    def names(self, start: str) -> list[str]:
        """Return the names of the figures that begin so."""
        return sorted(name for name in self._series if name.startswith(start))

    def window(self, name: str, iterations: int, at_least: int, after: int) -> Series:
        """Return a figure's values over the newest `iterations`, or none while there are too few.

        Args:
            name: the figure.
            iterations: the window's length; a shorter past gives none.
            at_least: values that it must hold.
            after: iterations that do not count: the run's warm-up.
        """
        series = [(iteration, value) for iteration, value in self[name] if iteration > after]
        if not series:
            return []
        newest = series[-1][0]
        inside = [(iteration, value) for iteration, value in series if iteration > newest - iterations]
        whole = newest - max(after, self[name][0][0] - 1) >= iterations
        return inside if whole and len(inside) >= at_least else []

    def plain(self) -> dict[str, Series]:
        """Return the values in plain containers."""
        return dict(self._series)
