"""The processes that prepare batches: how many, how they behave, and what is said where they fail."""

from __future__ import annotations

import errno
import logging
import multiprocessing.queues
import os
import re
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import cv2
import torch
from torch._utils import ExceptionWrapper
from torch.utils.data import DataLoader

from gan_lab.cores import list_cores
from gan_lab.errors import UserError

log = logging.getLogger(__name__)

#: Far beyond what helps; a thousand processes would hold the machine up for minutes before the first step.
MOST_WORKERS = max(64, 4 * (os.cpu_count() or 1))
#: How often a loader that waits for a worker looks up, within the time that the worker has: a process that was suspended
#: finds its workers as late as itself, and gives them the rest of their time.
LOOKS = 10
#: Where batches travel from a worker.
SHARED_MEMORY = "/dev/shm"
#: The causes of a worker's failure, by the words of torch and Python; errors of the system are recognised by their number.
FULL_MEMORY = re.compile(r"shared memory|/torch_\d|Bus error")
NO_PROCESS = re.compile(r"can't start new thread|Cannot allocate memory")
NO_FILE = re.compile(r"Too many open files|items of ancdata")
DEAD = re.compile(r"DataLoader worker .*(killed by signal|exited unexpectedly)")


def choose_workers(*, cheap: bool, decoded_once: bool = False) -> int:
    """Return how many workers keep a step from waiting: none on one core or for arrays in memory, else cores - 1.

    On two cores without a GPU a worker takes from the step what it spares it, and the step's two threads wait for each
    other: where photos are `decoded_once`, into a cache that holds them all, steps are a tenth faster without it.
    """
    cores = len(list_cores())
    if cheap or cores == 1 or (cores == 2 and decoded_once and not torch.cuda.is_available()):
        return 0
    # Batches travel through /dev/shm, of which a container may have 64 MB: a worker there dies of a bus error.
    if os.path.isdir(SHARED_MEMORY) and shutil.disk_usage(SHARED_MEMORY).total < 256 * 2**20:
        log.warning(
            "data.num_workers=auto: takes 0, for /dev/shm is below 256 MB (docker: --ipc=host or --shm-size=2g)"
        )
        return 0
    return min(cores - 1, 8)


def start_worker(worker: int) -> None:
    """Keep a worker to one thread, and out of the signals that are meant for the training process; let it tell its errors."""
    queue: Any = multiprocessing.queues.Queue
    queue._on_queue_feeder_error = _hand_over_error
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    # A scheduler's SIGTERM, Ctrl-C and a terminal that closes reach the whole group. The training process answers them: it
    # saves, and then ends its workers. A worker that died first, or ran the handlers that it inherited, would spoil that.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "SIGHUP"):  # not on Windows
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if hasattr(signal, "sigwaitinfo"):  # not on macOS, where the signal ends a worker as it comes
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_obey, args=(os.getppid(),), daemon=True).start()


def _obey(parent: int) -> None:
    """End this process when `parent`, and nobody else, sends SIGTERM, as it does at its own end."""
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent:
        pass
    os._exit(0)


def _hand_over_error(queue: Any, error: Exception, item: Any) -> None:
    """Put the error in the place of the batch that could not be handed over: Python drops it, and the loader waits forever."""
    queue.put((item[0], ExceptionWrapper((type(error), error, error.__traceback__), "while it handed over a batch")))


class WatchedLoader(DataLoader[Any]):
    """A DataLoader that says why a worker fails, and which one does not answer.

    Args:
        dataset: of the samples.
        worker_timeout: seconds that a worker may take for a batch; None for any time.
        **options: of `DataLoader`.
    """

    def __init__(self, dataset: Any, *, worker_timeout: float | None = None, **options: Any) -> None:
        looks = worker_timeout / LOOKS if worker_timeout and options.get("num_workers") else 0.0
        super().__init__(dataset, timeout=looks, **options)
        self.worker_timeout = worker_timeout

    def __iter__(self) -> Any:
        """Return an iterator over the batches.

        Raises:
            UserError: a worker cannot be started; from the iterator: it has died or does not answer.
        """
        if not self.num_workers:
            return super().__iter__()
        with worker_failures_explained(self.num_workers):
            return _WatchedBatches(super().__iter__(), self)


class _WatchedBatches:
    """The batches of a loader's workers; otherwise the iterator that it makes."""

    def __init__(self, batches: Any, loader: WatchedLoader) -> None:
        self.batches = batches
        self.loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self.batches, name)

    def __iter__(self) -> _WatchedBatches:
        return self

    def __next__(self) -> Any:
        with worker_failures_explained(self.loader.num_workers):
            for _ in range(LOOKS):
                try:
                    return next(self.batches)
                except RuntimeError as error:
                    if "DataLoader timed out" not in str(error):
                        raise
        raise self._name_silent()

    def _name_silent(self) -> UserError:
        """Return which worker has not answered in time; of one that was stopped, see to it that it can be ended."""
        number = self.batches._task_info[self.batches._rcvd_idx][0]
        process = self.batches._workers[number].pid
        with suppress(ProcessLookupError, AttributeError):
            os.kill(process, signal.SIGCONT)
        return UserError(
            f"data.worker_timeout={self.loader.worker_timeout:g}: worker {number} of {self.loader.num_workers} (process "
            f"{process}) has not answered for so many seconds; see whether the disk of the photos answers, give it more time, "
            "or none to wait for: data.num_workers=0"
        )


@contextmanager
def worker_failures_explained(workers: int) -> Iterator[None]:
    """Raise a UserError in the place of a failure of workers."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        refusal = explain_worker_failure(error, workers)
        if refusal is None:
            raise
        raise refusal from error


def explain_worker_failure(error: Exception, workers: int | str) -> UserError | None:
    """Return why workers fail, and what to do; None for an error that is none of theirs.

    Args:
        error: of the process that waits for them.
        workers: how many they are, or "auto".
    """
    text = str(error)
    number = error.errno if isinstance(error, OSError) else None
    fewer = "or set fewer: data.num_workers=0"
    if number == errno.ENOSPC or FULL_MEMORY.search(text):
        left = (
            f" ({shutil.disk_usage(SHARED_MEMORY).free // 2**20} MB are free)" if os.path.isdir(SHARED_MEMORY) else ""
        )
        why = f"shared memory, through which workers hand over batches, is full{left}"
        advice = f"free {SHARED_MEMORY}, give a container more (docker: --ipc=host or --shm-size=2g), {fewer}"
    elif number in (errno.EAGAIN, errno.ENOMEM) or NO_PROCESS.search(text):
        why = f"workers cannot be started ({os.strerror(number) if number else NO_PROCESS.findall(text)[0]})"
        advice = f"raise the limit of processes (ulimit -u, a container's pids.max) or of memory, {fewer}"
    elif number in (errno.EMFILE, errno.ENFILE) or NO_FILE.search(text):
        why, advice = "too many files are open", f"raise their limit (ulimit -n), {fewer}"
    elif DEAD.search(text):
        why = f"a worker has died ({text.splitlines()[0][:120]})"
        advice = f"if the system has ended it for lack of memory, give less to data.cache_mb, {fewer}"
    else:
        return None
    return UserError(f"data.num_workers={workers}: {why}; {advice}")
