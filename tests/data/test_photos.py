"""What is known of photos beside their pixels: classes and groups from a csv file, strays beside class folders."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from gan_lab.errors import UserError

from .conftest import Write
from .test_products import names, prepared


def test_a_few_photos_beside_class_folders_are_left_out_and_named(
    tmp_path: Path, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    write("hat", 10)
    write("shoe", 8)
    (cover,) = write("")
    data = prepared(tmp_path)
    assert data.class_names == ["hat", "shoe"]
    assert sum(len(names(data, split)) for split in ("train", "val", "test")) == 18
    assert "1 of 19 photos" in caplog.text
    assert str(cover) in caplog.text
    write("", 3)
    data = prepared(tmp_path)  # 3 of 21: as good as a flat folder
    assert data.classes == 0
    assert sum(len(names(data, split)) for split in ("train", "val", "test")) == 21


def test_a_group_column_keeps_a_seller_on_one_side(tmp_path: Path, write: Write) -> None:
    paths = write("photos", 40)
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "seller", "kind"])
        rows.writerows([path.relative_to(tmp_path), number % 8, "ab"[number % 2]] for number, path in enumerate(paths))
    for seed in range(4):
        data = prepared(tmp_path, group_column="seller", label_column="kind", split_seed=seed)
        sides = [{int(Path(name).stem) % 8 for name in names(data, split)} for split in ("train", "val", "test")]
        assert sum(map(len, sides)) == 8
        assert all(sides)
        assert data.class_names == ["a", "b"]


def test_a_column_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path, write: Write) -> None:
    write("", 4)
    (tmp_path / "labels.csv").write_text("path,seller\n000.png,1\n")
    with pytest.raises(
        UserError, match=r"data.group_column=shop: .* no such column; it has path, seller: .* with data.labels"
    ):
        prepared(tmp_path, group_column="shop")
    with pytest.raises(
        UserError, match=r"data\.labels=.*nowhere.csv: .*leave data.label_column and data.group_column out"
    ):
        prepared(tmp_path, group_column="seller", labels=tmp_path / "nowhere.csv")


def test_a_photo_without_a_class_in_the_csv_is_refused(tmp_path: Path, write: Write) -> None:
    write("", 4)
    (tmp_path / "labels.csv").write_text("path,kind\n000.png,hat\n")
    advice = "data.path_column.*another file with data.labels, or leave data.label_column out"
    with pytest.raises(UserError, match=rf"data.label_column=kind: .* none for 3 of 4 photos.*{advice}"):
        prepared(tmp_path, label_column="kind")


def test_a_group_column_that_reaches_no_photo_is_refused(tmp_path: Path, write: Write) -> None:
    write("photos", 8)
    (tmp_path / "labels.csv").write_text("path,seller\n000.png,1\n")  # relative to photos/, where it does not lie
    advice = "data.path_column.*another file with data.labels, or leave data.group_column out"
    with pytest.raises(
        UserError, match=rf"data.group_column=seller: .*.csv .*for none .* 8 photos, .*000.png;.*{advice}"
    ):
        prepared(tmp_path, group_column="seller")


def test_photos_without_a_group_are_counted(tmp_path: Path, write: Write, caplog: pytest.LogCaptureFixture) -> None:
    write("photos", 8)
    (tmp_path / "labels.csv").write_text("path,seller\nphotos/000.png,1\nphotos/001.png,1\nphotos/002.png,\n")
    prepared(tmp_path, group_column="seller")
    assert "no seller for 6 of 8 photos" in caplog.text


def test_a_pair_with_one_unreadable_half_is_dropped(tmp_path: Path, write: Write) -> None:
    write("gt", 8)
    lq = write("lq", 8)
    lq[3].write_bytes(b"no image")
    data = prepared(tmp_path, batch_kind="paired", max_unreadable=0.2, validation_share=0, test_share=0)
    assert names(data, "train", "gt") == [f"gt/{number:03d}.png" for number in (0, 1, 2, 4, 5, 6, 7)]
    assert names(data, "train", "lq") == [f"lq/{number:03d}.png" for number in (0, 1, 2, 4, 5, 6, 7)]
