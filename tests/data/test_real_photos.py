"""The same views from photographs; skipped where GAN_LAB_PHOTOS names none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gan_lab.data import Products
from gan_lab.imaging import GaussianNoise


def prepared(root: Path, **options: Any) -> Products:
    data = Products(root, num_workers=0, **options)
    data.prepare()
    return data


def test_products_keep_their_own_splits_and_classes(photos: Path) -> None:
    data = prepared(photos / "products", image_size=64, batch_size=8)
    assert "3068 / 341 / 262" in data.describe()
    assert data.classes == 10
    batch = next(iter(data.train_dataloader()))
    assert batch["image"].shape == (8, 3, 64, 64)
    assert 0 <= int(batch["label"].min()) <= int(batch["label"].max()) <= 9
    assert batch["image"].std() > 0.2


def test_products_as_pairs(photos: Path) -> None:
    data = prepared(
        photos / "products", image_size=256, batch_size=4, batch_kind="paired", degradation=GaussianNoise(sigma=25)
    )
    batch = next(iter(data.train_dataloader()))
    noise = (batch["lq"] - batch["gt"]) * 127.5
    assert batch["gt"].shape == (4, 3, 256, 256)
    assert 15 < noise.std() < 26  # below 25, for clipping at black and white


def test_the_background_domains(photos: Path) -> None:
    data = prepared(photos / "unpaired_cc0", image_size=128, batch_size=4, batch_kind="unpaired")
    assert "360 A, 186 B / 41 A, 31 B / 40 A, 40 B samples" in data.describe()
    batch = next(iter(data.train_dataloader()))
    assert batch["A"].shape == batch["B"].shape == (4, 3, 128, 128)
    validation = [len(store) for store in data._stores["val"].values()]
    assert validation == [41, 31]


def test_a_seller_is_on_one_side(photos: Path) -> None:
    root = photos / "unpaired_cc0"
    data = prepared(root, image_size=128, batch_size=1, batch_kind="unpaired", group_column="sender_id")
    table = data.labels.read()  # type: ignore[union-attr]
    senders = {
        split: {table[str(Path(name).resolve())][1] for store in roles.values() for name in store.table.names}
        for split, roles in data._stores.items()
    }
    assert senders["val"]
    assert not senders["train"] & senders["val"]


@pytest.mark.slow
def test_the_picture_that_is_there_twice_is_found(photos: Path) -> None:
    data = prepared(photos / "products" / "train", image_size=64, batch_size=8)
    twins = {"6075b4a5-5b1a-4ce0-aea0-9dbfbca7c35c.jpg", "637a56e4-7fa6-4f75-8859-0f8902461554.jpg"}
    sides = [s for s, r in data._stores.items() for name in r["image"].table.names if Path(name).name in twins]
    assert len(sides) == 2
    assert sides[0] == sides[1]
