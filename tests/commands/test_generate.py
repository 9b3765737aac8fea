"""The generate command: images, animations and variants, marked, written down, and in nobody's way."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image

import gan_lab.generate
import gan_lab.jobs.sampling
from gan_lab.commands.generate import check_number, columns, parse_classes, recall_number
from gan_lab.errors import UserError
from gan_lab.inference.inversion import invert
from gan_lab.metrics import to_uint8
from gan_lab.photo_files import GENERATED, digital_source_type, read_image, read_provenance
from gan_lab.storage import hash_file
from tests.commands.results import list_files
from tests.inference.checkpoints import tiny_checkpoint
from tests.integration.runs import Command


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for name in ("cgan", "vae", "vq_vae", "drifting"):
        tiny_checkpoint(folder / name, name)
    tiny_checkpoint(folder / "code_prior", "code_prior", f"model.codes={folder / 'vq_vae'}")
    return folder


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 50, 3)).astype(np.uint8)).save(path)
    return path


def records(folder: Path) -> dict[str, Any]:
    lines = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    return {line["path"]: line for line in lines[1:]}


def images(*numbers: int, seed: int = 0, suffix: str = "png") -> set[str]:
    return {f"seed{seed}-{number:06d}.{suffix}" for number in numbers}


# -------------------------------------------------------------------------------- images


def test_images_a_grid_and_their_records(command: Command, runs: Path) -> None:
    assert command(gan_lab.generate, f"checkpoint={runs / 'cgan'}", "n=5", "seed=3", "output=out") == 0
    out = command.folder / "out"
    assert list_files(out) == {*images(*range(5), seed=3), "grid.png", "manifest.jsonl"}
    assert read_image(out / "grid.png").shape == (66, 100, 3)  # three classes, three columns
    assert command.out == "generated    5 images in out\n"
    weights = hash_file(runs / "cgan/checkpoints/last.ckpt")
    found = read_provenance(out / "seed3-000004.png")
    assert found is not None
    assert (found.model, found.strength, found.digital_source_type) == (weights, None, GENERATED)
    assert {name: found.settings[name] for name in ("seed", "index", "class", "model", "truncation")} == {
        "seed": 3, "index": 4, "class": "hat", "model": "cgan", "truncation": 1.0,
    }  # fmt: skip
    assert digital_source_type(out / "grid.png") == GENERATED
    record = records(out)["seed3-000004.png"]
    assert (record["status"], record["index"], record["class"]) == ("done", 4, "hat")
    assert record["output_sha256"] == hash_file(out / "seed3-000004.png")
    assert {path.name for path in command.folder.iterdir()} == {"out"}


def test_a_seed_gives_any_of_its_images_once_more(command: Command, runs: Path) -> None:
    base = [f"checkpoint={runs / 'cgan'}", "grid=off"]
    assert command(gan_lab.generate, *base, "n=20", "output=all") == 0
    assert command(gan_lab.generate, *base, "n=1", "first=17", "output=one") == 0
    assert list_files(command.folder / "one") == {*images(17), "manifest.jsonl"}
    (name,) = images(17)
    np.testing.assert_array_equal(read_image(command.folder / "one" / name), read_image(command.folder / "all" / name))
    assert command(gan_lab.generate, *base, "n=1", "first=17", "label=[hat]", "truncation=0.5", "output=near") == 0
    change = read_image(command.folder / "near" / name).astype(int) - read_image(command.folder / "all" / name)
    assert np.abs(change).max() > 8


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_formats_and_marks_can_be_chosen(command: Command, runs: Path, suffix: str) -> None:
    options = [f"format={suffix}", "provenance=off", "grid=2"]
    assert command(gan_lab.generate, f"checkpoint={runs / 'vae'}", "n=3", "output=out", *options) == 0
    out = command.folder / "out"
    assert list_files(out) == {*images(0, 1, 2, suffix=suffix), "grid.png", "manifest.jsonl"}
    assert read_image(out / "grid.png").shape == (66, 66, 3)
    assert read_provenance(out / f"seed0-000001.{suffix}") is None
    header = json.loads((out / "manifest.jsonl").read_text().splitlines()[0])
    (settings,) = header["settings"].values()
    assert settings["provenance"] == "off"


def test_a_second_call_adds_what_is_missing(command: Command, runs: Path) -> None:
    base = [f"checkpoint={runs / 'vae'}", "output=out"]
    assert command(gan_lab.generate, *base, "n=3") == 0
    out = command.folder / "out"
    (out / "seed0-000001.png").unlink()
    (out / ("." + "0" * 32 + ".part")).write_bytes(b"of a killed call")
    before = (out / "seed0-000000.png").stat().st_mtime_ns
    assert command(gan_lab.generate, *base, "n=5") == 0
    assert command.out.splitlines() == ["generated    3 images in out", "skipped      2 images, done already"]
    assert list_files(out) == {*images(*range(5)), "grid.png", "manifest.jsonl"}
    assert (out / "seed0-000000.png").stat().st_mtime_ns == before
    assert read_image(out / "grid.png").shape[1] == 5 * 34 - 2


@pytest.mark.parametrize("other", ["seed=4", "truncation=0.5", "format=webp", "interpolate=2", "image=photo.jpg"])
def test_two_settings_do_not_mix_in_a_folder(command: Command, runs: Path, photo: Path, other: str) -> None:
    base = [f"checkpoint={runs / 'vae'}", "n=2", "output=out"]
    assert command(gan_lab.generate, *base) == 0
    before = {path: path.read_bytes() for path in (command.folder / "out").iterdir()}
    assert command(gan_lab.generate, *base, other) == 2
    assert "error: output=out: grid.png lies there, which was not made with these settings" in command.err
    assert {path: path.read_bytes() for path in (command.folder / "out").iterdir()} == before


def test_a_full_disk_leaves_what_is_whole(command: Command, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = [f"checkpoint={runs / 'vae'}", "n=3", "output=out"]
    real = gan_lab.jobs.sampling.write_photo

    def full(path: Path, *arguments: Any, **options: Any) -> Any:
        if path.name == "seed0-000001.png":
            raise OSError(28, "No space left on device")
        return real(path, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr("gan_lab.jobs.sampling.write_photo", full)
        assert command(gan_lab.generate, *base) == 2
    assert "error: output=out: No space left on device" in command.err
    assert list_files(command.folder / "out") == {*images(0, 2), "manifest.jsonl"}  # they are written side by side
    assert command(gan_lab.generate, *base) == 0
    assert list_files(command.folder / "out") == {*images(0, 1, 2), "grid.png", "manifest.jsonl"}


def test_a_kill_between_a_file_and_its_record_leaves_no_foreign_file(
    command: Command, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = [f"checkpoint={runs / 'vae'}", "n=2", "output=out"]

    def interrupt(path: Path) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("gan_lab.jobs.sampling.hash_file", interrupt)
        with pytest.raises(KeyboardInterrupt):
            command(gan_lab.generate, *base)
    assert images(0) <= list_files(command.folder / "out")
    assert command(gan_lab.generate, *base) == 0
    assert list_files(command.folder / "out") == {*images(0, 1), "grid.png", "manifest.jsonl"}


# -------------------------------------------------------------------------------- animations


def test_an_animation_goes_through_the_images_of_the_seed(command: Command, runs: Path) -> None:
    base = [f"checkpoint={runs / 'vae'}", "seed=3"]
    assert command(gan_lab.generate, *base, "n=3", "output=images") == 0
    assert command(gan_lab.generate, *base, "interpolate=3", "frames=4", "fps=10", "output=walk", "format=gif") == 0
    assert command.out.splitlines()[-1] == "animation    walk/interpolation.gif, 12 frames"
    assert command(gan_lab.generate, *base, "interpolate=3", "frames=4", "fps=10", "output=webp") == 0
    assert list_files(command.folder / "webp") == {"interpolation.webp", "manifest.jsonl"}
    assert digital_source_type(command.folder / "webp" / "interpolation.webp") == GENERATED
    with Image.open(command.folder / "walk" / "interpolation.gif") as animation:
        assert (animation.n_frames, animation.info["duration"]) == (12, 100)
        keys = [read_image(command.folder / "images" / name).astype(int) for name in sorted(images(0, 1, 2, seed=3))]
        for number in range(3):
            animation.seek(4 * number)
            apart = [np.abs(np.array(animation.convert("RGB")).astype(int) - key).mean() for key in keys]
            assert apart[number] < 10 < min(apart[:number] + apart[number + 1 :])  # of 256 colours


def test_classes_go_side_by_side(command: Command, runs: Path) -> None:
    base = [f"checkpoint={runs / 'cgan'}", "interpolate=2", "frames=2"]
    assert command(gan_lab.generate, *base, "output=all") == 0
    assert command(gan_lab.generate, *base, "output=one", "label=hat") == 0
    sizes = [Image.open(command.folder / name / "interpolation.webp").size for name in ("all", "one")]
    assert sizes == [(3 * 34 - 2, 32), (32, 32)]


# -------------------------------------------------------------------------------- variants


def test_variants_of_a_photo(command: Command, runs: Path, photo: Path) -> None:
    base = [f"checkpoint={runs / 'vae'}", "image=photo.jpg", "n=3"]
    assert command(gan_lab.generate, *base, "output=out", "strength=0.3") == 0
    out = command.folder / "out"
    assert list_files(out) == {*images(0, 1, 2), "grid.png", "manifest.jsonl"}
    assert "photo        photo.jpg: 50x30, cut and resized to 32 pixels as in training" in command.out
    assert "encoded      its reconstruction has " in command.out
    sheet = read_image(out / "grid.png")
    assert sheet.shape == (32, 5 * 34 - 2, 3)
    model = gan_lab.load(runs / "vae", device="cpu")
    pixels = read_image(photo)
    np.testing.assert_array_equal(sheet[:, :32], model.as_validated(pixels))
    np.testing.assert_allclose(sheet[:, 34:66].astype(int), model.variants(pixels, 1, 0)[0].astype(int), atol=1)
    np.testing.assert_array_equal(sheet[:, 68:100], model.variants(pixels, 3, 0.3)[0])
    found = read_provenance(out / "seed0-000002.png")
    assert found is not None
    assert (found.strength, found.digital_source_type) == (0.3, GENERATED)
    assert found.settings["photo_sha256"] == hash_file(photo)


def test_a_folder_of_photos_gives_one_of_variants_each(command: Command, runs: Path, photo: Path) -> None:
    for name in ("in/a.jpg", "in/deep/a.png", "in/deep/a.jpg"):
        path = command.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.open(photo).save(path)
    (command.folder / "in/torn.jpg").write_bytes(photo.read_bytes()[:300])
    base = [f"checkpoint={runs / 'vae'}", "image=in", "n=2", "output=out"]
    assert command(gan_lab.generate, *base) == 1
    places = ("a", "deep/a.jpg", "deep/a.png")
    own = {f"{place}/{name}" for place in places for name in (*images(0, 1), "grid.png")}
    assert list_files(command.folder / "out") == {*own, "manifest.jsonl"}
    assert "failed       1 images:\n  torn.jpg: " in command.out
    assert command(gan_lab.generate, *base) == 1
    assert "skipped      6 images" in command.out


def test_a_folder_in_the_output_that_is_a_link_is_refused(
    command: Command, runs: Path, photo: Path, tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs" / "kept.png"
    theirs.parent.mkdir()
    theirs.write_bytes(b"a picture")
    (command.folder / "out").mkdir()
    (command.folder / "out" / photo.name).symlink_to(theirs.parent)
    variants = [f"checkpoint={runs / 'vae'}", f"image={photo}", "n=2"]
    assert command(gan_lab.generate, *variants, "output=out") == 2
    assert f"{photo.name}: is a link to" in command.err
    assert [path.read_bytes() for path in theirs.parent.iterdir()] == [b"a picture"]


def test_a_gan_searches_for_the_photo(
    command: Command, runs: Path, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched = partial(invert, steps=3)
    monkeypatch.setattr(
        "gan_lab.inference.generation.invert", lambda *given, **options: searched(*given, tick=options["tick"])
    )
    base = [f"checkpoint={runs / 'cgan'}", "image=photo.jpg", "n=2"]
    assert command(gan_lab.generate, *base, "output=out", "label=shoe") == 0
    assert " dB, as shoe\n" in command.out
    assert records(command.folder / "out")["seed0-000001.png"]["class"] == "shoe"
    assert command(gan_lab.generate, f"checkpoint={runs / 'drifting'}", *base[1:], "output=others") == 0


def test_variants_go_towards_a_class_of_the_data(command: Command, runs: Path, photo: Path) -> None:
    for index in range(12):  # two classes that differ in brightness
        value = np.full((40, 40, 3), 40 + 15 * index if index < 6 else 20 * (index - 6), np.uint8)
        path = command.folder / "data" / ("bright" if index < 6 else "dark") / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        value[:, : 3 * index + 1] = 128
        Image.fromarray(value).save(path)
    base = [f"checkpoint={runs / 'vae'}", "image=photo.jpg", "n=4", "data.root=data"]
    for label in ("bright", "dark"):
        assert command(gan_lab.generate, *base, f"direction={label}", "strength=1", f"output={label}") == 0
    steps = [read_image(command.folder / "bright" / name).astype(int) for name in sorted(images(*range(4)))]
    back = [read_image(command.folder / "dark" / name).astype(int) for name in sorted(images(*range(4)))]
    model = gan_lab.load(runs / "vae", device="cpu")
    rec = model.variants(read_image(photo), 1, 0)[0].astype(int)
    bright, dark = (
        torch.stack([model.encode(read_image(path)) for path in sorted((command.folder / "data" / name).iterdir())])
        for name in ("bright", "dark")
    )
    z = model.encode(read_image(photo)) + bright.mean(dim=0) - dark.mean(dim=0)
    expected = to_uint8(model.model.generate(z[None]))[0].permute(1, 2, 0).numpy().astype(int)
    assert np.corrcoef((steps[-1] - rec).ravel(), (expected - rec).ravel())[0, 1] > 0.5  # but for flips and crops
    change = [np.abs(step - rec).mean() for step in steps]
    assert 0 < change[0] < change[1] < change[2] < change[3]
    assert ((steps[0] - rec) * (back[0] - rec)).mean() < 0  # of two classes, one way is the other's reverse
    assert command(gan_lab.generate, *base, "direction=brigth", "output=out") == 2
    assert "direction=brigth: there is no such class; did you mean bright?; the data knows bright, dark" in command.err


def test_a_number_of_a_class_is_refused_where_the_runs_classes_have_changed() -> None:
    pretrained = MagicMock(config={"data": {"class_names": ["bright", "dark"]}})
    config = OmegaConf.create({"direction": "1", "data": {"root": None}})
    check_number(pretrained, config, ["bright", "dark"])
    check_number(pretrained, config, ["1", "dark"])  # a name
    with pytest.raises(UserError, match=r"direction=1: .* \(bright gone, light new\).*give the class by its name"):
        check_number(pretrained, config, ["dark", "light"])
    config.data.root = "others"  # whose classes it counts
    check_number(pretrained, config, ["dark", "light"])


@pytest.mark.parametrize(
    ("given", "meant"), [("7", 7), ("0", 0), ("07", "07"), ("hat", "hat"), (["1", "hat"], [1, "hat"]), (None, None)]
)
def test_a_record_has_digits_as_numbers(given: Any, meant: Any) -> None:
    assert recall_number(parse_classes(given)) == meant


@pytest.mark.parametrize(
    ("given", "classes", "meant"), [("off", 3, None), ("auto", 1, 8), ("auto", 3, 3), ("auto", 99, 16), (5, 3, 5)]
)
def test_of_classes_in_turn_each_has_a_column(given: Any, classes: int, meant: int | None) -> None:
    assert columns(given, classes) == meant


def test_generate_refuses_such_a_number(command: Command, photo: Path, tmp_path: Path) -> None:
    for name in ("dark", "light"):
        for index in range(3):
            path = tmp_path / "photos" / name / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((40, 40, 3), 40 + 50 * index, np.uint8)).save(path)
    own = [f"data.root={tmp_path / 'photos'}", "++data.class_names=[bright,dark]", "data.near_duplicates=null"]
    run = tiny_checkpoint(tmp_path / "run", "vae", *own)
    assert command(gan_lab.generate, f"checkpoint={run}", "image=photo.jpg", "direction=1", "output=out") == 2
    assert "(bright gone, light new)" in command.err


def test_classes_by_number_are_recorded_as_they_were_before(command: Command, runs: Path) -> None:
    assert command(gan_lab.generate, f"checkpoint={runs / 'cgan'}", "n=1", "label=[1,hat]", "output=out") == 0
    first = json.loads((command.folder / "out/manifest.jsonl").read_text().splitlines()[0])
    assert [each["label"] for each in first["settings"].values()] == [[1, "hat"]]


# -------------------------------------------------------------------------------- by a taste


def test_images_by_a_taste_are_those_of_the_seed_that_come_nearest(command: Command, runs: Path, photo: Path) -> None:
    model = gan_lab.load(runs / "cgan", device="cpu")
    for number, image in enumerate(model.generate(4, seed=5, label="hat")):
        path = command.folder / "liked" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(image).save(path)
    base = [f"checkpoint={runs / 'cgan'}", "like=liked", "unlike=photo.jpg", "n=3", "seed=3", "candidates=6", "steer=0"]
    assert command(gan_lab.generate, *base, "output=out") == 0
    out = command.folder / "out"
    assert list_files(out) == {*images(0, 1, 2, seed=3), "grid.png", "manifest.jsonl"}
    said = r"^chosen       3 of 18 images, on average (\S+) from the nearest liked photo, where all are (\S+)$"
    near, usual = (float(number) for number in re.findall(said, command.out, re.M)[0])
    assert near < usual
    plain = model.generate(18, seed=3)
    found = [records(out)[f"seed3-{number:06d}.png"] for number in range(3)]
    assert found[0]["score"] >= found[1]["score"] >= found[2]["score"]
    for number, record in enumerate(found):
        np.testing.assert_array_equal(read_image(out / f"seed3-{number:06d}.png"), plain[record["candidate"]])
        assert record["class"] == ("dress", "hat", "shoe")[record["candidate"] % 3]
        assert not record["steered"]
    mark = read_provenance(out / "seed3-000001.png")
    assert mark is not None
    assert (mark.settings["like"]["photos"], mark.settings["candidate"]) == (4, found[1]["candidate"])
    before = {path: path.read_bytes() for path in out.glob("*.png")}
    (out / "seed3-000001.png").unlink()
    assert command(gan_lab.generate, *base, "output=out") == 0
    assert {path: path.read_bytes() for path in out.glob("*.png")} == before
    (command.folder / "liked/0.png").unlink()  # another taste
    assert command(gan_lab.generate, *base, "output=out") == 2
    assert "lies there, which was not made with these settings" in command.err


@pytest.mark.parametrize("name", ["cgan", "vae", "drifting"])
def test_every_kind_of_generator_is_steered(command: Command, runs: Path, photo: Path, name: str) -> None:
    base = [f"checkpoint={runs / name}", "like=photo.jpg", "n=2", "candidates=2", "steer=2", "truncation=0.7"]
    assert command(gan_lab.generate, *base, "output=out") == 0
    assert re.search(r"^steered      \d of them, which makes it \d\.\d+$", command.out, re.M)
    assert command(gan_lab.generate, *base, "first=2", "grid=off", "output=next") == 0
    assert list_files(command.folder / "next") == {*images(2, 3), "manifest.jsonl"}
    candidates = {record["candidate"] for record in records(command.folder / "next").values()}
    assert candidates <= set(range(4, 8))


def test_images_that_have_no_gradient_are_chosen_alone(command: Command, runs: Path, photo: Path) -> None:
    base = [f"checkpoint={runs / 'code_prior'}", "like=photo.jpg", "n=2", "candidates=2", "output=out"]
    assert command(gan_lab.generate, *base) == 0
    assert "chosen       2 of 4 images" in command.out
    assert "steered" not in command.out
    assert command(gan_lab.generate, *base, "steer=2") == 2
    assert "error: steer: latents are moved by the gradient of render(z, label)" in command.err


# -------------------------------------------------------------------------------- bad input

BAD = {
    "n": ("cgan", "n=0", "n=0: needs a whole number above 0"),
    "half": ("cgan", "n=1.5", "n=1.5: needs"),
    "first": ("cgan", "first=-1", "first=-1: needs"),
    "truncation": ("vae", "truncation=0", "truncation=0: needs a number above 0"),
    "truncation above": ("vae", "truncation=1.5", "truncation=1.5: needs"),
    "strength": ("vae", "image=photo.jpg strength=2", "strength=2: needs a number from 0"),
    "label": ("cgan", "label=dres", "did you mean dress?; cgan knows dress, hat, shoe"),
    "label without classes": ("vae", "label=dress", "label=dress: vae was trained without classes"),
    "format": ("vae", "format=gif", "format=gif: images cannot be written so; give png or jpg or webp"),
    "animation format": (
        "vae",
        "interpolate=2 format=png",
        "format=png: an animation cannot be written so; give webp or gif",
    ),
    "grid": ("vae", "grid=none", "grid=none: needs a whole number from 1, or auto, or off"),
    "provenance": ("vae", "provenance=maybe", "provenance=maybe: needs on or off"),
    "interpolate": ("vae", "interpolate=1", "interpolate=1: needs a whole number from 2"),
    "frames": ("vae", "interpolate=2 frames=0", "frames=0: needs a whole number from 1"),
    "fps": ("vae", "interpolate=2 fps=0", "fps=0: needs a number above 0"),
    "both": ("vae", "interpolate=2 image=photo.jpg", "interpolate: goes between random images"),
    "no photo": ("vae", "image=nowhere", "image=nowhere: does not exist"),
    "unreadable photo": ("vae", "image=torn.jpg", "torn.jpg: cannot be read as an image"),
    "direction alone": ("vae", "direction=dress", "direction=dress: a photo is varied along it"),
    "direction of classes": ("cgan", "image=photo.jpg direction=hat", "direction=hat: cgan was trained with classes"),
    "direction without": ("vae", "image=photo.jpg direction=hat data.root=flat", "the run's photos have no classes"),
    "like and image": ("vae", "like=flat image=photo.jpg", "like=flat: chooses among random images"),
    "like and walk": ("vae", "like=flat interpolate=2", "like=flat: chooses among random images"),
    "unlike alone": ("vae", "unlike=flat", "unlike=flat: needs photos that are liked beside it"),
    "like nothing": ("vae", "like=nowhere", "like=nowhere: does not exist"),
    "like and unlike": ("vae", "like=flat unlike=photo.jpg", "unlike=photo.jpg: 1 of its photos, photo.jpg among them"),
    "like a torn one": ("vae", "like=torn.jpg", "like=torn.jpg: torn.jpg: cannot be read as an image"),
    "candidates": ("vae", "candidates=0", "candidates=0: needs a whole number from 1"),
    "steer": ("vae", "steer=-1", "steer=-1: needs a whole number from 0"),
    "codes": ("vq_vae", "n=1", "vq_vae, encodes photos and has no prior"),
    "output is a file": ("vae", "output=photo.jpg", "output=photo.jpg: is a file"),
    "output is taken": ("vae", "output=taken", "output=taken: notes.txt lies there"),
    "output under a file": ("vae", "output=photo.jpg/out", "output=photo.jpg/out: cannot be written to"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told_before_anything_is_written(command: Command, runs: Path, photo: Path, case: str) -> None:
    run, arguments, message = BAD[case]
    (command.folder / "torn.jpg").write_bytes(photo.read_bytes()[:300])
    for name in ("taken/notes.txt", *(f"flat/{index}.jpg" for index in range(10))):
        path = command.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(photo.read_bytes())
    before = {path: path.stat().st_mtime_ns for path in command.folder.rglob("*")}
    assert command(gan_lab.generate, f"checkpoint={runs / run}", "output=out", *arguments.split()) == 2
    (line,) = [line for line in command.err.splitlines() if line.startswith("error: ")]
    assert message in line
    assert command.out == ""
    assert {path: path.stat().st_mtime_ns for path in command.folder.rglob("*")} == before
