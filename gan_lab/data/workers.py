"""The processes that prepare batches: how many, and how they behave."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import threading

import cv2
import torch

from gan_lab.cores import list_cores

log = logging.getLogger(__name__)

#: Far beyond what helps; a thousand processes would hold the machine up for minutes before the first step.
MOST_WORKERS = max(64, 4 * (os.cpu_count() or 1))


def choose_workers(*, cheap: bool, decoded_once: bool = False) -> int:
    """Return how many workers keep a step from waiting: none on one core or for arrays in memory, else cores - 1.

    On two cores without a GPU a worker takes from the step what it spares it, and the step's two threads wait for each
    other: where photos are `decoded_once`, into a cache that holds them all, steps are a tenth faster without it.
    """
    cores = len(list_cores())
    if cheap or cores == 1 or (cores == 2 and decoded_once and not torch.cuda.is_available()):
        return 0
    # Batches travel through /dev/shm, of which a container may have 64 MB: a worker there dies of a bus error.
    if os.path.isdir("/dev/shm") and shutil.disk_usage("/dev/shm").total < 256 * 2**20:
        log.warning(
            "data.num_workers=auto: takes 0, for /dev/shm is below 256 MB (docker: --ipc=host or --shm-size=2g)"
        )
        return 0
    return min(cores - 1, 8)


def start_worker(worker: int) -> None:
    """Keep a worker to one thread, and out of the signals that are meant for the training process."""
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
