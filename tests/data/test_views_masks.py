"""Product masks beside unpaired photos."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from gan_lab.data.views import UnpairedView, collate, product_mask


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
    mask = product_mask(Squares().photo)
    assert mask.shape == (64, 64, 1)
    assert set(np.unique(mask)) == {0, 255}
    truth = np.zeros((64, 64), bool)
    truth[16:48, 12:40] = True
    assert ((mask[..., 0] > 0) == truth).mean() > 0.97


def test_where_no_product_is_certain_all_of_the_photo_is() -> None:
    assert (product_mask(np.full((64, 64, 3), 90, np.uint8)) == 255).all()


def test_masks_come_with_both_domains_if_asked_for_and_cut_as_they_are() -> None:
    images: Any = Squares()
    plain, masked = (UnpairedView(images, images, 64, 0, None, masks=masks)[0] for masks in (False, True))
    assert set(plain) == {"A", "B"}
    batch = collate([masked, masked])
    assert batch["mask_A"].shape == batch["mask_B"].shape == (2, 1, 64, 64)
    assert set(batch["mask_A"].unique().tolist()) == {0.0, 1.0}
    inside = (batch["A"][:, :1] * batch["mask_A"]).sum() / batch["mask_A"].sum()
    torch.testing.assert_close(inside, torch.tensor(180 / 127.5 - 1), atol=0.02, rtol=0)
