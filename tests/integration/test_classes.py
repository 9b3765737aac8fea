"""A run keeps the names of its classes: nothing that was trained as one class is ever called another."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

import gan_lab.evaluate
import gan_lab.train
from gan_lab.config import compose
from tests.integration.runs import Command, load, tiny
from tests.integration.test_train import photos

NAMES = ["beige", "green", "navy"]


@pytest.fixture(scope="module")
def trained_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with photos of three classes, and the run of a cgan of them."""
    folder = tmp_path_factory.mktemp("classes")
    photos(folder / "photos", *NAMES, count=8)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("sys.argv", ["gan_lab.train", *options("cgan", folder)])
        gan_lab.train.main()
    return folder


def options(model: str, folder: Path) -> list[str]:
    return [*tiny(model), f"data.root={folder / 'photos'}", "trainer.max_iterations=1", f"name={model}"]


@pytest.fixture
def command(
    trained_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Command:
    """Return a command in a copy of that folder, in which beige is red now."""
    shutil.copytree(trained_run, tmp_path, dirs_exist_ok=True)
    (tmp_path / "photos/beige").rename(tmp_path / "photos/red")
    return Command(tmp_path, monkeypatch, capfd)


def place(command: Command) -> str:
    return f"data.root={command.folder / 'photos'}"


def test_a_continued_run_refuses_other_classes_with_their_names(command: Command) -> None:
    more = [place(command), "trainer.max_iterations=2"]
    assert command(gan_lab.train, "resume=runs/cgan", *more) == 2
    assert "the classes of the photos are not those of the run (beige gone, red new)" in command.err
    shutil.rmtree(command.folder / "photos/red")
    assert command(gan_lab.train, "resume=runs/cgan", *more) == 2
    assert "(beige gone)" in command.err
    shutil.copytree(command.folder / "photos/green", command.folder / "photos/beige")
    shutil.copytree(command.folder / "photos/green", command.folder / "photos/amber")
    assert command(gan_lab.train, "resume=runs/cgan", *more) == 2
    assert "(amber new)" in command.err
    shutil.rmtree(command.folder / "photos/amber")
    assert command(gan_lab.train, "resume=runs/cgan", *more) == 0


def test_an_evaluation_refuses_other_classes_with_their_names(command: Command) -> None:
    base = ["checkpoint=runs/cgan", "output=out", "extractor={_target_: torch.nn.Flatten}"]
    assert command(gan_lab.evaluate, *base, place(command)) == 2
    assert f"{place(command)}: the classes of the photos are not those of" in command.err
    assert "(beige gone, red new)" in command.err
    flat = command.folder / "flat"
    photos(flat, count=20)
    for path in flat.iterdir():  # others than the run was trained on
        path.write_bytes(path.read_bytes() + b"other")
    # photos without classes can be compared with the samples of all classes
    assert command(gan_lab.evaluate, *base, f"data.root={flat}") == 0


def test_a_new_run_takes_classes_by_their_names_and_says_which(command: Command) -> None:
    still = ["++model.generator_optimizer.lr=0", "++model.discriminator_optimizer.lr=0", "seed=1", "name=second"]
    given = [*options("cgan", command.folder)[:-1], *still]
    assert command(gan_lab.train, *given, "init_from=runs/cgan") == 0
    assert "classes: green, navy taken by name; red fresh; beige left behind" in command.err
    first, second = (load(command.folder / f"runs/{name}/checkpoints/last.ckpt") for name in ("cgan", "second"))
    rows, now = (each["state_dict"]["generator.embedding.weight"] for each in (first, second))
    assert second["config"]["model"]["class_names"] == ["green", "navy", "red"]
    assert torch.equal(now[:2], rows[1:])
    assert not torch.equal(now[2], rows[0])


def test_a_model_without_labels_goes_on_with_other_classes(command: Command) -> None:
    assert command(gan_lab.train, *options("vae", command.folder)) == 0
    (command.folder / "photos/red").rename(command.folder / "photos/amber")
    assert command(gan_lab.train, "resume=runs/vae", "trainer.max_iterations=2") == 0


@pytest.mark.parametrize(
    ("model", "balanced"), [("cgan", True), ("cgan_projection", True), ("dcgan", False), ("pix2pix", False)]
)
def test_models_of_classes_alone_see_them_in_turn(model: str, balanced: bool) -> None:
    assert compose("train", [f"model={model}"]).data.balance is balanced
