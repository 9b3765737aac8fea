"""What the machine does with memory."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from gan_lab import hardware
from gan_lab.config.entry_point import prepare_work

#: Prints how many pages the system hands out for a block of 40 MB that is given back and asked for again 60 times.
AGAIN = """
import resource, torch
from gan_lab.hardware import keep_freed_memory
kept = {keep} and keep_freed_memory()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(60):
    torch.empty(10 << 20).fill_(1)
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def again(keep: bool, **variables: str) -> tuple[str, int]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    code = AGAIN.format(keep=keep)
    done = subprocess.run([sys.executable, "-c", code], env=own | variables, capture_output=True, text=True, check=True)
    kept, pages = done.stdout.split()
    return kept, int(pages)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's malloc is asked for it")
def test_what_a_tensor_gives_back_is_kept_for_the_next_one() -> None:
    kept, pages = again(True)
    assert kept == "True"
    assert pages < again(False)[1] / 3


def test_the_environments_own_settings_are_left_alone() -> None:
    assert again(True, MALLOC_ARENA_MAX="2")[0] == "False"


@pytest.mark.parametrize("name", ["train", "enhance", "generate", "translate"])
def test_every_command_keeps_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(hardware, "keep_freed_memory", lambda: asked.append(name))
    monkeypatch.setattr(sys, "argv", [f"gan_lab.{name}"])
    prepare_work(name)
    assert asked == [name]
