"""Product masks beside unpaired photos."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from gan_lab.data import views
from gan_lab.data.geometry import Augmentation
from gan_lab.data.views import UnpairedView, collate
from gan_lab.imaging.cutout import cut_out


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
