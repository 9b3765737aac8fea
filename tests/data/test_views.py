"""What a model sees of the photos: pairs, two domains, and masks of the product beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gan_lab.data import views
from gan_lab.data.geometry import Augmentation
from gan_lab.data.resizing import MOST_SQUARES
from gan_lab.data.views import UnpairedView, collate, cut_for_validation
from gan_lab.errors import UserError
from gan_lab.imaging.cutout import cut_out

from .conftest import Write
from .test_products import add_noise, names, prepared


class Squares:
    """One photo: a red square on grey, left of the middle."""

    def __init__(self) -> None:
        self.photo = np.full((64, 64, 3), 200, np.uint8)
        self.photo[16:48, 12:40] = (180, 20, 30)

    def __len__(self) -> int:
        return 1

    def read(self, index: int) -> Any:
        return self.photo


def test_a_mask_is_where_the_product_is() -> None:
    images: Any = Squares()
    mask = UnpairedView(images, images, 64, 0, None, masks=True)[0]["mask_A"]
    assert mask.shape == (64, 64, 1)
    truth = np.zeros((64, 64, 1), np.uint8)
    truth[16:48, 12:40] = 255
    assert (mask == truth).mean() > 0.97


def test_where_no_product_is_certain_there_is_none() -> None:
    images: Any = Squares()
    images.photo[:] = 90
    assert not UnpairedView(images, images, 64, 0, None, masks=True)[0]["mask_A"].any()


def test_the_product_is_looked_for_once_in_a_photo_and_its_mask_cut_as_the_photo_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images: Any = Squares()
    calls: list[int] = []
    monkeypatch.setattr(views, "cut_out", lambda image: calls.append(1) or cut_out(image))
    view = UnpairedView(images, images, 40, 0, Augmentation(flip=0.5, crop=True), masks=True)
    for key in range(6):
        sample = view[key]
        assert sample["mask_A"].shape == (40, 40, 1)
        red = sample["A"][..., 1] < 100
        assert ((sample["mask_A"][..., 0] > 0) == red).mean() > 0.95
    assert len(calls) == 2  # one photo in each domain


def test_masks_come_with_both_domains_if_asked_for_and_cut_as_they_are() -> None:
    images: Any = Squares()
    plain, masked = (UnpairedView(images, images, 64, 0, None, masks=masks)[0] for masks in (False, True))
    assert set(plain) == {"A", "B", "row_A", "row_B"}
    batch = collate([masked, masked])
    assert batch["mask_A"].shape == batch["mask_B"].shape == (2, 1, 64, 64)
    assert set(batch["mask_A"].unique().tolist()) == {0.0, 1.0}
    inside = (batch["A"][:, :1] * batch["mask_A"]).sum() / batch["mask_A"].sum()
    torch.testing.assert_close(inside, torch.tensor(180 / 127.5 - 1), atol=0.02, rtol=0)


def darken(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    image //= 2  # in place, as a careless degradation might
    return image


def test_degraded_pairs(tmp_path: Path, write: Write) -> None:
    write("", 20)
    batch = next(iter(prepared(tmp_path, batch_kind="paired", degradation=darken).train_dataloader()))
    gt, lq = ((batch[key] + 1) * 127.5 for key in ("gt", "lq"))
    assert gt.max() > 140
    assert torch.allclose(lq.round(), (gt.round() / 2).floor(), atol=0.01)


def test_a_list_of_validation_degradations_takes_turns(tmp_path: Path, write: Write) -> None:
    for split in ("train", "val"):
        write(split, 4)
    turns = [darken, lambda image, rng: image]
    data = prepared(tmp_path, batch_kind="paired", degradation=add_noise, validation_degradation=turns, batch_size=4)
    (batch,) = data.val_dataloader()
    same = [torch.equal(lq, gt) for lq, gt in zip(batch["lq"], batch["gt"], strict=True)]
    assert same == [False, True, False, True]


def test_grey_to_colour(tmp_path: Path, write: Write) -> None:
    write("", 20)
    batch = next(iter(prepared(tmp_path, batch_kind="paired", pair="grey_to_colour").train_dataloader()))
    luma = (batch["gt"] * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1)
    for channel in range(3):
        assert torch.allclose(batch["lq"][:, channel], luma, atol=0.01)
    with pytest.raises(UserError, match=r"data.pair=grey_to_colour: .*data.channels=3"):
        prepared(tmp_path, batch_kind="paired", pair="grey_to_colour", channels=1)


def test_paired_folders_are_cut_alike(tmp_path: Path, write: Write) -> None:
    for number, path in enumerate(write("gt", 12, size=(60, 50))):
        with Image.open(path) as photo:
            lq = Image.fromarray(255 - np.asarray(photo))
            # A smaller copy is enlarged to the size of the good photo.
            lq = lq.resize((30, 25)) if number == 0 else lq
            (tmp_path / "lq").mkdir(exist_ok=True)
            lq.save(tmp_path / "lq" / path.name)
    data = prepared(tmp_path, batch_kind="paired", rotation=10, scale=(0.9, 1.2))
    stream = iter(data.train_dataloader())
    for batch in (next(stream) for _ in range(6)):
        assert (batch["lq"] + batch["gt"]).abs().mean() < 0.2  # opposite, as the photos are
    assert names(data, "val", "lq") == [name.replace("gt/", "lq/") for name in names(data, "val", "gt")]


def test_both_domains_are_covered_evenly_and_meet_in_changing_pairs(tmp_path: Path, write: Write) -> None:
    for folder in ("trainA", "trainB"):
        write(folder, 8)
    data = prepared(tmp_path, batch_kind="unpaired", validation_share=0)
    view = data._views["train"]
    epochs = [[(view.order_A[p], view.order_B[p]) for p in range(e * 8, e * 8 + 8)] for e in range(4)]  # type: ignore
    for epoch in epochs:
        assert sorted(a for a, _ in epoch) == sorted(b for _, b in epoch) == list(range(8))
    assert len({frozenset(epoch) for epoch in epochs}) == 4
    assert any(a != b for a, b in epochs[0])


@pytest.mark.parametrize("shape", [(4000, 1, 3), (1, 4000, 3)])
def test_of_a_strip_the_middle_is_shown_without_enlarging_all_of_it(
    shape: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def resize(image: np.ndarray, width: int, height: int) -> np.ndarray:
        seen.append((width, height))
        return np.full((height, width, 3), image.mean(), np.uint8)

    monkeypatch.setattr("gan_lab.data.views.resize", resize)
    ramp = np.linspace(0, 255, 4000).astype(np.uint8).reshape(*shape[:2], 1).repeat(3, axis=2)
    shown = cut_for_validation(ramp, 32)
    assert sorted(seen[0]) == [32, 32 * MOST_SQUARES]
    assert np.unique(shown).tolist() == [127]
