"""The demo catalogue as data."""

from __future__ import annotations

import logging

import pytest

from gan_lab.errors import UserError

from .test_products import prepared


def test_without_a_root_the_demo_catalogue_says_so(caplog: pytest.LogCaptureFixture) -> None:
    data = prepared(None, catalogue_images=96)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "DEMO CATALOGUE" in record.message
    assert "data.root=" in record.message
    assert data.classes == 12
    assert next(iter(data.train_dataloader()))["image"].shape == (2, 3, 32, 32)
    products = [{int(name.split()[-1]) // 2 for name in data._stores[s]["image"].table.names} for s in data._stores]
    assert not products[0] & products[1]


def test_the_demo_catalogue_is_as_small_as_its_drawings() -> None:
    assert prepared(None, catalogue_images=24, image_size=16, fit="pad").image_size == 16
    with pytest.raises(UserError, match=r"data.image_size=15: .* 16"):
        prepared(None, catalogue_images=24, image_size=15, fit="pad")
    with pytest.raises(UserError, match=r"data.image_size=\[24,15\]: .* 16"):
        prepared(None, catalogue_images=24, image_size=[24, 15], fit="pad")


@pytest.mark.parametrize("fit", ["crop", "pad"])
def test_the_demo_catalogue_is_cut_or_framed_to_any_shape(fit: str) -> None:
    data = prepared(None, catalogue_images=96, image_size=[48, 32], fit=fit)
    image = next(iter(data.train_dataloader()))["image"]
    assert image.shape == (2, 3, 48, 32)
    assert bool((image[:, :, :8] == 1).all()) == (fit == "pad")


def test_the_demo_catalogue_feeds_every_view() -> None:
    unpaired = prepared(None, catalogue_images=96, batch_kind="unpaired")
    kinds = [set(unpaired._stores["train"][role].table.labels) for role in "AB"]
    assert kinds[0] == kinds[1] == set(range(12))
    numbers = [{int(n.split()[-1]) // 2 for n in unpaired._stores["train"][role].table.names} for role in "AB"]
    assert not numbers[0] & numbers[1]  # different products
    paired = prepared(None, catalogue_images=96, batch_kind="paired", pair="snapshot_to_studio")
    batch = next(iter(paired.train_dataloader()))
    assert batch["gt"].mean() > batch["lq"].mean()  # a white ground against a dim room
