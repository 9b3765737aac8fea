"""Photos that a run was trained on are never counted as held out, whatever becomes of their folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import gan_lab.evaluate
import gan_lab.train
from gan_lab.data import Products
from gan_lab.data.record import RECORD, PhotoRecord
from tests.integration.runs import Command, load, tiny
from tests.integration.test_train import photos


def options(folder: Path, *more: str) -> list[str]:
    return [*tiny("vae"), f"data.root={folder}", "trainer.max_iterations=1", "name=run", *more]


@pytest.fixture(scope="module")
def trained_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with photos, and the run of a vae of them."""
    folder = tmp_path_factory.mktemp("splits")
    photos(folder / "photos", count=60)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("sys.argv", ["gan_lab.train", *options(folder / "photos", "~data.split_by")])
        gan_lab.train.main()
    return folder


@pytest.fixture
def command(
    trained_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Command:
    """Return a command in a copy of that folder."""
    shutil.copytree(trained_run, tmp_path, dirs_exist_ok=True)
    return Command(tmp_path, monkeypatch, capfd)


def digests(folder: Path, split: str, **more: Any) -> set[int]:
    """Return the digests of the photos of a split as a new run has them."""
    data = Products(folder, **({"image_size": 32, "batch_size": 1, "num_workers": 0} | more))
    data.prepare(training=False)
    return {int(value) for value in data._stores[split]["image"].table.digests}


def record(folder: Path) -> PhotoRecord:
    found = PhotoRecord.read(folder / "runs/run" / RECORD)
    assert found is not None
    return found


def test_a_run_records_what_it_is_trained_on(trained_run: Path) -> None:
    found = record(trained_run)
    for part, split in enumerate(("train", "val", "test")):
        assert {int(value) for value in found.digests[found.parts == part]} == digests(trained_run / "photos", split)
    # also where no yaml says it: a later gan_lab may have another default
    config = load(trained_run / "runs/run/checkpoints/last.ckpt")["config"]
    assert config["data"]["split_by"] == "content"


def evaluate(command: Command, *more: str) -> int:
    return command(
        gan_lab.evaluate, "checkpoint=runs/run", "output=out", "extractor={_target_: torch.nn.Flatten}", *more
    )


def test_trained_photos_under_test_are_left_out_and_said(command: Command) -> None:
    folder, found = command.folder / "photos", record(command.folder)
    data = Products(folder, image_size=32, batch_size=1, num_workers=0)
    data.prepare()
    for split in ("train", "val", "test"):
        for name in data._stores[split]["image"].table.names:
            place = command.folder / "sorted" / ("test" if split == "train" else "train")
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(name, place)
    photos(command.folder / "sorted/test/new", count=12)
    for path in (command.folder / "sorted/test/new").iterdir():
        path.write_bytes(path.read_bytes() + b"new")
    assert evaluate(command, f"data.root={command.folder / 'sorted'}") == 0
    trained = int((found.parts == 0).sum())
    assert f"{trained} photos would be held out and were trained on; they are left out" in command.err
    assert "12 photos came" in command.err
    shutil.rmtree(command.folder / "sorted/test/new")
    assert evaluate(command, f"data.root={command.folder / 'sorted'}", "data.validation_share=0") == 2
    assert f"all {trained} photos that could be held out are photos that the model was trained on" in command.err


def test_a_moved_folder_holds_out_what_was_not_trained_on(command: Command) -> None:
    (command.folder / "photos").rename(command.folder / "moved")
    found = record(command.folder)
    assert evaluate(command, f"data.root={command.folder / 'moved'}") == 0
    assert f"{(found.parts == 0).sum()} photos would be held out and were trained on" in command.err
    protocol = json.loads((command.folder / "out/metrics.json").read_text())["protocol"]
    assert protocol["split"].startswith("all photos")
    assert f" / {(found.parts != 0).sum()} samples" in protocol["data"]


def test_a_continued_run_keeps_its_sides_and_says_what_came(command: Command) -> None:
    folder, before = command.folder / "photos", record(command.folder)
    assert command(gan_lab.train, "resume=runs/run", f"data.root={folder}", "trainer.max_iterations=2") == 0
    assert "came" not in command.err
    for path in sorted(folder.iterdir())[:20]:
        path.rename(path.with_name(f"a-{path.name}"))
    sorted(folder.iterdir())[-1].unlink()
    rng = np.random.default_rng(5)
    photos(folder / "new", count=3)
    for path in (folder / "new").iterdir():
        path.write_bytes(path.read_bytes() + rng.bytes(4))
    assert command(gan_lab.train, "resume=runs/run", f"data.root={folder}", "trainer.max_iterations=3") == 0
    assert "since the run began 3 photos came" in command.err
    assert "and 1 are gone" in command.err
    after = record(command.folder)
    assert (after.find_parts(before.digests) == before.parts).all()
    assert len(after) == 63


def test_a_run_that_began_before_records_goes_on_with_its_split_and_says_so(command: Command) -> None:
    assert command(gan_lab.train, *options(command.folder / "photos", "data.split_by=order", "name=old")) == 0
    (command.folder / "runs/old" / RECORD).unlink()
    more = [f"data.root={command.folder / 'photos'}", "trainer.max_iterations=2"]
    assert command(gan_lab.train, "resume=runs/old", *more) == 0
    assert "data.split_by=order: photos are split by their order, as the run began" in command.err
    assert "resume=runs/old/checkpoints/last.ckpt: the run has no record of its photos" in command.err
    before = PhotoRecord.read(command.folder / "runs/old" / RECORD)
    assert before is not None
    pixels = np.random.default_rng(7).integers(0, 256, (48, 40, 3), np.uint8)
    Image.fromarray(pixels).save(command.folder / "photos/0-new.png")
    assert command(gan_lab.train, "resume=runs/old", more[0], "trainer.max_iterations=3") == 0
    after = PhotoRecord.read(command.folder / "runs/old" / RECORD)
    assert after is not None
    assert len(after) == len(before) + 1
    assert (after.find_parts(before.digests) == before.parts).all()


def test_weights_that_have_seen_what_is_held_out_are_said(command: Command) -> None:
    given = options(command.folder / "photos", "name=second", "init_from=runs/run")
    assert command(gan_lab.train, *given) == 0
    assert "it was trained on" not in command.err
    assert command(gan_lab.train, *given, "name=third", "data.split_seed=1") == 0
    assert "photos that are held out here; split as that run did" in command.err
    (command.folder / "runs/run" / RECORD).unlink()
    assert command(gan_lab.train, *given, "name=fourth") == 0
    assert f"no {RECORD} lies beside it" in command.err


def test_a_damaged_record_is_refused(command: Command) -> None:
    (command.folder / "runs/run" / RECORD).write_bytes(b"no record")
    assert evaluate(command) == 2
    assert f"{RECORD}: is no record of a run's photos" in command.err
