"""Which tables feed a model, and what is said where the data have none for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gan_lab.errors import UserError

from .conftest import Write
from .test_products import names, prepared


def test_pairs_of_different_shape_are_refused(tmp_path: Path, write: Write) -> None:
    write("gt", 4, size=(60, 50))
    write("lq", 4, size=(50, 60))
    with pytest.raises(UserError, match=r"50x60 but .* is 60x50, .* more than 2%.*; crop both photos"):
        prepared(tmp_path, batch_kind="paired")


def test_two_folders_and_two_classes_are_domains(tmp_path: Path, write: Write) -> None:
    write("hat", 10)
    write("shoe", 6)
    by_folder = prepared(None, domain_a=tmp_path / "hat", domain_b=tmp_path / "shoe", batch_kind="unpaired")
    by_class = prepared(tmp_path, class_a="shoe", class_b="hat", batch_kind="unpaired")
    assert {Path(name).parts[0] for name in names(by_folder, "train", "A")} == {"hat"}
    assert {Path(name).parts[0] for name in names(by_class, "train", "A")} == {"shoe"}
    with pytest.raises(UserError, match=r"data.class_b=boot: is not a class .* hat, shoe"):
        prepared(tmp_path, class_a="shoe", class_b="boot", batch_kind="unpaired")
    with pytest.raises(UserError, match="give both folders"):
        prepared(None, domain_a=tmp_path / "hat", batch_kind="unpaired")


@pytest.mark.parametrize(
    ("folders", "options", "message"),
    [
        (("",), {"batch_kind": "unpaired"}, r"needs two folders.*no classes.*data.domain_a.*data.class_a"),
        (("trainA", "trainB"), {"batch_kind": "images"}, r"two domains, A and B.*data.domain=A"),
        (("trainA", "trainB"), {"batch_kind": "paired"}, r"needs pairs.*data.domain=A"),
        (("lq", "gt"), {"batch_kind": "unpaired"}, r"pairs, lq and gt.*data.domain_a"),
        (("",), {"batch_kind": "paired", "pair": "snapshot_to_studio"}, "needs the demo catalogue"),
        (("",), {"batch_kind": "paired"}, "data.degradation"),
        (("",), {"batch_size": 6}, r"data.batch_size=6: .*\((\d), in .*give at most \1"),
    ],
)
def test_data_that_cannot_feed_a_model_are_refused_with_advice(
    tmp_path: Path, write: Write, folders: tuple[str, ...], options: dict[str, Any], message: str
) -> None:
    for folder in folders:
        write(folder, 6)
    with pytest.raises(UserError, match=message):
        prepared(tmp_path, **options)


def test_a_domain_serves_as_single_photos_and_gt_as_images(tmp_path: Path, write: Write) -> None:
    for folder in ("two/trainA", "two/trainB", "pairs/lq", "pairs/gt"):
        write(folder, 6)
    assert {name[:6] for name in names(prepared(tmp_path / "two", domain="B"), "train")} == {"trainB"}
    assert {name[:2] for name in names(prepared(tmp_path / "pairs"), "train")} == {"gt"}
