"""What every command with a checkpoint does: it names bad input before anything is written, and says how it is called."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import gan_lab.commands.evaluate
import gan_lab.commands.generate
import gan_lab.enhance
import gan_lab.evaluate
import gan_lab.generate
import gan_lab.translate
from gan_lab.photo_files import read_image
from tests.commands.results import list_files
from tests.integration.runs import Command


def test_a_run_enhances_a_folder(command: Command, runs: Path, photos: Path) -> None:
    base = [f"checkpoint={runs / 'enhancer'}", "input=photos", "output=out", "format=png"]
    assert command(gan_lab.enhance, *base) == 0
    assert list_files(command.folder / "out") == {"a.png", "deep/b.png", "deep/c.png", "manifest.jsonl"}
    for name, result in {"a.jpg": "a.png", "deep/b.PNG": "deep/b.png"}.items():
        np.testing.assert_array_equal(read_image(photos / name), read_image(command.folder / "out" / result))
    assert command.out.split() == ["enhanced", "3", "images", "in", "out"]
    assert {path.name for path in command.folder.iterdir()} == {"photos", "out"}  # no log file, no hydra folder
    assert command(gan_lab.enhance, *base, "correct=light") == 2
    assert "correct=light: this model has no light corrector" in command.err


BAD = {
    "no checkpoint": (gan_lab.translate, "input=photos output=out", "checkpoint: missing"),
    "no input": (gan_lab.enhance, "checkpoint=RUNS/enhancer output=out", "input: missing"),
    "no output": (gan_lab.translate, "checkpoint=RUNS/cyclegan input=photos", "output: missing"),
    "empty folder": (gan_lab.enhance, "checkpoint=RUNS/enhancer input=empty output=out", "input=empty: no image"),
    "output in input": (gan_lab.enhance, "checkpoint=RUNS/enhancer input=photos output=photos/x", "lies in input"),
    "corrupt": (gan_lab.enhance, "checkpoint=corrupt.ckpt input=photos output=out", "corrupt.ckpt: damaged"),
    "other task": (
        gan_lab.enhance,
        "checkpoint=RUNS/cgan input=photos output=out",
        "cgan, generates images; enhance needs one that restores photos",
    ),
    "direction": (gan_lab.translate, "checkpoint=RUNS/cyclegan input=photos output=out direction=A", "direction=A:"),
    "size": (gan_lab.translate, "checkpoint=RUNS/cyclegan input=photos output=out size=-1", "size=-1:"),
    "strength": (gan_lab.translate, "checkpoint=RUNS/cyclegan input=photos output=out strength=2", "strength=2: needs"),
    "tile": (gan_lab.enhance, "checkpoint=RUNS/enhancer input=photos output=out tile=8", "tile=8:"),
    "unknown key": (gan_lab.translate, "direktion=AB", "did you mean direction"),
    "n": (gan_lab.generate, "checkpoint=RUNS/cgan n=0 output=out", "n=0:"),
    "label": (gan_lab.generate, "checkpoint=RUNS/cgan label=coat output=out", "dress, hat, shoe"),
    "generate where": (gan_lab.generate, "checkpoint=RUNS/cgan", "output: missing"),
    "data": (
        gan_lab.evaluate,
        "checkpoint=RUNS/cgan output=out data.root=nowhere",
        "nowhere: does not exist",
    ),
    "data key": (gan_lab.evaluate, "checkpoint=RUNS/cgan output=out data.rot=x", "did you mean data.root"),
    "extractor": (gan_lab.evaluate, "checkpoint=RUNS/cyclegan output=out extractor=x", "extractor=x:"),
    "own extractor": (
        gan_lab.evaluate,
        "checkpoint=RUNS/cgan output=out extractor={_target_:os.system}",
        "_target_=os.system: a configuration may only name",
    ),
    "weights": (
        gan_lab.evaluate,
        "checkpoint=RUNS/cgan output=out extractor=torchvision:resnet18 extractor_weights=corrupt.ckpt",
        "weights: corrupt.ckpt cannot be read as resnet18's weights",
    ),
    "evaluation task": (gan_lab.evaluate, "checkpoint=RUNS/cgan output=out task=x", "task=x: needs augmentation"),
    "useless": (
        gan_lab.evaluate,
        "checkpoint=RUNS/enhancer output=out task=augmentation",
        "enhancer, restores photos",
    ),
    "no labels": (
        gan_lab.evaluate,
        "checkpoint=RUNS/dcgan output=out task=augmentation",
        "dcgan was trained without classes, and a classifier needs labels",
    ),
    "other classes": (
        gan_lab.evaluate,
        "checkpoint=RUNS/cgan output=out task=augmentation",
        "are not those of cgan (dress, hat, shoe)",
    ),
    "few": (gan_lab.evaluate, "checkpoint=RUNS/cgan output=out n=3", "at least 8"),
    "evaluate n": (gan_lab.evaluate, "checkpoint=RUNS/enhancer output=out n=few", "n=few:"),
    "image size": (
        gan_lab.evaluate,
        "checkpoint=RUNS/cgan output=out data.image_size=8",
        "data.image_size=8: the networks",
    ),
    "channels": (
        gan_lab.evaluate,
        "checkpoint=RUNS/enhancer output=out data.channels=1",
        "data.channels=1: the networks",
    ),
    "under a file": (gan_lab.evaluate, "checkpoint=RUNS/enhancer output=corrupt.ckpt/out", "cannot be written to"),
    "seed": (gan_lab.generate, "checkpoint=RUNS/cgan output=out seed=-1", "seed=-1:"),
    "device": (gan_lab.generate, "checkpoint=RUNS/cgan output=out device=tpu", "device=tpu:"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told_before_anything_is_written(command: Command, runs: Path, photos: Path, case: str) -> None:
    module, arguments, message = BAD[case]
    (command.folder / "empty").mkdir()
    (command.folder / "corrupt.ckpt").write_bytes((runs / "enhancer/checkpoints/last.ckpt").read_bytes()[:5000])
    before = {path: path.stat().st_mtime_ns for path in command.folder.rglob("*")}
    assert command(module, *arguments.replace("RUNS", str(runs)).split()) == 2
    (line,) = [line for line in command.err.splitlines() if line.startswith("error: ")]
    assert message in line
    assert command.out == ""
    assert {path: path.stat().st_mtime_ns for path in command.folder.rglob("*")} == before


@pytest.mark.parametrize("module", [gan_lab.evaluate, gan_lab.generate, gan_lab.translate, gan_lab.enhance])
def test_help_shows_a_call_and_the_settings(command: Command, module: ModuleType) -> None:
    assert command(module, "--help") == 0
    assert f"python -m {module.__name__} checkpoint=runs/<name>" in command.out
    assert "seed: 0" in command.out


def test_importing_the_package_is_cheap() -> None:
    code = "import sys, gan_lab; assert callable(gan_lab.load); assert not {'torch', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
