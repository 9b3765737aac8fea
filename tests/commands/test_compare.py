"""The compare command: each network's results in a folder, figures, a page, and what it refuses before any work."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import save_file

from gan_lab import compare as command_module
from gan_lab.commands.compare import name_folders
from gan_lab.inference import bundle
from tests.commands.results import list_files
from tests.inference.checkpoints import tiny_checkpoint
from tests.integration.runs import Command


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Weights that add 13 levels, weights that add 26, and a community network."""
    from spandrel.architectures.DnCNN import DnCNN

    folder = tmp_path_factory.mktemp("weights")
    found = []
    for name, shift in (("little", 0.1), ("more", 0.2)):
        run = tiny_checkpoint(folder / f"{name}_run", "restorer", generator_ema__module__head__bias=shift)
        bundle.write_bundle(folder / f"{name}.safetensors", {"restorer": bundle.part_of_run("restorer", run)})
        found.append(folder / f"{name}.safetensors")
    network = DnCNN(in_nc=3, out_nc=3, nc=8, nb=8, act_mode="R")
    for parameter in network.parameters():
        parameter.data.zero_()  # the noise that it finds, and takes away, is none
    save_file(network.state_dict(), folder / "dncnn.safetensors")
    return [*found, folder / "dncnn.safetensors"]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "deep").mkdir(parents=True)
    for index, name in enumerate(("a.png", "deep/b.png")):
        levels = np.random.default_rng(index).integers(40, 200, (8, 10, 3)).astype(np.uint8)
        Image.fromarray(levels.repeat(4, 0).repeat(4, 1)).save(folder / name)
    return folder


@pytest.fixture
def compare(command: Command, networks: list[Path], photos: Path) -> Any:
    def call(*arguments: str) -> int:
        given = {argument.split("=")[0] for argument in arguments}
        defaults = {
            "checkpoints": f"[{','.join(map(str, networks))}]",
            "input": photos,
            "output": "out",
            "device": "cpu",
            "precision": "fp32",
            "guard.enabled": "false",
        }
        return command(
            command_module, *(f"{key}={value}" for key, value in defaults.items() if key not in given), *arguments
        )

    call.command = command  # type: ignore[attr-defined]
    return call


def read(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "out/compare.json").read_text())
    return content


def test_each_network_has_a_folder_and_the_figures_say_which_is_closer(
    compare: Any, photos: Path, networks: list[Path], tmp_path: Path
) -> None:
    truth = tmp_path / "truth"
    shutil.copytree(photos, truth)
    for path in truth.rglob("*.png"):
        Image.fromarray(np.asarray(Image.open(path)) + np.uint8(13)).save(path.with_suffix(".webp"), lossless=True)
        path.unlink()
    assert compare(f"reference={truth}") == 0
    names = [path.stem for path in networks]
    results = {f"{name}/{photo}" for name in names for photo in ("a.png", "deep/b.png", "manifest.jsonl")}
    assert list_files(tmp_path / "out") - {file for file in list_files(tmp_path / "out") if "/." in file} >= results | {
        "compare.json",
        "compare.html",
    }
    found = read(tmp_path)
    assert [each["name"] for each in found["contenders"]] == names
    psnr = {each["name"]: each["figures"]["psnr"] for each in found["contenders"]}
    assert psnr["little"] > 40 > psnr["more"]
    assert psnr["dncnn"] == pytest.approx(20 * np.log10(255 / 13), abs=0.1)
    assert {"ssim", "ciede2000", "noise", "sharpness"} <= found["contenders"][0]["figures"].keys()
    assert found["contenders"][0]["photos"]["deep/b.png"]["psnr"] > 40
    assert found["protocol"]["photos"] == found["protocol"]["references"] == 2
    assert 'data-name="reference"' in (tmp_path / "out/compare.html").read_text()
    assert "PSNR (dB)" in compare.command.out


def test_without_references_the_guard_judges(compare: Any, networks: list[Path], tmp_path: Path) -> None:
    assert compare("guard.enabled=true", f"checkpoints=[{networks[2]}]") == 0
    assert "2 of 2" in compare.command.out
    (found,) = read(tmp_path)["contenders"]
    assert "psnr" not in found["figures"]
    assert {"hue_drift", "detail_invented", "noise"} <= found["figures"].keys()


def test_a_second_call_goes_on_with_what_is_there(compare: Any, networks: list[Path], tmp_path: Path) -> None:
    assert compare(f"checkpoints=[{networks[0]}]") == 0
    before = (tmp_path / "out/little/a.png").stat().st_mtime_ns
    (tmp_path / "out/little/deep/b.png").unlink()
    assert compare() == 0
    assert (tmp_path / "out/little/a.png").stat().st_mtime_ns == before
    assert (tmp_path / "out/little/deep/b.png").exists()
    assert len(read(tmp_path)["contenders"]) == 3


def test_networks_of_one_name_have_folders_of_their_own(compare: Any, networks: list[Path], tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = shutil.copy(networks[1], tmp_path / "other/little.safetensors")
    assert compare(f"checkpoints=[{networks[0]},{other}]") == 0
    assert [each["name"] for each in read(tmp_path)["contenders"]] == ["little", "little-2"]
    assert (tmp_path / "out/little/a.png").read_bytes() != (tmp_path / "out/little-2/a.png").read_bytes()


def test_a_photo_that_fails_is_left_out_of_the_figures_and_named(compare: Any, photos: Path, tmp_path: Path) -> None:
    (photos / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n torn")
    assert compare() == 1
    assert "failed       some photos" in compare.command.out
    found = read(tmp_path)
    assert found["protocol"]["photos"] == 2
    assert found["protocol"]["left_out"] == ["torn.png"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["checkpoints=[]"], "checkpoints=[]: needs a list of networks"),
        (["checkpoints=faithful"], "checkpoints=faithful: needs a list of networks"),
        (["checkpoints=[faithful,faithful]"], "faithful is given twice; name each once"),
        (["checkpoints=[faithful,nowhere]"], "checkpoint=nowhere: no such file, run or shipped weights"),
        (["scale=4"], "scale=4: this model does not enlarge so"),
        (["scale=5"], "scale=5: needs a number from 1 to 4"),
        (["reference=nowhere"], "reference=nowhere: is no folder"),
        (["jobs=0"], "jobs=0: needs a whole number from 1"),
        (["output=null"], "output: missing"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(compare: Any, options: list[str], said: str, tmp_path: Path) -> None:
    assert compare(*options) == 2
    assert said in compare.command.err
    assert not (tmp_path / "out").exists()


def test_references_that_do_not_fit_are_named(compare: Any, photos: Path, tmp_path: Path) -> None:
    truth = tmp_path / "truth"
    truth.mkdir()
    assert compare(f"reference={truth}") == 2
    assert "has a picture for none of the 2 photos" in compare.command.err
    Image.new("RGB", (40, 30)).save(truth / "A.png")
    assert compare(f"reference={truth}") == 2
    assert "a.png is 40x30 there, and a result 40x32" in compare.command.err
    Image.new("RGB", (40, 32)).save(truth / "a.jpg")
    assert compare(f"reference={truth}") == 2
    assert "are both of a.png; leave one there" in compare.command.err
    assert not (tmp_path / "out").exists()


def test_nothing_that_is_written_takes_the_place_of_a_photo_or_a_reference(
    compare: Any, photos: Path, networks: list[Path], tmp_path: Path
) -> None:
    truth = tmp_path / "out/little"
    shutil.copytree(photos, truth)
    before = {path: path.read_bytes() for path in truth.rglob("*.png")}
    for reference in (truth, tmp_path / "out"):
        if reference.name == "out":
            shutil.copy(photos / "a.png", reference / "a.png")
        assert compare(f"reference={reference}") == 2
        assert f"would lie among the pictures of reference={reference}" in compare.command.err
    (truth / "within").mkdir()
    shutil.copy(photos / "a.png", truth / "within/a.png")
    assert compare(f"reference={truth / 'within'}") == 2
    assert f"would lie among the pictures of reference={truth / 'within'}" in compare.command.err
    shutil.rmtree(truth / "within")
    assert {path: path.read_bytes() for path in truth.rglob("*.png")} == before
    lone = tmp_path / "lone"
    lone.mkdir()
    shutil.copy(photos / "a.png", lone / "compare.html")
    assert compare(f"input={lone / 'compare.html'}", f"output={lone}") == 2
    assert "compare.html would replace a photo of the input" in compare.command.err


def test_folders_are_named_by_what_a_path_means(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine/checkpoints").mkdir(parents=True)
    run = SimpleNamespace(model=object(), path=tmp_path / "mine/checkpoints/best.ckpt")
    monkeypatch.chdir(tmp_path / "mine")
    assert name_folders(["."], [run]) == ["mine"]  # type: ignore[list-item]
    monkeypatch.chdir(tmp_path / "mine/checkpoints")
    assert name_folders(["..", "best.ckpt"], [run, run]) == ["mine", "best"]  # type: ignore[list-item]
    for name in ("before", "Reference", "compare.html"):
        weights = SimpleNamespace(model=None, path=tmp_path / f"{name}.safetensors")
        assert name_folders([str(weights.path)], [weights]) == [f"{name}-network"]  # type: ignore[list-item]


def test_small_photos_and_torn_references_are_left_out_of_the_figures(
    compare: Any, photos: Path, networks: list[Path], tmp_path: Path
) -> None:
    Image.new("RGB", (2, 1)).save(photos / "tiny.png")
    truth = tmp_path / "truth"
    shutil.copytree(photos, truth)
    whole = (truth / "a.png").read_bytes()
    (truth / "a.png").write_bytes(whole[: len(whole) // 2])
    assert compare(f"reference={truth}", f"checkpoints=[{networks[0]}]") == 0
    (found,) = read(tmp_path)["contenders"]
    assert "psnr" not in found["photos"]["a.png"]
    assert found["photos"]["tiny.png"] == {}
    assert found["figures"]["psnr"] == found["photos"]["deep/b.png"]["psnr"]
    assert "left out of the figures" in compare.command.err


def test_a_reference_of_the_same_name_is_meant(
    compare: Any, photos: Path, networks: list[Path], tmp_path: Path
) -> None:
    Image.new("RGB", (40, 32)).save(photos / "a.jpg")
    truth = tmp_path / "truth"
    shutil.copytree(photos, truth)
    assert compare(f"reference={truth}", f"checkpoints=[{networks[2]}]") == 0
    assert read(tmp_path)["protocol"]["references"] == 3


def test_names_are_shown_as_they_are(compare: Any, networks: list[Path], tmp_path: Path) -> None:
    odd = shutil.copy(networks[0], tmp_path / "net[bold].safetensors")
    assert compare(f"checkpoints=['{odd}']") == 0
    assert "net[bold]" in compare.command.out


def test_a_reference_that_is_no_picture_is_named(compare: Any, photos: Path, tmp_path: Path) -> None:
    truth = tmp_path / "truth"
    truth.mkdir()
    (truth / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n torn")
    assert compare(f"reference={truth}") == 2
    assert "repair it, or take it out" in compare.command.err
