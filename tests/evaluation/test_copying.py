"""Copies of training photos among samples, and twins among the photos themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_lab.evaluation.copying import (
    ROWS,
    find_near_duplicates,
    find_nearest_hash,
    hash_images,
    interval_of_copies,
    measure_memorisation,
)
from gan_lab.evaluation.sets import ImageSet
from gan_lab.metrics import Memorisation
from gan_lab.metrics.copies import share_nearer


def pictures(n: int, seed: int, side: int = 32) -> Tensor:
    """Return blotches that no two photos share, uint8 [n, 3, side, side]."""
    coarse = torch.rand(n, 3, 8, 8, generator=torch.Generator().manual_seed(seed)) * 255
    return torch.nn.functional.interpolate(coarse, (side, side), mode="bilinear").round().byte()


def image_set(pixels: Tensor, mirror: bool = False) -> ImageSet:
    features = pixels.float().flatten(1) / 255
    mirrored = pixels.flip(-1).float().flatten(1) / 255 if mirror else None
    return ImageSet(pixels, features, mirrored, None, torch.zeros(len(pixels), dtype=torch.int64))


TRAIN = pictures(80, 0)
HELD_OUT = pictures(60, 1)
NAMES = [f"{index}.jpg" for index in range(80)]


def looked_at(samples: Tensor, mirror: bool = False) -> dict[str, object]:
    report = measure_memorisation(image_set(TRAIN, mirror), image_set(HELD_OUT), image_set(samples), NAMES, seed=0)
    return report.figures["memorisation"] | {"notes": report.notes, "picture": report.pictures["neighbours"].pixels}


def noisy(pixels: Tensor) -> Tensor:
    noise = torch.randint(-9, 10, pixels.shape, generator=torch.Generator().manual_seed(3))
    return (pixels.int() + noise).clamp(0, 255).byte()


def test_fresh_samples_are_no_copies_and_copies_are_found() -> None:
    fresh = looked_at(pictures(60, 4))
    assert fresh["share"] < 0.15
    assert fresh["interval"][0] <= 0.05  # type: ignore[index]
    assert fresh["notes"] == []

    samples = pictures(60, 4)
    samples[10:30] = noisy(TRAIN[40:60])
    copied = looked_at(samples)
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
        found = Memorisation(share_nearer(*draw), 0, 0, 0, torch.empty(0), draw[1], draw[0])
        interval = interval_of_copies(found, seed)
        covered += interval.low <= 0.05 <= interval.high
    assert 0.88 < covered / 200 < 0.99
    far = Memorisation(0.0, 0, 0, 0, torch.empty(0), draw[1] + 99, draw[0])
    assert interval_of_copies(far, 0).high == pytest.approx(0.0602, abs=1e-3)  # Wilson's, of 0 among 60


def test_the_picture_shows_the_sample_and_right_of_it_its_photo() -> None:
    samples = pictures(60, 4)
    samples[7] = noisy(TRAIN[3])
    found = looked_at(samples)["picture"]
    np.testing.assert_array_equal(found[:32, :32], samples[7].permute(1, 2, 0).numpy())  # type: ignore[index]
    np.testing.assert_array_equal(found[:32, 38:70], TRAIN[3].permute(1, 2, 0).numpy())  # type: ignore[index]


def test_a_mirrored_copy_is_found_where_training_mirrors() -> None:
    samples = pictures(60, 4)
    samples[:20] = noisy(TRAIN[:20].flip(-1))
    assert looked_at(samples)["share"] < 0.15
    found = looked_at(samples, mirror=True)
    assert found["share"] > 0.25
    assert {each["photo"] for each in found["closest"]} <= set(NAMES[:20])  # type: ignore[attr-defined]
    nearest = int(found["closest"][0]["photo"].removesuffix(".jpg"))  # type: ignore[index]
    np.testing.assert_array_equal(found["picture"][:32, 38:70], TRAIN[nearest].permute(1, 2, 0))  # type: ignore[index]


def test_every_sample_is_looked_at_however_few_photos_are_held_out() -> None:
    samples = torch.cat([pictures(60, 4), noisy(TRAIN)])
    assert looked_at(samples)["share"] == pytest.approx(len(TRAIN) / len(samples), abs=0.1)


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
