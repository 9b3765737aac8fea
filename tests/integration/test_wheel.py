"""The wheel alone, in a fresh environment and an empty folder, is enough to train."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[2]
SMALL_RUN = [
    "model=dcgan",
    "data=products",
    "device=cpu",
    "data.image_size=32",
    "data.batch_size=4",
    "data.num_workers=0",
    "model.generator.width=8",
    "model.discriminator.width=8",
    "trainer.max_iterations=2",
]


def run(*command: str | Path, cwd: Path) -> str:
    hidden = ("PYTHONPATH", "VIRTUAL_ENV")
    environment = {key: value for key, value in os.environ.items() if key not in hidden} | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@dataclass
class Installed:
    wheel: Path
    bin: Path


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Build the wheel and install it, and nothing else of this project, without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, REPOSITORY, cwd=folder)
    (wheel,) = folder.glob("*.whl")

    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps", wheel, cwd=folder)
    # The dependencies are borrowed from here. A path file inside a borrowed folder is not read, so the editable
    # installation of this repository stays out of reach.
    (own,) = (folder / "venv" / "lib").glob("python*/site-packages")
    paths = sysconfig.get_paths()
    (own / "borrowed.pth").write_text(f"{paths['purelib']}\n{paths['platlib']}\n")
    return Installed(wheel, python.parent)


def test_wheel_carries_every_configuration(installed: Installed) -> None:
    packed = set(zipfile.ZipFile(installed.wheel).namelist())
    expected = {f"gan_lab/{path.relative_to(REPOSITORY)}" for path in (REPOSITORY / "conf").rglob("*.yaml")}
    assert expected
    assert expected <= packed
    assert not {name for name in packed if not name.startswith(("gan_lab/", "gan_lab-"))}


def test_every_console_script_names_a_function(installed: Installed, tmp_path: Path) -> None:
    load = (
        "from importlib.metadata import entry_points as found\n"
        "scripts = [script for script in found(group='console_scripts') if script.dist.name == 'gan-lab']\n"
        "print(*[script.name for script in scripts if callable(script.load())])"
    )
    names = run(installed.bin / "python", "-c", load, cwd=tmp_path).split()
    commands = ("compare", "enhance", "evaluate", "generate", "pack", "train", "translate")
    assert sorted(set(names)) == ["gan-lab", *(f"gan-lab-{name}" for name in commands)]


def test_console_script_helps(installed: Installed, tmp_path: Path) -> None:
    text = run(installed.bin / "gan-lab-train", "--help", cwd=tmp_path)
    assert "cyclegan" in text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [["gan-lab-train"], ["python", "-m", "gan_lab.train"]], ids=["script", "module"])
def test_trains_from_an_empty_folder(installed: Installed, tmp_path: Path, command: list[str]) -> None:
    where = run(installed.bin / "python", "-c", "import gan_lab; print(gan_lab.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(installed.bin.parent)

    run(installed.bin / command[0], *command[1:], *SMALL_RUN, "name=wheel", cwd=tmp_path)
    assert (tmp_path / "runs" / "wheel" / "checkpoints" / "last.ckpt").is_file()
    assert (tmp_path / "runs" / "wheel" / "config.yaml").is_file()


def test_the_weights_travel_and_enhance_a_photo(installed: Installed, tmp_path: Path) -> None:
    with zipfile.ZipFile(installed.wheel) as wheel:
        names = set(wheel.namelist())
    assert {f"gan_lab/weights/{name}" for name in ("faithful.safetensors", "vivid.safetensors", "README.md")} <= names
    noise = np.random.default_rng(0).normal(128, 25, (64, 48, 3)).clip(0, 255).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "photo.png")
    command = [installed.bin / "gan-lab-enhance", "input=photo.png", "output=better", "correct=defects", "report=true"]
    run(*command, "guard.enabled=false", "device=cpu", cwd=tmp_path)
    assert np.array(Image.open(tmp_path / "better/photo.png")).std() < noise.std() / 2
    assert (tmp_path / "better/report.html").is_file()
