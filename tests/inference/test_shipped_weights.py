"""The weights in the package: what they promise on pictures that no training saw."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import gan_lab
from gan_lab.data.demo import make_demo_splits
from gan_lab.inference import Pretrained, bundle


@pytest.fixture(scope="module", params=["faithful", "vivid"])
def tool(request: pytest.FixtureRequest) -> Pretrained:
    return gan_lab.load(request.param, device="cpu")


@pytest.fixture(scope="module")
def product() -> np.ndarray:
    """A studio picture of the demo catalogue: no photo, but with edges, cloth and a plain ground."""
    splits = make_demo_splits(24, image_size=192, fit="crop", pairs=False, validation=0.25, test=0.25, seed=0)
    table = next(iter(splits["test"].values()))
    return table.read(0, channels=3)


def psnr(one: np.ndarray, two: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.square(one.astype(float) - two).mean()))


def noisy(image: np.ndarray, sigma: float) -> np.ndarray:
    return np.clip(np.rint(image + np.random.default_rng(0).normal(0, sigma, image.shape)), 0, 255).astype(np.uint8)


def test_they_are_small_and_complete() -> None:
    files = list(bundle.FOLDER.glob("*.safetensors"))
    assert {path.stem for path in files} == {"faithful", "vivid"}
    assert sum(path.stat().st_size for path in files) <= 12e6
    for path in files:
        assert bundle.read_bundle(path).keys() == set(bundle.PARTS)
    assert (bundle.FOLDER / "README.md").is_file()


def test_noise_and_jpeg_are_removed(tool: Pretrained, product: np.ndarray) -> None:
    rough = noisy(product, 25)
    assert psnr(tool.enhance(rough, correct="defects"), product) > psnr(rough, product) + 6
    code = cv2.imencode(".jpg", product, [cv2.IMWRITE_JPEG_QUALITY, 15])[1]
    worn = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR))
    assert psnr(tool.enhance(worn, correct="defects"), product) > psnr(worn, product) + 0.5


def test_a_clean_picture_is_hardly_touched(tool: Pretrained, product: np.ndarray) -> None:
    assert psnr(tool.enhance(product, correct="defects"), product) > 36
    assert psnr(tool.enhance(product, correct="defects", strength=0.5), product) > 41


def test_holes_are_filled(tool: Pretrained, product: np.ndarray) -> None:
    mask = np.zeros(product.shape[:2], np.uint8)
    cv2.line(mask, (20, 30), (170, 150), 255, 4)
    damaged = np.where(mask[..., None] > 0, np.uint8([255, 0, 255]), product)
    filled = tool.enhance(damaged, correct="defects", mask=mask)
    assert psnr(filled, product) > psnr(damaged, product) + 8


@pytest.mark.parametrize("scale", [2, 4])
def test_enlargement_beats_bicubic(tool: Pretrained, product: np.ndarray, scale: int) -> None:
    side = product.shape[0]
    small = np.array(Image.fromarray(product).resize((side // scale, side // scale), Image.Resampling.BICUBIC))
    plain = np.array(Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC))
    assert psnr(tool.enhance(small, correct="none", scale=scale), product) > psnr(plain, product) + 0.3


def test_white_stays_white_and_black_black(tool: Pretrained, product: np.ndarray) -> None:
    image = product.copy()
    image[:40], image[-40:] = 255, 0
    out = tool.enhance(image)
    assert (out[:38] == 255).all()
    assert (out[-38:] == 0).all()


def test_tiles_give_what_one_pass_gives(tool: Pretrained, product: np.ndarray) -> None:
    image = noisy(np.tile(product, (3, 2, 1)), 15)[:520, :380]
    whole, tiled = (tool.enhance(image, tile=tile).astype(int) for tile in (None, 256))
    assert np.abs(whole - tiled).max() <= 1


def test_the_same_photo_gives_the_same_result(tool: Pretrained, product: np.ndarray) -> None:
    again = gan_lab.load(tool.name, device="cpu")
    np.testing.assert_array_equal(tool.enhance(product), again.enhance(product))


def test_half_precision_costs_nothing_that_shows(product: np.ndarray) -> None:
    rough = noisy(product, 15)
    full, half = (gan_lab.load(device="cpu", precision=name).enhance(rough) for name in ("fp32", "bf16"))
    assert np.abs(full.astype(int) - half).mean() < 0.5


@pytest.mark.slow
def test_a_hundred_megapixels_take_less_than_two_and_a_half_gigabytes(tmp_path: Path) -> None:
    """Of a photo that the guard softens, which takes more than one that it accepts."""
    size = (12000, 8400)
    small = np.random.default_rng(0).integers(30, 220, (84, 120, 3), np.uint8)
    row = cv2.resize(small, size, interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(tmp_path / "large.jpg"), row, [cv2.IMWRITE_JPEG_QUALITY, 80])
    del row
    line = [
        sys.executable,
        "-m",
        "gan_lab.enhance",
        f"input={tmp_path}/large.jpg",
        f"output={tmp_path}/out",
        "device=cpu",
    ]
    subprocess.run(line, check=True, cwd=tmp_path)
    with Image.open(tmp_path / "out/large.jpg") as made:
        assert made.size == size
    assert '"verdict": "softened"' in (tmp_path / "out/manifest.jsonl").read_text()
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    assert peak < 2.5e9, f"{peak / 1e9:.2f} GB"
