"""The enhance command on real files: what it writes, what it leaves alone, how it goes on, and how it ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

import gan_lab.commands.enhance
import gan_lab.enhance
import gan_lab.pack
from gan_lab.config import compose
from gan_lab.fidelity.guard import Thresholds
from gan_lab.inference import bundle
from gan_lab.jobs.masks import NO_MASK
from gan_lab.photo_files.photo import read_photo
from gan_lab.photo_files.provenance import digital_source_type, read_provenance
from tests.commands.results import list_files
from tests.fixtures.heif import FOLDER as HEIF
from tests.inference.checkpoints import tiny_checkpoint
from tests.integration.runs import Command
from tests.photo_files.samples import SRGB, exif_block, picture, picture_8, picture_16, png_16

SHIFT = 0.1  # what the restorer adds to every value, in [-1, 1]: 13 levels of 8 bits


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights that add 13 levels, enlarge by two, and leave the light alone."""
    folder = tmp_path_factory.mktemp("weights")
    bias = {"generator_ema__module__head__bias": SHIFT}
    parts = {
        "light": tiny_checkpoint(folder / "light", "light"),
        "restorer": tiny_checkpoint(folder / "one", "restorer", **bias),
        "x2": tiny_checkpoint(folder / "two", "restorer", "model.generator.scale=2", "model.generator.mask=false"),
    }
    bundle.write_bundle(
        folder / "mine.safetensors", {name: bundle.part_of_run(name, run) for name, run in parts.items()}
    )
    return folder / "mine.safetensors"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "deep").mkdir(parents=True)
    for index, name in enumerate(("a.png", "b.png", "deep/c.png")):
        levels = np.random.default_rng(index).integers(40, 200, (8, 10, 3)).astype(np.uint8)
        Image.fromarray(levels.repeat(4, 0).repeat(4, 1)).save(folder / name)
    return folder


@pytest.fixture
def enhance(command: Command, weights: Path, photos: Path) -> Any:
    def call(*arguments: str) -> int:
        given = {argument.split("=")[0] for argument in arguments}
        defaults = {
            "checkpoint": weights,
            "input": "photos",
            "output": "out",
            "guard.enabled": "false",
            "correct": "defects",
        }
        return command(gan_lab.enhance, *(f"{k}={v}" for k, v in defaults.items() if k not in given), *arguments)

    return call


def pixels(path: Path) -> np.ndarray:
    return read_photo(path).pixels.astype(int)


def records(folder: Path) -> dict[str, dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    return {line["path"]: line for line in lines if "path" in line}


def times(folder: Path) -> dict[str, int]:
    return {name: (folder / name).stat().st_mtime_ns for name in list_files(folder) if name.endswith(".png")}


def test_a_folder_is_enhanced_and_written_down(enhance: Any, command: Command) -> None:
    assert enhance() == 0
    out = command.folder / "out"
    assert list_files(out) >= {"a.png", "b.png", "deep/c.png", "manifest.jsonl"}
    change = pixels(out / "deep/c.png") - pixels(command.folder / "photos/deep/c.png")
    assert set(np.unique(change)) <= {12, 13}
    assert "enhanced     3 images in out" in command.out
    record = records(out)["deep/c.png"]
    assert record["status"] == "done"
    assert record["verdict"] == "unguarded"
    assert record["strength"] == 1
    assert record["size"] == [40, 32]


def test_a_second_call_redoes_exactly_what_changed(enhance: Any, command: Command) -> None:
    assert enhance() == 0
    out = command.folder / "out"
    first = times(out)
    assert enhance() == 0
    assert times(out) == first
    assert "skipped      3 images" in command.out
    Image.fromarray(np.full((9, 9, 3), 77, np.uint8)).save(command.folder / "photos/b.png")
    assert enhance() == 0
    second = times(out)
    assert {name for name in first if first[name] != second[name]} == {"b.png"}
    assert (pixels(out / "b.png") == 77 + 13).all()
    assert enhance("strength=0.5") == 0
    assert all(second[name] != now for name, now in times(out).items())
    assert np.unique(pixels(out / "b.png")).tolist() == [83]


def test_changed_weights_redo_everything(enhance: Any, command: Command, weights: Path, tmp_path: Path) -> None:
    assert enhance() == 0
    first = times(command.folder / "out")
    parts = bundle.read_bundle(weights)
    parts["restorer"].weights["head.bias"].fill_(-0.1)
    bundle.write_bundle(tmp_path / "other.safetensors", parts)
    assert enhance("checkpoint=other.safetensors") == 0
    assert all(first[name] != now for name, now in times(command.folder / "out").items())


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_strength_0_gives_the_photo_itself(enhance: Any, command: Command, suffix: str) -> None:
    photo = command.folder / f"one{suffix}"
    Image.fromarray(picture_8()).save(photo)
    assert enhance(f"input={photo}", "strength=0", "guard.enabled=true") == 0
    assert (command.folder / "out" / photo.name).read_bytes() == photo.read_bytes()


def test_nothing_to_correct_gives_the_photo_itself(enhance: Any, command: Command) -> None:
    assert enhance("correct=none") == 0
    for name in ("a.png", "deep/c.png"):
        assert (command.folder / "out" / name).read_bytes() == (command.folder / "photos" / name).read_bytes()


def test_every_output_is_marked_unless_asked_not_to(enhance: Any, command: Command) -> None:
    assert enhance("strength=0.5") == 0
    path = command.folder / "out/a.png"
    assert str(digital_source_type(path)).endswith("algorithmicallyEnhanced")
    mark = read_provenance(path)
    assert mark is not None
    assert mark.strength == 0.5
    assert len(mark.model) == 64
    assert mark.settings["correct"] == "defects"
    assert enhance("provenance=off") == 0
    assert read_provenance(path) is None
    header = json.loads((command.folder / "out/manifest.jsonl").read_text().splitlines()[0])
    assert [settings["provenance"] for settings in header["settings"].values()] == ["off"]


def test_holes_are_filled_where_the_mask_is_white(enhance: Any, command: Command) -> None:
    masks = command.folder / "masks"
    (masks / "deep").mkdir(parents=True)
    grey = np.full((40, 40, 3), 100, np.uint8)
    grey[10:20, 10:20] = (255, 0, 255)
    Image.fromarray(grey).save(command.folder / "photos/deep/c.png")
    mask = np.zeros((40, 40), np.uint8)
    mask[10:20, 10:20] = 255
    Image.fromarray(mask).save(masks / "deep/c.png")
    assert enhance("mask=masks") == 0
    out = command.folder / "out"
    assert np.abs(pixels(out / "deep/c.png") - 113).max() <= 1
    assert str(digital_source_type(out / "deep/c.png")).endswith("compositeWithTrainedAlgorithmicMedia")
    assert str(digital_source_type(out / "a.png")).endswith("algorithmicallyEnhanced")
    first = times(out)
    mask[:] = 0
    Image.fromarray(mask).save(masks / "deep/c.png")
    assert enhance("mask=masks") == 0
    assert {name for name, now in times(out).items() if now != first[name]} == {"deep/c.png"}
    mask[:] = 90  # a mask saved as JPEG is not quite black
    Image.fromarray(mask).save(masks / "deep/c.png")
    assert enhance("mask=masks") == 0
    assert str(digital_source_type(out / "deep/c.png")).endswith("algorithmicallyEnhanced")
    mask[10:20, 10:20] = 255
    Image.fromarray(mask).save(masks / "deep/c.png")
    assert enhance("mask=masks", "correct=light") == 0  # which fills nothing
    assert str(digital_source_type(out / "deep/c.png")).endswith("algorithmicallyEnhanced")
    Image.fromarray(mask[:5]).save(masks / "deep/c.png")
    assert enhance("mask=masks") == 1
    assert "40x5, and its photo 40x40" in records(out)["deep/c.png"]["error"]


def test_enlarging_doubles_colour_and_alpha(enhance: Any, command: Command) -> None:
    layers = np.dstack([picture_8(), np.full((24, 40), 200, np.uint8)])
    Image.fromarray(layers).save(command.folder / "photos/a.png", dpi=(300, 300))
    assert enhance("scale=2", "correct=none") == 0
    made = read_photo(command.folder / "out/a.png")
    assert made.pixels.shape == (48, 80, 3)
    assert made.alpha is not None
    assert np.unique(made.alpha).tolist() == [200]
    assert made.metadata.dpi == pytest.approx((300, 300), abs=0.1)
    expected = cv2.resize(picture_8(), (80, 48), interpolation=cv2.INTER_CUBIC)
    assert np.abs(made.pixels.astype(int) - expected).mean() < 1


@pytest.mark.parametrize(
    ("arguments", "size", "reason"),
    [
        (
            ["scale=2", "max_result_pixels=3000"],
            (40, 24),
            "max_result_pixels=3000: this photo of 40x24 would become 80x48;",
        ),
        (["scale=2", "format=webp"], (8200, 2), "16400x4 pixels; WebP holds at most 16383 a side; choose png"),
        (["scale=2", "format=jpg"], (33000, 1), "66000x2 pixels; JPEG holds at most 65500 a side; choose png"),
    ],
)
def test_a_result_that_would_be_too_large_is_refused_before_the_work(
    enhance: Any,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    size: tuple[int, int],
    reason: str,
) -> None:
    Image.new("RGB", size).save(command.folder / "photos/a.png")
    worked = []

    def work(*given: Any, **_: Any) -> None:
        worked.append(given)
        raise AssertionError("no photo was to be enhanced")

    monkeypatch.setattr(gan_lab.commands.enhance, "enhance_photo", work)
    assert enhance("correct=none", "input=photos/a.png", *arguments) == 1
    assert not worked
    assert reason in command.err


def test_a_result_that_is_no_larger_than_its_photo_is_never_too_large(enhance: Any, command: Command) -> None:
    assert enhance("max_result_pixels=1") == 0


def test_jobs_and_tiles_do_not_change_a_result(enhance: Any, command: Command) -> None:
    Image.fromarray(np.rint(picture(700, 300)).astype(np.uint8)).save(command.folder / "photos/b.png")
    assert enhance("jobs=1", "tile=null") == 0
    assert enhance("jobs=4", "tile=256", "output=again") == 0
    for name in ("a.png", "b.png", "deep/c.png"):
        assert np.abs(pixels(command.folder / "out" / name) - pixels(command.folder / "again" / name)).max() <= 1


def test_adjustments_come_after(enhance: Any, command: Command) -> None:
    assert enhance("adjust.saturation=0") == 0
    out = pixels(command.folder / "out/a.png")
    assert np.ptp(out, axis=2).max() <= 1


def test_the_guard_keeps_a_photo_whose_product_would_change(enhance: Any, command: Command, weights: Path) -> None:
    """Weights that scramble: the photo's own file is the result, and the manifest says so."""
    for name in ("a.png", "b.png", "deep/c.png"):
        Image.fromarray(np.rint(picture(200, 240)).astype(np.uint8)).save(command.folder / "photos" / name)
    parts = bundle.read_bundle(weights)
    rng = np.random.default_rng(0)
    bias = parts["restorer"].weights["head.bias"]
    bias.copy_(bias.new_tensor(rng.normal(0, 2, bias.shape)))
    bundle.write_bundle(command.folder / "wild.safetensors", parts)
    assert enhance("checkpoint=wild.safetensors", "guard.enabled=true", "format=same") == 0
    for name, record in records(command.folder / "out").items():
        assert record["verdict"] in ("kept", "softened")
        assert record["strength"] < 1
        if record["verdict"] == "kept":
            source = command.folder / "photos" / name
            assert (command.folder / "out" / name).read_bytes() == source.read_bytes()
    assert {record["verdict"] for record in records(command.folder / "out").values()} >= {"kept"}


def test_a_report_is_written(enhance: Any, command: Command) -> None:
    assert enhance("report=true", "guard.enabled=true") == 0
    page = (command.folder / "out/report.html").read_text()
    assert "deep/c.png" in page
    assert "data:image/" in page


def odd_photos(folder: Path) -> None:
    """Make a file of every kind that shops have."""
    folder.mkdir(parents=True)
    rgb = Image.fromarray(picture_8())
    rgb.save(folder / "turned.jpg", exif=b"Exif\0\0" + exif_block(orientation=6), quality=95)
    rgb.save(folder / "profiled.jpg", icc_profile=SRGB)
    rgb.convert("CMYK").save(folder / "cmyk.jpg")
    rgb.convert("P").save(folder / "palette.png")
    rgb.convert("L").save(folder / "grey.png")
    rgb.convert("1").save(folder / "bits.png")
    png_16(folder / "deep.png", picture_16(), kind=2)
    png_16(folder / "deep grey.png", picture_16()[..., 0], kind=0)
    layers = np.dstack([picture_8(), np.tile(np.linspace(0, 255, 40).astype(np.uint8), (24, 1))])
    Image.fromarray(layers).save(folder / "alpha.png")
    Image.fromarray(layers).save(folder / "alpha.webp", lossless=True)
    for name in ("one.tiff", "one.bmp", "one.gif", "one.webp", "UPPER.JPG", "-dash.png", "ein Mädchen 商品.png"):
        rgb.save(folder / name)
    rgb.save(folder / "moving.gif", save_all=True, append_images=[rgb.rotate(180)])
    rgb.save(folder / "twin.png")
    rgb.rotate(180).save(folder / "twin.jpg")
    rgb.save(folder / "liar.jpg", format="PNG")
    (folder / "folder.jpg").mkdir()
    rgb.save(folder / "folder.jpg" / "inside.png")
    os.symlink(folder, folder / "loop", target_is_directory=True)
    for name, (width, height) in {"dot.png": (1, 1), "wide.png": (3000, 20), "tall.png": (24, 2000)}.items():
        Image.fromarray(np.rint(picture(height, width)).astype(np.uint8)).save(folder / name)


def broken_files(folder: Path) -> list[str]:
    """Make a file of every kind that is none; return their names."""
    whole = (folder / "turned.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.jpg").write_text("not a picture")
    (folder / "header.png").write_bytes((folder / "grey.png").read_bytes()[:33])
    bomb = bytearray((folder / "grey.png").read_bytes())
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2
    (folder / "bomb.png").write_bytes(bomb)
    return ["cut.jpg", "empty.png", "text.jpg", "header.png", "bomb.png"]


def test_images_as_they_are_in_shops(enhance: Any, command: Command) -> None:
    folder = command.folder / "odd"
    odd_photos(folder)
    broken = broken_files(folder)
    assert enhance("input=odd", "correct=defects", "drop_gps=true") == 1
    out, found = command.folder / "out", records(command.folder / "out")
    assert {name for name, record in found.items() if record["status"] == "failed"} == set(broken)
    for name in broken:
        assert name in command.out
        assert not (out / name).exists()
    good = sorted(name for name, record in found.items() if record["status"] == "done")
    assert len(good) == 25
    assert len({found[name]["output"] for name in good}) == len(good)
    for name in good:
        before, after = read_photo(folder / name), read_photo(out / found[name]["output"])
        assert after.pixels.shape[:2] == before.pixels.shape[:2], name
        assert after.pixels.dtype == before.pixels.dtype, name
        assert (after.alpha is None) == (before.alpha is None), name
        unit = 257 if before.pixels.dtype == np.uint16 else 1
        inner = (before.pixels > 20 * unit) & (before.pixels < 235 * unit)
        if before.alpha is not None:
            np.testing.assert_array_equal(after.alpha, before.alpha, err_msg=name)
            inner &= before.alpha[..., None] > 0
        if after.pixels.shape == before.pixels.shape and inner.any():
            change = (after.pixels.astype(int) - before.pixels)[inner] / unit
            assert abs(np.median(change) - 12.75) < 2, name
    assert read_photo(out / "grey.png").pixels.shape[2] == 1
    assert any("first" in note for note in found["moving.gif"]["notes"])
    assert read_photo(out / "turned.jpg").pixels.shape[:2] == (40, 24)


def test_a_killed_job_goes_on_where_it_stopped(weights: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in range(12):
        levels = np.random.default_rng(index).integers(40, 200, (500, 500, 3)).astype(np.uint8)
        Image.fromarray(levels).save(folder / f"{index:02d}.png")
    arguments = [f"checkpoint={weights}", f"input={folder}", f"output={tmp_path}/out", "jobs=2", "device=cpu"]
    line = [sys.executable, "-m", "gan_lab.enhance", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(line, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out = tmp_path / "out"
    deadline = time.monotonic() + 120
    while len(list(out.glob("[0-9]*.png"))) < 3 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    listed = {name for name, record in records(out).items() if record["status"] == "done"}
    before = {name: (out / name).stat().st_mtime_ns for name in listed}
    assert 0 < len(before) < 12
    for path in out.glob("[0-9]*.png"):
        with Image.open(path) as whole:
            whole.load()
    done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert f"skipped      {len(before)} images" in done.stdout
    assert {name: (out / name).stat().st_mtime_ns for name in listed} == before
    assert len(records(out)) == 12
    assert not list(out.glob(".*.part"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["scale=5"], "scale=5: needs a number from 1 to 4, or to:<pixels>"),
        (["scale=4"], "scale=4: this model does not enlarge so; it has scale=1, 2"),
        (["strength=2"], "strength=2: needs a number from 0"),
        (["correct=noise"], "correct=noise: needs one of all, defects, light, none"),
        (["checkpoint=nothing"], "checkpoint=nothing: no such file, run or shipped weights; shipped are "),
        (["format=bmp"], "format=bmp: needs png, jpg, webp or same"),
        (["ground=blue"], "ground=blue: needs keep or white"),
        (["adjust.contrast=-1"], "adjust.contrast=-1: needs"),
        (["provenance=maybe"], "provenance=maybe: needs on or off"),
        (["jobs=0"], "jobs=0: needs a whole number from 1"),
        (["quality=0"], "quality=0: needs a whole number from 1 to 100"),
        (["precision=fp8"], "precision=fp8: needs one of auto, fp32, bf16"),
        (["guard.enabled=perhaps"], "guard.enabled=perhaps: needs true or false"),
        (["+guard.edge_driyt=33"], "guard.edge_driyt: there is no such key; under guard there are: enabled, hue_drift"),
        (["+adjust.hue=2"], "adjust.hue: there is no such key; under adjust there are: brightness"),
        (["guard.enabled=true", "guard.hue_drift=-1"], "guard.hue_drift=-1: needs"),
        (["mask=nowhere"], "mask=nowhere: is no folder"),
        (["mask=photos/deep"], "mask=photos/deep: has a mask for none of the 3 photos"),
        (["input=nowhere"], "input=nowhere: does not exist"),
        (["strenght=0.5"], "strenght: there is no such key; did you mean strength?"),
    ],
)
def test_mistakes_are_named_and_nothing_is_written(
    enhance: Any, command: Command, arguments: list[str], message: str
) -> None:
    assert enhance(*arguments) == 2
    assert message in command.err
    assert len(command.err.strip().splitlines()) == 1
    assert not (command.folder / "out").exists()


def test_the_limits_of_the_yaml_are_those_of_the_class() -> None:
    guard = compose("enhance", []).guard
    assert gan_lab.commands.enhance.thresholds(guard) == Thresholds()


def test_a_record_is_of_plain_rounded_figures() -> None:
    made: Any = SimpleNamespace(
        verdict="softened", strength=0.123456, figures={"hue": np.float32(1 / 3)}, notes=("of the guard",)
    )
    assert gan_lab.commands.enhance.make_record(made, 4, 3, ("of the file",)) == {
        "verdict": "softened",
        "strength": 0.1235,
        "size": [4, 3],
        "figures": {"hue": 0.3333},
        "notes": ["of the guard", "of the file"],
    }


# --- nothing is left out without a word


def test_every_file_of_a_folder_is_enhanced_or_named(enhance: Any, command: Command) -> None:
    folder = command.folder / "photos"
    with Image.open(folder / "a.png") as one:
        for name in ("b.jfif", "c.jpe", "d.mpo", "e"):
            one.save(folder / name, "JPEG")
    shutil.copy(HEIF / "phone.heic", folder / "IMG_1.HEIC")
    (folder / "x.jxl").write_bytes(b"\xff\x0a" + bytes(60))
    (folder / "y.jpg").symlink_to("y.jpg")
    (folder / "notes.txt").touch()
    (folder / "@eaDir").mkdir()
    shutil.copy(folder / "a.png", folder / "@eaDir" / "a.png")
    assert enhance("format=same", "drop_gps=true") == 1
    found = {path: (each["status"], each["output"]) for path, each in records(command.folder / "out").items()}
    plain = {name: ("done", name) for name in ("a.png", "b.png", "deep/c.png", "b.jfif", "c.jpe")}
    others = {"d.mpo": "d.jpg", "e": "e.jpg", "IMG_1.HEIC": "IMG_1.jpg"}
    assert found == plain | {name: ("done", result) for name, result in others.items()} | {
        "x.jxl": ("failed", None),
        "y.jpg": ("failed", None),
        "notes.txt": ("no photo", None),
    }
    for line in ("x.jxl: a JPEG XL picture", "y.jpg: a link that leads in a circle", "  notes.txt", "  @eaDir"):
        assert line in command.out
    phone = read_photo(command.folder / "out" / "IMG_1.jpg")
    assert phone.pixels.shape == (48, 80, 3)
    assert b"A photographer" in phone.metadata.exif
    assert b"GPS" not in phone.metadata.xmp


def test_a_sweep_into_one_folder_is_refused_before_any_work(enhance: Any, command: Command) -> None:
    assert enhance("-m", "seed=0,1") == 2
    assert "error: output=out: several jobs of this sweep would write there" in command.err
    assert sorted(path.name for path in command.folder.iterdir()) == ["photos"]


def test_a_sweep_into_folders_leaves_nothing_else(enhance: Any, command: Command) -> None:
    assert enhance("output=out/a,out/b", "-m") == 0
    assert sorted(path.name for path in command.folder.iterdir()) == ["out", "photos"]
    assert sorted(path.name for path in (command.folder / "out").iterdir()) == ["a", "b"]
    assert (command.folder / "out" / "b" / "deep" / "c.png").is_file()


def test_masks_photos_and_results_may_lie_at_home(
    enhance: Any, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(command.folder))
    masks = command.folder / "masks"
    masks.mkdir()
    Image.new("L", (40, 32), 255).save(masks / "A_mask.png")
    assert enhance('input="~/photos"', 'output="~/out"', 'mask="~/masks"') == 0
    said = {path: each["notes"] for path, each in records(command.folder / "out").items()}
    assert [NO_MASK in said[name] for name in ("a.png", "b.png", "deep/c.png")] == [False, True, True]
    assert "2 of 3 photos have no mask: b.png, deep/c.png" in command.err


def test_what_is_too_large_on_the_way_is_refused(enhance: Any, photos: Path, command: Command) -> None:
    assert enhance("scale=1.5", "max_result_pixels=4000") == 1  # 60 x 48 in the end, and 80 x 64 on the way
    assert "is enlarged 2 times on the way" in command.out
    assert enhance("scale=1.5", "max_result_pixels=6000") == 0
