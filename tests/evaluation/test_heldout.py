"""The photos of an evaluation: which split, and which of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gan_lab.data import Products
from gan_lab.errors import UserError
from gan_lab.evaluation import HeldOut


def demo(**options: float) -> HeldOut:
    return HeldOut(Products(image_size=16, catalogue_images=60, batch_size=200, num_workers=0, **options))  # type: ignore[arg-type]


def test_the_test_split_is_taken_and_may_be_small() -> None:
    photos = demo()  # fewer photos than a training batch
    assert photos.split == "test"
    assert 0 < len(photos) < 20
    assert len(photos.class_names) == 12


@pytest.mark.parametrize("shares", [(0.2, 0.0), (0.0, 0.2)])
def test_one_split_for_both_is_said(shares: tuple[float, float]) -> None:
    photos = demo(validation_share=shares[0], test_share=shares[1])
    assert photos.split == "val and test are the same photos"


def test_nothing_held_out_is_refused() -> None:
    with pytest.raises(UserError, match="no photos are held out"):
        demo(validation_share=0.0, test_share=0.0)


def test_messages_can_name_the_options_that_gave_the_photos(tmp_path: Path) -> None:
    size: dict[str, Any] = {"image_size": 16, "batch_kind": "unpaired"}
    folders = {"domain_a": tmp_path / "a", "domain_b": tmp_path / "b"}
    assert Products(**size, **folders).places == "data.domain_a, data.domain_b"
    assert Products(**size, root=tmp_path, class_a="x", class_b="y").places == "data.class_a, data.class_b"
    assert Products(**size, root=tmp_path).places == "data.root"
    assert demo().places == "data.root"


def test_a_choice_is_seeded_and_has_no_photo_twice() -> None:
    photos = demo(test_share=0.4)
    chosen = photos.draw_indices(10, seed=1)
    assert len(set(chosen)) == 10
    assert chosen == photos.draw_indices(10, seed=1)
    assert chosen != photos.draw_indices(10, seed=2)
    assert sorted(photos.draw_indices(None, seed=1)) == list(range(len(photos)))


def test_batches_hold_the_asked_photos_in_order() -> None:
    photos = demo(test_share=0.4)
    labels = [label for batch in photos.batches([7, 0, 3]) for label in batch["label"].tolist()]
    assert labels == [photos.view[index]["label"] for index in (7, 0, 3)]
    spread = photos.spread(5)
    assert spread["image"].shape == (5, 3, 16, 16)
    assert spread["label"][-1] == photos.view[len(photos) - 1]["label"]


def test_training_photos_are_seen_as_the_held_out_ones_are() -> None:
    photos = demo(flip=1.0)
    assert photos.training is not None
    assert photos.own
    assert photos.mirrored
    assert len(photos.training) + 2 * len(photos) == 60
    (one,), (other,) = (list(photos.training.batches(range(8))) for _ in range(2))
    assert one["image"].equal(other["image"])
    whole = HeldOut(Products(image_size=16, catalogue_images=60, num_workers=0, flip=0.0, crop=False))
    assert whole.training is not None
    assert not whole.mirrored
    (still,) = whole.training.batches(range(8))
    assert one["image"].equal(still["image"])
    assert one["label"].equal(still["label"])
    assert photos.training.names([0, 1]) != photos.names([0, 1])


def test_photos_of_another_data_set_are_not_the_runs_own() -> None:
    datamodule = Products(image_size=16, catalogue_images=60, num_workers=0)
    assert not HeldOut(datamodule, own=False).own
