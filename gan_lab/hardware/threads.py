"""How many threads torch computes with: as many as cores are free, for two threads on one core wait for each other.

A step is hundreds of short parallel parts, and each ends when its slowest thread does. A thread that shares its core holds
all of them up: beside one other busy process on two cores, two threads train at a tenth of their speed, one at a half.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import Any

import torch

from gan_lab.cores import Times, allowed_cores, free_cores, read_times, usable_cores
from gan_lab.errors import UserError

log = logging.getLogger(__name__)

#: Seconds between two looks at what others do, and between two lines about it.
EVERY, SAID_EVERY = 3.0, 60.0
#: More than any machine has.
MOST = 4096


class Threads:
    """Fit torch's number of threads to the cores that others leave free.

    Args:
        most: threads on a machine of one's own.
        since: the CPU time at an earlier moment, to look at once what others have done since; None to wait.
    """

    def __init__(self, most: int, since: Times | None) -> None:
        self.most = most
        self.wanted = most
        self._before = since
        self._said = -SAID_EVERY
        self._lock = threading.Lock()

    def fit(self, every: float = EVERY) -> int:
        """Have the calling thread compute with as many threads as cores are free, and return their number.

        Args:
            every: seconds that must have passed since the last look at what others do; else what it gave holds.
        """
        with self._lock:
            now = read_times() if self._before is None or time.monotonic() - self._before.wall >= every else None
            if now is not None:
                if self._before is not None:
                    self._look(self._before, now)
                self._before = now
        if torch.get_num_threads() != self.wanted:  # a setting of each thread's own
            torch.set_num_threads(self.wanted)
        return self.wanted

    def _look(self, before: Times, now: Times) -> None:
        wanted = max(1, min(self.most, round(free_cores(before, now))))
        if wanted != self.wanted and now.wall - self._said >= SAID_EVERY:
            cores = len(allowed_cores())
            busy = now.others_since(before)
            log.info(
                "%d thread%s in place of %d: of %d cores others keep %.1f busy, and threads that share one wait for each other",
                wanted,
                "" if wanted == 1 else "s",
                self.wanted,
                cores,
                busy,
            )
            self._said = now.wall
        self.wanted = wanted


#: Of this process; None where the number of threads is given.
_fitted: Threads | None = None


def settle_threads(threads: Any, since: Times | None = None) -> None:
    """Set how many threads torch computes with.

    Args:
        threads: a number; or "auto": OMP_NUM_THREADS where that is set, else what is free now, and later by `fit_threads`.
        since: the CPU time at the start of the process; None where it is not known.

    Raises:
        UserError: it is neither.
    """
    global _fitted
    _fitted = None
    if threads != "auto":
        if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= MOST:
            raise UserError(f"threads={threads}: needs a whole number from 1 to {MOST}, or auto")
        torch.set_num_threads(threads)
        return
    if os.environ.get("OMP_NUM_THREADS"):
        return
    most = max(1, min(torch.get_num_threads(), round(usable_cores())))
    if most < torch.get_num_threads():
        log.info("%d threads: more than this container's quota of %.2g cores would wait", most, usable_cores())
    _fitted = Threads(most, since)
    _fitted.fit(every=0.5)


def fit_threads() -> None:
    """Fit the number of threads to what others do now, in the calling thread; nothing where the number is given."""
    if _fitted is not None:
        _fitted.fit()


def keep_threads() -> None:
    """Compute with as many threads as on a machine of one's own, from now on: last bits may hang on their number."""
    global _fitted
    if _fitted is not None:
        torch.set_num_threads(_fitted.most)
        _fitted = None
