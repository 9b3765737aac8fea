"""The order of training, as a pure function of (seed, position).

The training loader reads one infinite stream of positions p = 0, 1, 2, ... Which photo position p shows, and every
random choice about it, depend on the seed and on p alone: a resumed run needs only its iteration, whatever the number
of workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

# One number per use of randomness, so that switching one of them off leaves the others' draws as they were.
GEOMETRY, DEGRADATION, GEOMETRY_B = 1, 2, 3
#: Between the seeds of two classes' orders: no other order has a seed like it.
CLASS_STEP = 0xC2B2AE3D


def make_generator(seed: int, position: int, use: int) -> np.random.Generator:
    """Return the random generator of one `use` of randomness at one position of the stream."""
    return np.random.default_rng((seed, position, use))


class Shuffle:
    """Map each position of the infinite stream to an index below `n`: a new permutation in every epoch.

    Args:
        n: how many indices there are; at least 1.
        seed: not negative; equal seeds give equal orders.
    """

    def __init__(self, n: int, seed: int) -> None:
        if n < 1:
            raise ValueError(f"n must be at least 1, got {n}")
        self.n = n
        self.seed = seed
        self._orders: dict[int, NDArray[np.int64]] = {}

    def __getitem__(self, position: int) -> int:
        epoch, offset = divmod(position, self.n)
        if epoch not in self._orders:
            # A batch may straddle two epochs, never more that matter: older orders would only take memory.
            self._orders = {k: order for k, order in self._orders.items() if k == epoch - 1}
            self._orders[epoch] = np.random.default_rng((self.seed, epoch)).permutation(self.n)
        return int(self._orders[epoch][offset])


class BalancedShuffle:
    """Map each position of the infinite stream to an index whose class is next in turn: rare classes are seen as often.

    The classes take turns, and each has a `Shuffle` of its own.

    Args:
        labels: the class of each index, int64 [N]; at least one. Classes without an index are left out.
        seed: as of `Shuffle`.
    """

    def __init__(self, labels: NDArray[np.int64], seed: int) -> None:
        self.rows = [np.flatnonzero(labels == label) for label in np.unique(labels)]
        self.orders = [Shuffle(len(rows), seed + number * CLASS_STEP) for number, rows in enumerate(self.rows)]

    def __getitem__(self, position: int) -> int:
        turn, number = divmod(position, len(self.rows))
        return int(self.rows[number][self.orders[number][turn]])


class PositionBatches:
    """Yield batches of positions without end: batch i of rank r of w holds (i*w + r)*batch_size + j, j < batch_size.

    It has no length: the budget of a run is counted in iterations, not in passes of a loader.

    Args:
        start: the first iteration, or a function that says it whenever an iterator is made; a function keeps a loader
            that is iterated a second time from showing the first batches again.
    """

    def __init__(
        self, batch_size: int, start: int | Callable[[], int] = 0, *, rank: int = 0, world_size: int = 1
    ) -> None:
        if not 0 <= rank < world_size:
            raise ValueError(f"rank {rank} is not below world_size {world_size}")
        self.batch_size = batch_size
        self.start = start
        self.rank = rank
        self.world_size = world_size

    def __iter__(self) -> Iterator[list[int]]:
        iteration = self.start() if callable(self.start) else self.start
        while True:
            first = (iteration * self.world_size + self.rank) * self.batch_size
            yield list(range(first, first + self.batch_size))
            iteration += 1
