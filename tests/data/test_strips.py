"""What a photo takes in memory is bounded by its pixels at the size that it is kept at, whatever its shape."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from gan_lab.data import Products
from gan_lab.data.resizing import MOST_SQUARES
from gan_lab.errors import UserError

from .conftest import Write


def module(root: Path, **options: Any) -> Products:
    given = {"image_size": 32, "batch_size": 2, "num_workers": 0, "near_duplicates": None, "index": False, "flip": 0.0}
    return Products(root, **given | options)


@pytest.fixture
def root(tmp_path: Path, write: Write) -> Path:
    write("photos", 6)
    write("photos/strips", 2, size=(1, 4000))
    return tmp_path / "photos"


def read_all(data: Products) -> list[int]:
    return [
        store.read(row).size
        for split in data.splits
        for store in data._stores[split].values()
        for row in range(len(store))
    ]


def test_strips_are_left_out_and_said(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        data = module(root, validation_share=0, test_share=0)
        data.prepare()
    assert data.counts() == {"image": 6}
    assert max(read_all(data)) <= 3 * MOST_SQUARES * 36**2
    message = next(record.getMessage() for record in caplog.records if "max_pixels" in record.getMessage())
    assert "2 of the train photos are so long and thin" in message
    assert "strips/000.png" in message


def test_the_bound_is_an_option(root: Path) -> None:
    data = module(root, validation_share=0, test_share=0, max_pixels=32 * 128_000)
    data.prepare()
    assert data.counts() == {"image": 8}
    assert max(read_all(data)) == 3 * 32 * 128_000


def test_a_photo_of_any_shape_fits_into_a_white_square(root: Path) -> None:
    data = module(root, validation_share=0, test_share=0, fit="pad")
    data.prepare()
    assert data.counts() == {"image": 8}


def test_held_out_photos_and_domains_and_pairs_are_bounded_too(tmp_path: Path, write: Write) -> None:
    for folder in ("trainA", "trainB", "testA", "testB"):
        write(f"domains/{folder}", 3)
        write(f"domains/{folder}/strips", 1, size=(4000, 1))
    data = module(tmp_path / "domains", batch_kind="unpaired", validation_share=0)
    data.prepare()
    assert [data.counts(split) for split in ("train", "test")] == [{"A": 3, "B": 3}] * 2
    for role in ("lq", "gt"):
        write(f"pairs/{role}", 3)
        write(f"pairs/{role}/strips", 1, size=(4000, 1))
    data = module(tmp_path / "pairs", batch_kind="paired", validation_share=0, test_share=0)
    data.prepare()
    assert data.counts() == {"gt": 3, "lq": 3}


def test_a_pair_at_the_bound_goes_or_stays_as_a_whole(tmp_path: Path, write: Write) -> None:
    """The smaller photo of a pair may be longer by a rounding, and is brought to the other's size."""
    write("gt", 2)
    write("lq", 2)
    write("gt/long", 1, size=(3200, 100))
    write("lq/long", 1, size=(1450, 45))
    write("gt/strips", 1, size=(1, 4000))
    write("lq/strips", 1, size=(1, 4000))
    data = module(tmp_path, batch_kind="paired", validation_share=0, test_share=0)
    data.prepare()
    assert data.counts() == {"gt": 3, "lq": 3}


def test_where_nothing_is_left_the_option_is_named(root: Path) -> None:
    with pytest.raises(UserError, match=r"data\.max_pixels=41472: all photos of"):
        module(root / "strips", validation_share=0, test_share=0).prepare()


def test_a_bound_below_one_square_is_refused(root: Path) -> None:
    with pytest.raises(UserError, match=r"data\.max_pixels=1023"):
        module(root, max_pixels=1023)
