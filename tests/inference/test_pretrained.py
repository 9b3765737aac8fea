"""A checkpoint as a tool: any photo in, a photo of its own kind out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import gan_lab
from gan_lab.errors import UserError
from gan_lab.inference import Pretrained, open_checkpoint
from gan_lab.inference.enhancement import mask_of
from gan_lab.metrics import to_uint8
from gan_lab.photo_files import UnreadableImage
from tests.inference.checkpoints import tiny_checkpoint, unchanging_enhancer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def enhancer(folder: Path) -> Pretrained:
    return gan_lab.load(unchanging_enhancer(folder / "enhancer", shift=24 / 127.5), device="cpu")


@pytest.fixture(scope="module")
def cyclegan(folder: Path) -> Pretrained:
    run = tiny_checkpoint(
        folder / "cyclegan",
        "cyclegan",
        generator_AB__out__1__weight=0.0,
        generator_AB__out__1__bias=9.0,
        generator_BA__out__1__weight=0.0,
        generator_BA__out__1__bias=-9.0,
    )
    return gan_lab.load(run, device="cpu")


def pixels(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 200, shape).astype(np.uint8)


@pytest.mark.parametrize("shape", [(32, 32, 3), (5, 7, 3), (33, 61, 3), (20, 300, 3), (1, 1, 3)])
def test_photos_of_any_size_are_enhanced_at_their_size(enhancer: Pretrained, shape: tuple[int, ...]) -> None:
    image = pixels(*shape)
    out = enhancer.enhance(image)
    assert out.dtype == np.uint8
    np.testing.assert_array_equal(out.astype(int), image.astype(int) + 24)  # the model adds 24, and no more


def test_tiles_give_what_one_pass_gives(enhancer: Pretrained) -> None:
    image = pixels(300, 330, 3)
    np.testing.assert_array_equal(enhancer.enhance(image, tile=256), enhancer.enhance(image, tile=None))


def test_a_pillow_picture_comes_back_upright(enhancer: Pretrained) -> None:
    picture = Image.fromarray(pixels(20, 40, 3))
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    picture.info["exif"] = exif.tobytes()
    out = enhancer.enhance(picture)
    assert isinstance(out, Image.Image)
    assert (out.mode, out.size) == ("RGB", (20, 40))


def test_pictures_and_arrays_come_back_in_their_own_form(enhancer: Pretrained) -> None:
    grey = enhancer.enhance(Image.new("L", (9, 9), 3))
    assert (grey.mode, grey.getpixel((0, 0))) == ("L", 27)
    layers = np.dstack([np.full((8, 8, 3), 100, np.uint8), np.full((8, 8), 90, np.uint8)])
    layers[0, 0] = (200, 0, 200, 0)  # hidden
    picture = Image.fromarray(layers)
    picture.info["dpi"] = (300, 300)
    out = enhancer.enhance(picture)
    assert (out.mode, out.info["dpi"]) == ("RGBA", (300, 300))
    array = enhancer.enhance(layers)
    np.testing.assert_array_equal(array, np.array(out))
    np.testing.assert_array_equal(array[..., 3], layers[..., 3])
    assert (array[..., :3] == 124).all()  # nothing of the hidden colour
    assert enhancer.enhance(pixels(8, 8)).shape == (8, 8)
    deep = pixels(8, 8, 3).astype(np.uint16) * 256
    assert enhancer.enhance(deep).dtype == np.uint16
    with pytest.raises(ValueError, match="expected uint8 or uint16"):
        enhancer.enhance(np.zeros((8, 8, 3), np.float32))


def test_masks_may_be_boolean_and_must_fit(enhancer: Pretrained) -> None:
    image = np.full((20, 20, 3), 100, np.uint8)
    mask = np.zeros((20, 20), bool)
    mask[5:9, 5:9] = True
    image[mask] = (255, 0, 255)
    assert np.abs(enhancer.enhance(image, mask=mask).astype(int) - 124).max() <= 1
    with pytest.raises(UserError, match="mask: 5x5, and the photo 20x20"):
        enhancer.enhance(image, mask=mask[:5, :5])


def test_a_model_of_grey_images_gives_grey_ones(folder: Path) -> None:
    grey = gan_lab.load(unchanging_enhancer(folder / "grey", "data.channels=1"), device="cpu")
    image = pixels(40, 50, 1)
    np.testing.assert_array_equal(grey.enhance(image), image)
    assert grey.enhance(pixels(40, 50, 3)).shape == (40, 50, 1)
    assert grey.enhance(Image.new("RGB", (9, 9))).mode == "L"


def test_a_unet_takes_photos_smaller_than_its_training_size(folder: Path) -> None:
    unet = gan_lab.load(tiny_checkpoint(folder / "unet", "pix2pix"), device="cpu")
    assert unet.enhance(pixels(9, 70, 3)).shape == (9, 70, 3)


def test_a_model_of_pairs_translates_from_lq_to_gt_at_the_scale_of_its_training(enhancer: Pretrained) -> None:
    image = np.full((64, 96, 3), 100, np.uint8)
    made = enhancer.translate(image)
    assert made.shape[0] < 64  # `enhance` keeps the size
    assert (made == 124).all()
    with pytest.raises(UserError, match="direction=BA: needs AB, the only way that this model has learnt"):
        enhancer.translate(image, "BA")


def test_translation_follows_how_the_runs_photos_were_brought_to_size(folder: Path) -> None:
    for name, option, shape in (("large", "data.shorter_side=44", (44, 88, 3)), ("pad", "data.fit=pad", (16, 32, 3))):
        tool = gan_lab.load(tiny_checkpoint(folder / name, "cyclegan", option), device="cpu")
        assert tool.translate(pixels(50, 100, 3)).shape == shape


@pytest.mark.parametrize("name", ["restorer", "light"])
def test_a_network_that_can_but_restore_does_not_translate(folder: Path, name: str) -> None:
    tool = gan_lab.load(tiny_checkpoint(folder / f"only_{name}", name), device="cpu")
    with pytest.raises(UserError, match=rf"{name}, restores photos; translate needs one .*cyclegan, cut, pix2pix"):
        tool.translate(pixels(32, 32, 3))


def test_nan_is_refused(folder: Path) -> None:
    broken = gan_lab.load(unchanging_enhancer(folder / "nan", shift=float("nan")), device="cpu")
    with pytest.raises(UserError, match="its model gives NaN"):
        broken.enhance(pixels(32, 32, 3))


def test_translation_goes_both_ways(cyclegan: Pretrained) -> None:
    assert cyclegan.translate(pixels(32, 32, 3), "AB").min() == 255
    assert cyclegan.translate(pixels(32, 32, 3), "BA").max() == 0
    with pytest.raises(UserError, match="direction=ab: needs AB"):
        cyclegan.translate(pixels(32, 32, 3), "ab")


@pytest.mark.parametrize(("size", "shape"), [(None, (36, 72, 3)), (48, (48, 96, 3)), (0, (50, 100, 3))])
def test_translation_happens_at_the_scale_of_training(
    cyclegan: Pretrained, size: int | None, shape: tuple[int, ...]
) -> None:
    assert cyclegan.translate(pixels(50, 100, 3), size=size).shape == shape


def test_images_depend_on_seed_and_number_alone_bit_for_bit(cgan: Pretrained) -> None:
    many = cgan.generate(40, seed=3)
    assert many.shape == (40, 32, 32, 3)
    assert many.dtype == np.uint8
    for number in (0, 3, 17, 39):  # of two blocks
        np.testing.assert_array_equal(cgan.generate(1, seed=3, first=number)[0], many[number])
    np.testing.assert_array_equal(cgan.generate(20, seed=3, first=9), many[9:29])
    assert np.abs(cgan.generate(40, seed=4).astype(int) - many).max() > 8
    assert np.abs(many[0].astype(int) - many[3]).max() > 8  # one class, two images
    assert [len(batch) for batch in cgan.samples(20, first=19)] == [13, 7]


def test_a_model_without_classes_refuses_labels(folder: Path) -> None:
    dcgan = gan_lab.load(tiny_checkpoint(folder / "dcgan", "dcgan"), device="cpu")
    assert len(dcgan.generate(2)) == 2
    with pytest.raises(UserError, match="label=hat: dcgan was trained without classes"):
        dcgan.generate(2, label="hat")
    with pytest.raises(UserError, match="label=all: dcgan was trained without classes"):
        dcgan.generate(2, label="all")
    for n in (0, -1, 1.5, True):
        with pytest.raises(UserError, match=f"n={n}: needs a whole number above 0"):
            dcgan.generate(n)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="first=-1: needs the number of an image"):
        dcgan.generate(1, first=-1)


@pytest.fixture(scope="module")
def vae(folder: Path) -> Pretrained:
    return gan_lab.load(tiny_checkpoint(folder / "vae", "vae"), device="cpu", precision="fp32")


def test_a_photo_is_varied_from_its_reconstruction_to_random_images(vae: Pretrained) -> None:
    photo = pixels(40, 50, 3)
    seen = torch.from_numpy(vae.as_validated(photo)).permute(2, 0, 1)[None].float().div(127.5).sub(1)
    z = vae.encode(Image.fromarray(photo))
    torch.testing.assert_close(z, vae.model.encode(seen)[0])
    nothing = vae.variants(photo, 3, strength=0)
    rec = to_uint8(vae.model.reconstruct(seen))[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(nothing.astype(int), np.stack([rec] * 3).astype(int), atol=1)
    np.testing.assert_allclose(
        vae.variants(photo, 3, 1, seed=2).astype(int), vae.generate(3, seed=2).astype(int), atol=1
    )
    some = vae.variants(photo, 20, strength=0.5, seed=2)
    np.testing.assert_array_equal(some[:3], vae.variants(photo, 3, strength=0.5, seed=2))
    steps = [np.abs(vae.variants(photo, 8, s).astype(int) - rec).mean() for s in (0.2, 0.6, 1.0)]
    assert 0 < steps[0] < steps[1] < steps[2]
    for strength in (-0.1, 1.1, float("nan"), None, True):
        with pytest.raises(UserError, match=f"strength={strength}: needs a number from 0"):
            vae.variants(photo, 1, strength=strength)  # type: ignore[arg-type]


def test_a_photo_is_cut_and_resized_as_in_validation(vae: Pretrained) -> None:
    ramp = np.repeat(np.arange(0, 128, dtype=np.uint8)[None, :, None], 64, axis=0).repeat(
        3, axis=2
    )  # 128 wide, 64 high
    cut = vae.as_validated(ramp)
    assert cut.shape == (32, 32, 3)
    assert cut[:, 16].mean() == pytest.approx(64, abs=2)  # the middle stays in the middle
    assert cut[0, 0, 0] == pytest.approx(64 - 128 / 4.5, abs=2)  # reduced to 36 pixels a side, of which 32 are seen
    assert vae.as_validated(pixels(9, 9, 1)).shape == (32, 32, 3)


def test_a_model_of_codes_encodes(folder: Path) -> None:
    codes = gan_lab.load(tiny_checkpoint(folder / "codes", "vq_vae"), device="cpu").encode(pixels(40, 40, 3))
    assert (codes.dtype, codes.dim()) == (torch.int64, 2)


def test_a_gans_own_images_are_found_in_its_latent_space(cgan: Pretrained) -> None:
    photo = cgan.generate(1, seed=5, label="shoe")[0]
    encoded = cgan.generation.encode_photo(photo, tick=lambda: None)  # type: ignore[union-attr]
    assert encoded.psnr > 20
    shoe = cgan.variants(photo, 1, strength=0, label="shoe")[0]
    assert np.abs(shoe.astype(int) - photo).mean() < 12


def test_another_task_is_refused(enhancer: Pretrained, cgan: Pretrained) -> None:
    with pytest.raises(UserError, match=r"cgan, generates images; enhance needs one that restores photos \(restorer"):
        cgan.enhance(pixels(32, 32, 3))
    with pytest.raises(UserError, match="enhancer, restores photos; generate needs"):
        enhancer.generate(1)
    with pytest.raises(UserError, match="translate needs"):
        cgan.translate(pixels(32, 32, 3))


def test_a_model_of_codes_refuses_to_generate(folder: Path) -> None:
    codes = gan_lab.load(tiny_checkpoint(folder / "vq_vae", "vq_vae"), device="cpu")
    with pytest.raises(
        UserError, match=r"vq_vae, encodes photos and has no prior .*; generate needs one that generates"
    ):
        codes.generate(1)
    with pytest.raises(UserError, match=r"vq_vae, encodes photos .*; enhance needs one that restores"):
        codes.enhance(pixels(32, 32, 3))


def test_bad_checkpoints_and_devices_are_named(tmp_path: Path) -> None:
    for checkpoint, device, message in (
        (None, "auto", "checkpoint: missing"),
        (tmp_path, "auto", "is a folder without"),
        (tmp_path / "x.ckpt", "auto", "does not exist"),
        (tmp_path, "tpu", "device=tpu: needs auto, cpu or cuda"),
    ):
        with pytest.raises(UserError, match=message):
            open_checkpoint(checkpoint, device)


@pytest.mark.parametrize("model", ["cgan", "vae", "cyclegan", "enhancer"])
def test_a_run_computes_in_the_precision_that_is_asked_for(folder: Path, model: str) -> None:
    run, photo = tiny_checkpoint(folder / f"{model}-precision", model), pixels(48, 40, 3)
    fine, rough = (gan_lab.load(run, device="cpu", precision=precision) for precision in ("fp32", "bf16"))
    made = {"cyclegan": lambda tool: tool.translate(photo), "enhancer": lambda tool: tool.enhance(photo)}
    work = made.get(model, lambda tool: tool.generate(2))
    apart = np.abs(work(fine).astype(int) - work(rough))
    assert 0 < apart.mean() < 3
    assert {each.dtype for each in rough.model.parameters()} == {torch.float32}


def test_a_runs_restorer_computes_in_the_precision_that_is_asked_for(folder: Path) -> None:
    run, photo = tiny_checkpoint(folder / "own", "restorer", gain=0.5, head__weight=0.02), pixels(48, 40, 3)
    tools = {precision: gan_lab.load(run, device="cpu", precision=precision) for precision in ("fp32", "bf16")}
    fine, rough = (tools[name].enhance(photo, correct="defects").astype(int) for name in ("fp32", "bf16"))
    assert (fine != photo).any()
    assert (fine != rough).any()
    assert abs(fine - rough).max() <= 8
    kept = tools["bf16"].model.generator  # the run's own weights stay as they are
    assert {each.dtype for each in kept.parameters()} == {torch.float32}
    assert "bottom.0.gain" in kept.state_dict()


# ---------------------------------------------------------------------------------------------------- files, and the rest


def test_a_file_is_enhanced_by_its_path_and_by_what_is_in_it(enhancer: Pretrained, tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    Image.fromarray(pixels(9, 12, 3)).save(path, dpi=(300, 300))
    expected = enhancer.enhance(pixels(9, 12, 3))
    for given in (path, str(path), path.read_bytes()):
        out = enhancer.enhance(given)
        assert isinstance(out, Image.Image)
        np.testing.assert_array_equal(np.array(out), expected)
        assert out.info["dpi"] == pytest.approx((300, 300), abs=0.01)
    with pytest.raises(UnreadableImage, match=r"^<bytes>: cannot be read as an image"):
        enhancer.enhance(b"no image")
    with pytest.raises(UnreadableImage, match=r"nothing\.jpg"):
        enhancer.enhance("nothing.jpg")


def test_every_method_takes_a_file(cyclegan: Pretrained, cgan: Pretrained, tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    Image.fromarray(pixels(32, 32, 3)).save(path)
    np.testing.assert_array_equal(np.array(cyclegan.translate(path)), cyclegan.translate(pixels(32, 32, 3)))
    for given in (path, path.read_bytes()):
        np.testing.assert_array_equal(cgan.as_validated(given), cgan.as_validated(pixels(32, 32, 3)))
    mask = mask_of(np.eye(8, dtype=bool))
    Image.fromarray(mask).save(path)
    for holes in (path, path.read_bytes()):
        np.testing.assert_array_equal(mask_of(holes), mask)


@pytest.mark.parametrize(
    ("given", "named"), [(None, "NoneType"), ([1], "list"), (3, "int"), (torch.zeros(3, 8, 8), "torch.Tensor")]
)
def test_anything_else_is_a_type_error(given: Any, named: str, enhancer: Pretrained, cgan: Pretrained) -> None:
    told = f"needs a path, bytes, a Pillow image or an array .*; this is a {named}$"
    for call in (enhancer.enhance, cgan.encode):
        with pytest.raises(TypeError, match=f"^image: {told}"):
            call(given)
    if given is not None:
        with pytest.raises(TypeError, match=f"^mask: {told}"):
            enhancer.enhance(pixels(8, 8, 3), mask=given)


# ---------------------------------------------------------------------------------------------------- forks

FORK = """
import logging, multiprocessing, sys
import numpy as np
import gan_lab

logging.basicConfig(format="%(message)s", stream=sys.stdout)
model = gan_lab.load("faithful", "cpu", "fp32")
photo = np.random.default_rng(0).integers(0, 255, (128, 128, 3)).astype(np.uint8)
before = model.enhance(photo, guard=True)

def work() -> None:
    print(np.abs(model.enhance(photo, guard=True).astype(int) - before).max(), flush=True)

child = multiprocessing.get_context("fork").Process(target=work)
child.start()
child.join(60)
print(child.exitcode, flush=True)
child.kill()
"""


def test_a_model_is_used_in_a_process_that_was_forked(tmp_path: Path) -> None:
    path = {"PYTHONPATH": str(Path(gan_lab.__file__).parent.parent), "OMP_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", FORK], env=os.environ | path, capture_output=True, text=True, timeout=300
    )
    said, difference, code = done.stdout.splitlines()
    assert code == "0", done.stderr
    assert "was opened before a fork, and computes in one thread here; for more, open it in the process" in said
    assert int(difference) <= 1  # threads change the order of sums


def test_a_model_on_a_gpu_is_refused_in_another_process(enhancer: Pretrained, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enhancer, "process", os.getpid() + 1)
    monkeypatch.setattr(enhancer, "device", torch.device("cuda"))
    with pytest.raises(
        UserError, match="opened on a GPU before this process was forked, which CUDA forbids; open it in"
    ):
        enhancer.enhance(pixels(8, 8, 3))
