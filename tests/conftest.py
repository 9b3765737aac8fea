"""What every test runs under: one thread, so that tests in several processes do not wait for each other's."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

torch.set_num_threads(1)
torch.set_flush_denormal(True)
