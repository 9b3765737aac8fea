"""The evaluate command: which photos it measures on, what it writes, and where."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest
from omegaconf import OmegaConf
from PIL import Image

import gan_lab.commands.evaluate
import gan_lab.commands.generate
import gan_lab.enhance
import gan_lab.evaluate
import gan_lab.generate
import gan_lab.translate
from gan_lab.data.catalogue import KINDS
from gan_lab.photo_files import read_image
from tests.commands.results import list_files
from tests.inference.checkpoints import tiny_checkpoint, unchanging_enhancer
from tests.integration.runs import Command


def metrics(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    found = json.loads((folder / "metrics.json").read_text())
    assert read_image(folder / "samples.png").size
    return found["figures"], found["protocol"]


def test_evaluate_compares_an_enhancer_with_the_input(command: Command, runs: Path) -> None:
    assert command(gan_lab.evaluate, f"checkpoint={runs / 'enhancer'}", "output=out") == 0
    figures, protocol = metrics(command.folder / "out")
    assert figures["methods"]["enhancer"] == figures["methods"]["as is"]
    assert figures["psnr_gain"] == 0
    assert "non local means" in figures["methods"]
    file = runs / "enhancer" / "checkpoints" / "last.ckpt"
    assert protocol["checkpoint"] == str(file)
    assert protocol["checkpoint_sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (protocol["model"], protocol["iteration"], protocol["split"]) == ("enhancer", 7, "test")
    assert protocol["precision"] == "float32"
    assert "demo catalogue" in protocol["data"]
    for text in ("enhancer", "as is", "PSNR", "CIEDE2000", "out/metrics.json"):
        assert text in command.out
    assert "DEMO CATALOGUE" in command.err
    assert {path.name for path in command.folder.iterdir()} == {"out"}


def test_evaluate_takes_another_degradation(command: Command, runs: Path) -> None:
    overrides = ["data/degradation=noise", "data.degradation.sigma=25", "traditional=false", "n=4"]
    assert command(gan_lab.evaluate, f"checkpoint={runs / 'enhancer'}", "output=out", *overrides) == 0
    figures, protocol = metrics(command.folder / "out")
    assert figures["methods"].keys() == {"enhancer", "as is"}
    assert figures["psnr"] == pytest.approx(21, abs=1)  # 20 log10(255 / 25) = 20.2; white clips half of the noise
    assert protocol["n"] == 4
    assert protocol["data_settings"]["degradation"]["sigma"] == 25


def test_evaluate_takes_other_photos(command: Command, runs: Path) -> None:
    for index in range(40):
        value = np.random.default_rng(index).integers(0, 256, (4, 4, 3)).astype(np.uint8)
        path = command.folder / "own" / ("test" if index < 10 else "train") / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(value).resize((40, 40)).save(path)
    base = [f"checkpoint={runs / 'cgan'}", "data.root=own"]
    assert command(gan_lab.evaluate, *base, "output=out") == 0
    figures, protocol = metrics(command.folder / "out")
    assert (protocol["n"], protocol["n_real"]) == (10, 10)
    assert protocol["precision"] == str(gan_lab.load(runs / "cgan").dtype).removeprefix("torch.")
    assert protocol["extractor"] == "EfficientNet-Lite2, ImageNet, 128 px"
    assert protocol["labels"] == "all in turn"
    assert figures["kid_efficientnet_lite2"] > figures["floor"]["kid_efficientnet_lite2"]
    assert "KID (EfficientNet-Lite2, ImageNet, 128 px)" in command.out
    assert "memorisation" not in figures  # it was trained on others
    assert not any("frechet" in name for name in figures)
    assert protocol["frechet"].startswith("left out: of 10 images in 1280 dimensions it is bias")
    assert "FID" not in command.out
    assert "DEMO CATALOGUE" not in command.err


def test_evaluate_takes_all_photos_of_a_folder_that_nobody_trained_on(command: Command, runs: Path) -> None:
    (command.folder / "own").mkdir()
    for index in range(12):
        value = np.random.default_rng(index).integers(0, 256, (40, 40, 3)).astype(np.uint8)
        Image.fromarray(value).save(command.folder / "own" / f"{index}.png")
    assert command(gan_lab.evaluate, f"checkpoint={runs / 'enhancer'}", "data.root=own", "output=out") == 0
    _, protocol = metrics(command.folder / "out")
    assert protocol["n"] == 12
    assert protocol["split"].startswith("all photos")
    assert "near-duplicates" not in command.err  # nothing is kept apart from anything
    shares = ["data.test_share=0.25", "output=part"]
    assert command(gan_lab.evaluate, f"checkpoint={runs / 'enhancer'}", "data.root=own", *shares) == 0
    assert 1 <= metrics(command.folder / "part")[1]["n"] <= 8  # a quarter of them on average


def test_a_number_may_be_the_name_of_a_folder(command: Command, runs: Path) -> None:
    assert command(gan_lab.evaluate, f"checkpoint={runs / 'enhancer'}", "data.root=2", "output=out") == 2
    assert "data.root=2: does not exist" in command.err


def test_a_data_setting_that_is_deleted_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    hydra = MagicMock()
    hydra.get().overrides.task = ["~data.batch_size", "~data.root", "data.num_workers=0", "data/degradation=noise"]
    monkeypatch.setattr(gan_lab.commands.evaluate, "HydraConfig", hydra)
    config = OmegaConf.create({"data": {"num_workers": 0, "degradation": None}})
    assert gan_lab.commands.evaluate.list_given_data(config) == {"num_workers": 0, "degradation": None}


@pytest.mark.parametrize(("root", "everything"), [("/a/b", False), ("/a/../a/b", False), ("/a/c", True), (None, False)])
def test_photos_are_foreign_by_their_place_not_by_its_spelling(root: str | None, everything: bool) -> None:
    settings = gan_lab.commands.evaluate.data_settings({"root": "/a/b", "test_share": 0.1}, {"root": root})
    assert settings["test_share"] == (1.0 if everything else 0.1)


def test_a_checkpoint_does_not_say_where_what_is_known_of_photos_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    trained = {"root": "/a/b", "index": "/c", "cache": "/c"}
    assert gan_lab.commands.evaluate.data_settings(trained, {}) == {"root": "/a/b"}
    assert gan_lab.commands.evaluate.data_settings(trained, {"index": "/d"})["index"] == "/d"
    made = MagicMock()
    made.return_value.splits = ("train",)
    monkeypatch.setattr(gan_lab.commands.generate, "instantiate", made)
    gan_lab.commands.generate.load_labelled_photos(MagicMock(config={"data": trained}), None)
    assert made.call_args.args[0] == {"root": "/a/b"}


def test_evaluate_measures_a_translation_both_ways(command: Command, runs: Path) -> None:
    assert command(gan_lab.evaluate, f"checkpoint={runs / 'cyclegan'}", "output=out", "data.catalogue_images=200") == 0
    figures, protocol = metrics(command.folder / "out")
    for direction in ("AB", "BA"):
        assert figures[direction]["cycle_psnr"] > 0
        assert {"kid_efficientnet_lite2_as_is", "kid_efficientnet_lite2_translated"} <= figures[direction].keys()
    assert protocol["n_A"] >= 4
    assert "A to B" in command.out


@pytest.fixture(scope="module")
def sampler(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the run of a cgan of the demo catalogue's classes."""
    classes = [f"data.classes={len(KINDS)}", f"++data.class_names=[{','.join(KINDS)}]", "data.test_share=0.2"]
    return tiny_checkpoint(tmp_path_factory.mktemp("sampler") / "cgan", "cgan", *classes)


def test_evaluate_makes_a_page_of_a_generator(command: Command, sampler: Path) -> None:
    base = [f"checkpoint={sampler}", "output=out"]
    assert command(gan_lab.evaluate, *base, "extractor={_target_: torch.nn.Flatten}") == 0
    pictures = {"samples.png", "real_and_generated.png", "neighbours.png"}
    found = list_files(command.folder / "out") - {"near_duplicates.png"}  # which the small pictures may or may not have
    assert found == {"metrics.json", "report.html"} | pictures
    figures, protocol = metrics(command.folder / "out")
    assert protocol["extractor"] == "Flatten"
    assert protocol["training_photos"] == f"{figures['near_duplicates']['train']['of']} of 44"
    assert {"frechet_distance_flatten", "recognised", "floor", "intervals", "memorisation"} <= figures.keys()
    page = (command.folder / "out" / "report.html").read_text()
    assert "cgan, iteration 7" in page
    assert page.count("<img") >= len(pictures)
    for words in ("named as the class asked for", "nearer to a training photo than 95 % of held-out photos"):
        assert words in page
    assert "out/report.html" in command.out


@pytest.mark.parametrize(
    ("given", "same"),
    [
        ({}, True),
        ({"batch_size": 3, "num_workers": 0}, True),
        ({"root": "/a/../a/b"}, True),
        ({"root": "/a/c"}, False),
        ({"split_seed": 1}, False),
        ({"fit": "pad"}, False),
    ],
)
def test_copies_are_looked_for_among_the_photos_that_a_run_was_trained_on(given: dict[str, Any], same: bool) -> None:
    trained = {"root": "/a/b", "test_share": 0.1, "split_seed": 0, "batch_size": 64, "fit": "crop", "classes": 3}
    settings = gan_lab.commands.evaluate.data_settings(trained, given)
    assert gan_lab.commands.evaluate.is_training_data(trained, settings) == same


def test_evaluate_tells_what_samples_are_worth(command: Command, sampler: Path) -> None:
    assert command(gan_lab.evaluate, f"checkpoint={sampler}", "task=augmentation", "seeds=3") == 0
    figures, protocol = metrics(sampler / "augmentation")
    assert {"real", "generated", "both", "gain", "accuracies", "intervals", "curve", "features"} == figures.keys()
    assert protocol["seeds"] == 3
    assert "gain by the samples" in command.out
    assert (sampler / "augmentation" / "report.html").is_file()


def test_an_evaluation_folder_that_came_with_the_run_is_no_link(command: Command, tmp_path: Path) -> None:
    run, theirs = unchanging_enhancer(tmp_path / "foreign"), tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "samples.png").write_bytes(b"a picture")
    (run / "evaluation").symlink_to(theirs)
    assert command(gan_lab.evaluate, f"checkpoint={run}", "n=2") == 2
    assert "evaluation: is a link to" in command.err
    assert "output=" in command.err
    assert [path.read_bytes() for path in theirs.iterdir()] == [b"a picture"]


def test_evaluate_writes_beside_the_run_unless_told(command: Command, tmp_path: Path) -> None:
    run = unchanging_enhancer(tmp_path / "run")
    assert command(gan_lab.evaluate, f"checkpoint={run}", "traditional=false", "n=2") == 0
    assert (run / "evaluation" / "metrics.json").is_file()


def test_the_numbers_of_nested_figures_have_the_names_of_their_groups() -> None:
    figures = {"psnr": 30.5, "method": "vae", "AB": {"n": 3, "deep": {"x": 1.0}, "words": ["a"]}}
    found = gan_lab.commands.evaluate.list_numbers(figures)
    assert dict(found) == {"psnr": 30.5, "AB/n": 3, "AB/deep/x": 1.0}


def test_weights_that_no_run_stands_behind_are_not_evaluated(command: Command) -> None:
    assert command(gan_lab.evaluate, "checkpoint=faithful", "device=cpu") == 2
    assert "checkpoint=faithful: no run stands behind it" in command.err
    assert "python -m gan_lab.compare" in command.err
