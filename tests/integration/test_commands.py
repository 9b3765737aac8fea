"""The commands that use a checkpoint: what they write, what they print, and how they end."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
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
from gan_lab.evaluation.classifier import train_classifier
from gan_lab.photo_files import read_image
from tests.inference.checkpoints import tiny_checkpoint, unchanging_enhancer
from tests.integration.runs import Command


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    unchanging_enhancer(folder / "enhancer")
    tiny_checkpoint(folder / "cyclegan", "cyclegan")
    tiny_checkpoint(folder / "cgan", "cgan")
    tiny_checkpoint(folder / "pix2pix", "pix2pix")
    tiny_checkpoint(folder / "dcgan", "dcgan")
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for index, (name, size) in enumerate({"a.jpg": (40, 30), "deep/b.PNG": (33, 70), "deep/c.webp": (9, 9)}.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = np.random.default_rng(index).integers(0, 256, (size[1], size[0], 3)).astype(np.uint8)
        Image.fromarray(picture).save(path)
    return folder


def written(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


# -------------------------------------------------------------------------------- enhance, translate


def test_a_run_enhances_a_folder(command: Command, runs: Path, photos: Path) -> None:
    base = [f"checkpoint={runs / 'enhancer'}", "input=photos", "output=out", "format=png"]
    assert command(gan_lab.enhance, *base) == 0
    assert written(command.folder / "out") == {"a.png", "deep/b.png", "deep/c.png", "manifest.jsonl"}
    for name, result in {"a.jpg": "a.png", "deep/b.PNG": "deep/b.png"}.items():
        np.testing.assert_array_equal(read_image(photos / name), read_image(command.folder / "out" / result))
    assert command.out.split() == ["enhanced", "3", "images", "in", "out"]
    assert {path.name for path in command.folder.iterdir()} == {"photos", "out"}  # no log file, no hydra folder
    assert command(gan_lab.enhance, *base, "correct=light") == 2
    assert "correct=light: this model has no light corrector" in command.err


def test_translate_has_a_direction_and_a_size(command: Command, runs: Path, photos: Path) -> None:
    base = [f"checkpoint={runs / 'cyclegan'}", "input=photos"]
    assert command(gan_lab.translate, *base, "output=AB", "format=png") == 0
    assert command(gan_lab.translate, *base, "output=BA", "direction=BA", "size=0", "format=same") == 0
    assert written(command.folder / "BA") == {"a.jpg", "deep/b.PNG", "deep/c.webp", "manifest.jsonl"}
    assert read_image(command.folder / "AB" / "a.png").shape == (32, 43, 3)
    assert read_image(command.folder / "BA" / "a.jpg").shape == (30, 40, 3)
    assert (read_image(command.folder / "AB" / "deep" / "c.png")[:9, :9] != read_image(photos / "deep/c.webp")).any()


def test_a_strip_is_not_enlarged_without_end(command: Command, runs: Path, tmp_path: Path) -> None:
    Image.new("RGB", (1, 4000)).save(tmp_path / "strip.png")
    arguments = (f"checkpoint={runs / 'cyclegan'}", f"input={tmp_path / 'strip.png'}", "output=out")
    assert command(gan_lab.translate, *arguments, "max_result_pixels=100000") == 1
    assert "max_result_pixels=100000: this photo of 1x4000 would become" in command.err
    assert command(gan_lab.translate, *arguments, "size=0") == 0


def test_a_run_of_pairs_translates_and_enhances(command: Command, runs: Path, photos: Path) -> None:
    base = [f"checkpoint={runs / 'pix2pix'}", "input=photos/a.jpg", "format=png"]
    assert command(gan_lab.translate, *base, "output=there", "size=32", "strength=0.5", "report=true") == 0
    assert written(command.folder / "there") == {"a.png", "manifest.jsonl", "report.html"}
    assert read_image(command.folder / "there" / "a.png").shape == (32, 43, 3)
    assert command(gan_lab.translate, *base, "output=back", "direction=BA") == 2
    assert "direction=BA: needs AB, the only way that this model has learnt" in command.err
    assert command(gan_lab.enhance, *base, "output=enhanced") == 0
    assert read_image(command.folder / "enhanced" / "a.png").shape == (30, 40, 3)


def test_translate_goes_on_where_it_stopped(command: Command, runs: Path, photos: Path) -> None:
    base = [f"checkpoint={runs / 'cyclegan'}", "input=photos", "output=out", "format=png"]
    assert command(gan_lab.translate, *base) == 0
    (photos / "b.jpg").write_bytes((photos / "a.jpg").read_bytes()[:300])
    (command.folder / "out" / "a.png").unlink()
    assert command(gan_lab.translate, *base) == 1
    done, skipped, failed, name = command.out.splitlines()
    assert (done.split()[1], skipped.split()[1], failed.split()[1]) == ("1", "2", "1")
    assert name.startswith("  b.jpg: ")
    assert "failed: b.jpg: " in command.err
    assert command(gan_lab.translate, *base, "direction=BA") == 1
    assert command.out.splitlines()[0] == "translated   3 images in out"


def test_options_reach_the_work(command: Command, runs: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def spy(self: Any, pixels: np.ndarray, wish: Any) -> np.ndarray:
        seen.append((wish.direction, wish.size, wish.strength, wish.tile))
        return pixels

    monkeypatch.setattr("gan_lab.inference.translation.Translation.__call__", spy)
    one = "input=photos/a.jpg"
    arguments = ["direction=BA", "size=64", "strength=0.5", "tile=512"]
    assert command(gan_lab.translate, f"checkpoint={runs / 'cyclegan'}", one, "output=o", *arguments) == 0
    assert seen == [("BA", 64, 0.5, 512)]


def test_translations_are_marked_and_reported(command: Command, runs: Path, photos: Path) -> None:
    base = [f"checkpoint={runs / 'cyclegan'}", "input=photos"]
    assert command(gan_lab.translate, *base, "output=marked", "report=true") == 0
    assert "compositeWithTrainedAlgorithmicMedia" in (command.folder / "marked" / "a.jpg").read_bytes().decode(
        "latin-1"
    )
    assert (command.folder / "marked" / "report.html").is_file()
    records = (command.folder / "marked" / "manifest.jsonl").read_text()
    assert '"size":[43,32]' in records.replace(" ", "")
    assert command(gan_lab.translate, *base, "output=plain", "provenance=off") == 0
    assert b"AlgorithmicMedia" not in (command.folder / "plain" / "a.jpg").read_bytes()


# -------------------------------------------------------------------------------- evaluate


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


def test_evaluate_makes_a_page_of_a_generator(command: Command, sampler: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(train_classifier.__kwdefaults__, "iterations", 3)
    base = [f"checkpoint={sampler}", "output=out"]
    assert command(gan_lab.evaluate, *base, "extractor={_target_: torch.nn.Flatten}") == 0
    pictures = {"samples.png", "real_and_generated.png", "neighbours.png"}
    found = written(command.folder / "out") - {"near_duplicates.png"}  # which the small pictures may or may not have
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


def test_evaluate_tells_what_samples_are_worth(
    command: Command, sampler: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(train_classifier.__kwdefaults__, "iterations", 3)
    assert command(gan_lab.evaluate, f"checkpoint={sampler}", "task=augmentation", "seeds=3") == 0
    figures, protocol = metrics(sampler / "augmentation")
    assert {"real", "generated", "both", "gain", "accuracies", "intervals"} == figures.keys()
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


# -------------------------------------------------------------------------------- bad input

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
