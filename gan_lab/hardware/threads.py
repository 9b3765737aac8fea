"""How many threads torch computes with: as many as cores are free, for two threads on one core wait for each other.

A step is hundreds of short parallel parts, and each ends when its slowest thread does. A thread that shares its core holds
all of them up: beside one other busy process on two cores, two threads train at a tenth of their speed, one at a half.
"""

from __future__ import annotations

import functools
import logging
import os
import threading
import time
from typing import Any

import cv2
import torch

from gan_lab.cores import Times, list_cores, read_quota, read_times
from gan_lab.errors import UserError

log = logging.getLogger(__name__)

#: Seconds between two readings of the load, and between two messages about it.
EVERY, SAID_EVERY = 3.0, 60.0
#: Seconds after which an earlier reading says nothing about the load now: a sweep's later jobs start hours after its first.
STALE = 60.0
#: Threads that torch takes by itself.
DEFAULT = torch.get_num_threads()
#: More than any machine has.
MOST = 4096


class Threads:
    """Fit torch's number of threads to the cores that other processes leave free.

    Args:
        most: threads to use when no other process runs.
        since: an earlier reading of the CPU times, to judge the load since then at the first call; None to wait for a second
            reading.
    """

    def __init__(self, most: int, since: Times | None) -> None:
        self.most = most
        self.wanted = most
        self._before = since
        self._said = -SAID_EVERY
        self._lock = threading.Lock()

    def fit(self, every: float = EVERY) -> int:
        """Set the number of threads of the calling thread to the number of free cores, and return it.

        Args:
            every: seconds since the last reading, before which the number stays as it was.
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
        cores, busy = len(list_cores()), now.others_since(before)
        wanted = max(1, min(self.most, round(cores - busy)))
        if wanted != self.wanted and now.wall - self._said >= SAID_EVERY:
            log.info(
                "%d thread%s in place of %d: other processes keep %.1f of %d cores busy",
                wanted,
                "" if wanted == 1 else "s",
                self.wanted,
                busy,
                cores,
            )
            self._said = now.wall
        self.wanted = wanted


#: Of this process; None where the number of threads is given.
_fitted: Threads | None = None


def settle_threads(threads: Any, since: Times | None = None) -> None:
    """Set the number of threads that torch computes with.

    Args:
        threads: a number; or "auto": OMP_NUM_THREADS where it is set, else the number of free cores, which `fit_threads`
            updates.
        since: a reading of the CPU times at the start of the process; None if there is none.

    Raises:
        UserError: `threads` is neither.
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
    cores = min(len(list_cores()), read_quota())  # a quota may be a part of a core
    most = max(1, min(DEFAULT, round(cores)))
    if most < DEFAULT:
        log.info("%d of %d threads: this container may use %.2g cores", most, DEFAULT, cores)
    fresh = since is not None and time.monotonic() - since.wall < STALE
    torch.set_num_threads(most)  # an earlier job of a sweep may have had fewer
    _fitted = Threads(most, since if fresh else None)
    _fitted.fit(every=0.5)


def fit_threads() -> None:
    """Fit the calling thread's number of threads to the load; do nothing where the number is given."""
    if _fitted is not None:
        _fitted.fit()


def keep_threads() -> None:
    """Use all threads from now on, whatever the load: the last bits of a result depend on their number."""
    global _fitted
    if _fitted is not None:
        torch.set_num_threads(_fitted.most)
        _fitted = None


@functools.cache
def survive_forks() -> None:
    """Have processes that are forked from this one compute in one thread: they lack the threads that others would wait for."""
    if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
        os.register_at_fork(after_in_child=_compute_alone)


def _compute_alone() -> None:
    global _fitted
    _fitted = None
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
