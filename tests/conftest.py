"""What every test runs under: one thread, so that tests in several processes do not wait for each other's, and a cache."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

torch.set_num_threads(1)
torch.set_flush_denormal(True)

# The index of photos goes to a cache of the tests' own, which is gone after them; what is compiled stays in the user's.
_CACHE = tempfile.TemporaryDirectory()
os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(Path("~/.cache/gan_lab/compiled").expanduser()))
os.environ["XDG_CACHE_HOME"] = _CACHE.name
