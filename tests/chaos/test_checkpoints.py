"""Hostile checkpoints and bundles in numbers; `checkpoints.py` says what they are and what counts as a failure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from gan_lab.errors import UserError
from tests.chaos import checkpoints
from tests.chaos.checkpoints import ATTACKS, KNOWN, WAYS, Case, attack_of, case_of, outcome, whole_files

#: Names that stand for the 180 000 that can be imported, which take a minute to gather.
FEW = [
    "os.system",
    "os.remove",
    "pathlib.Path.touch",
    "builtins.exec",
    "torch.save",
    "torch.nn.Module.compile",
    "numpy.load",
]


@pytest.fixture
def few_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "names", lambda: FEW)
    monkeypatch.setattr(checkpoints, "eager", lambda: FEW[:4])


@pytest.mark.usefixtures("few_names")
@pytest.mark.parametrize(
    ("count", "seed"), [(WAYS * 6, None), (12, 1), pytest.param(KNOWN, None, marks=pytest.mark.slow)]
)
def test_every_file_is_loaded_or_refused(count: int, seed: int | None) -> None:
    findings = checkpoints.fuzz(count, seed, show=False)
    assert findings.failures == {}
    assert sum(findings.outcomes.values()) == count


@pytest.mark.slow
def test_every_file_is_loaded_or_refused_whatever_it_names() -> None:
    findings = checkpoints.fuzz(5000, 2, show=False)
    assert findings.failures == {}


@pytest.mark.usefixtures("few_names")
def test_a_case_is_what_its_number_says() -> None:
    assert case_of(5, 1).changes == case_of(5, 1).changes != case_of(6, 1).changes
    assert {attack_of(number).changes[0] for number in range(WAYS)} == {
        f"_target_={ATTACKS[0]['_target_']}, way {way}" for way in range(WAYS)
    }
    assert all(attack_of(number).hostile for number in range(KNOWN))
    assert set(whole_files()) == {"cgan", "cyclegan", "enhancer", "vae", "restorer", "bundle"}


#: What loading must not do, and what the hook calls it.
ACTS = {
    "import tabnanny": "imported tabnanny",
    "open('/tmp/never-written', 'w')": "opened /tmp/never-written for writing",
    "os.open('/tmp/never-written', os.O_CREAT)": "opened /tmp/never-written for writing",
    "os.mkdir('/tmp/never-made')": "os.mkdir",
    "os.remove('/tmp/never-there')": "os.remove",
    "os.system('true')": "os.system",
    "os.fork()": "os.fork",
    "subprocess.run(['true'])": "subprocess.Popen",
    "socket.getaddrinfo('127.0.0.1', 9)": "socket.getaddrinfo",
    "os.putenv('A', 'b')": "os.putenv",
    "shutil.rmtree('/tmp/never-there')": "shutil.rmtree",
    "ctypes.CDLL('libm.so.6')": "ctypes.dlopen",
    "open(os.__file__).read()": "",
    "os.listdir('/')": "",
    "open('run/own', 'w')": "",
}
WATCH = """
import contextlib, ctypes, json, os, pathlib, shutil, socket, subprocess, sys
from tests.chaos.checkpoints import GUARD
acts, folder = json.loads(sys.argv[1]), pathlib.Path(sys.argv[2])
os.chdir(folder)
GUARD.folder = folder
sys.addaudithook(GUARD)
found = {}
for act in acts:
    GUARD.acts.clear()
    code = compile(act, "act", "exec")
    GUARD.armed = True
    with contextlib.suppress(BaseException):
        exec(code)
    GUARD.armed = False
    found[act] = GUARD.acts[0] if GUARD.acts else ""
print(json.dumps(found))
"""


def test_the_hook_forbids_what_loading_must_not_do(tmp_path: Path) -> None:
    """In a process of its own, since a hook stays for ever."""
    (tmp_path / "run").mkdir()
    arguments = [sys.executable, "-W", "ignore", "-c", WATCH, json.dumps(list(ACTS)), os.path.realpath(tmp_path)]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, [os.getcwd(), os.environ.get("PYTHONPATH")]))
    }
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=300, env=environment, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    for act, wanted in ACTS.items():
        assert found[act].startswith(wanted) if wanted else found[act] == "", act
    assert not any(Path("/tmp", name).exists() for name in ("never-written", "never-made"))
    assert (tmp_path / "run/own").exists()


@pytest.mark.parametrize(
    ("act", "hostile", "failure"),
    [
        (lambda path: None, False, ""),
        (lambda path: None, True, "was loaded"),
        (lambda path: 1 / 0, False, "ZeroDivisionError: division by zero"),
        (lambda path: refuse("no"), True, ""),
        (lambda path: refuse(f"its token is {checkpoints.CANARY}"), True, "the environment was told"),
        (lambda path: (torch.nn.ReLU(), refuse("no")), True, "built ReLU before the refusal"),
        (lambda path: (torch.nn.ReLU(), refuse("no")), False, ""),
        (lambda path: ((path.parent / "owned").touch(), refuse("no")), True, "a payload ran"),
        (lambda path: ((path.parent / "precious/metrics.csv").unlink(), refuse("no")), True, "a payload ran"),
    ],
)
def test_what_loading_must_not_do_is_a_failure(
    act: Callable[[Path], Any], hostile: bool, failure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(path: Path) -> None:
        act(path)

    monkeypatch.setattr(checkpoints, "load", load)
    monkeypatch.setattr(checkpoints, "way_of", lambda number, kind: load)
    checkpoints.prepare_folder(tmp_path / "case")
    case = Case("vae", {"x": 1}, ["changed"], hostile)
    _, found = outcome(case, 0, tmp_path / "case")
    assert found == (f"{failure} [load; changed]" if failure else "")


def refuse(reason: str) -> None:
    raise UserError(reason)
