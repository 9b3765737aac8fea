"""A photo stays on its side of a split whatever is added, removed, renamed or moved; in every layout."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from gan_lab.data import Products

from .conftest import Write
from .test_products import SMALL
from .test_shards import pack


def sides(root: Path | None, **options: Any) -> dict[tuple[str, int], str]:
    """Return the split of each photo, by its role and what is in its file."""
    data = Products(root, **(SMALL | {"index": False, "batch_size": 1} | options))
    data.prepare()
    return {
        (role, int(digest)): split
        for split, stores in data._stores.items()
        for role, store in stores.items()
        for digest in store.table.digests
    }


def assert_kept(before: dict[tuple[str, int], str], after: dict[tuple[str, int], str], gone: int, came: int) -> None:
    both = before.keys() & after.keys()
    assert (len(before) - len(both), len(after) - len(both)) == (gone, came)
    assert {key: before[key] for key in both} == {key: after[key] for key in both}
    assert {*before.values()} == {"train", "val", "test"}


def change(folder: Path, write: Write, name: str) -> tuple[int, int]:
    """Remove two photos of a folder, rename some, move some, add three; return how many are gone and how many came."""
    paths = sorted(folder.glob("*.png"))
    for path in paths[3:5]:
        path.unlink()
    for path in paths[5:20]:
        path.rename(path.with_name(f"z-{path.name}"))
    (folder / "sub").mkdir()
    for path in paths[20:30]:
        path.rename(folder / "sub" / path.name)
    write(f"{name}/00-new", 3)
    return 2, 3


@pytest.mark.parametrize("options", [{}, {"near_duplicates": None}, {"split_seed": 3}])
def test_of_a_folder(tmp_path: Path, write: Write, options: dict[str, Any]) -> None:
    write("photos", 60)
    before = sides(tmp_path / "photos", **options)
    gone, came = change(tmp_path / "photos", write, "photos")
    assert_kept(before, sides(tmp_path / "photos", **options), gone, came)


def test_of_class_folders_that_get_another_class(tmp_path: Path, write: Write) -> None:
    write("photos/hat", 40)
    write("photos/shoe", 40)
    before = sides(tmp_path / "photos")
    write("photos/boot", 20)
    (tmp_path / "photos/hat").rename(tmp_path / "photos/zylinder")
    assert_kept(before, sides(tmp_path / "photos"), 0, 20)


def test_of_two_domains(tmp_path: Path, write: Write) -> None:
    for domain in ("a", "b"):
        write(domain, 50)
    options = {"domain_a": tmp_path / "a", "domain_b": tmp_path / "b", "batch_kind": "unpaired"}
    before = sides(None, **options)
    gone, came = change(tmp_path / "a", write, "a")
    assert_kept(before, sides(None, **options), gone, came)


def test_of_training_photos_beside_a_test_folder(tmp_path: Path, write: Write) -> None:
    write("photos/train", 50)
    write("photos/test", 10)
    before = sides(tmp_path / "photos")
    gone, came = change(tmp_path / "photos/train", write, "photos/train")
    assert_kept(before, sides(tmp_path / "photos"), gone, came)


def test_of_pairs(tmp_path: Path, write: Write) -> None:
    for half in ("lq", "gt"):
        write(f"photos/{half}", 50)
    before = sides(tmp_path / "photos", batch_kind="paired")
    for half in ("lq", "gt"):
        gone, came = change(tmp_path / f"photos/{half}", write, f"photos/{half}")
    assert_kept(before, sides(tmp_path / "photos", batch_kind="paired"), 2 * gone, 2 * came)


def test_of_shards_which_are_split_as_their_folder_is(tmp_path: Path, write: Write) -> None:
    paths = write("photos", 60)
    pack(tmp_path / "shards/0.tar", tmp_path / "photos", paths)
    before = sides(tmp_path / "shards", near_duplicates=None)
    assert before == sides(tmp_path / "photos", near_duplicates=None)
    (tmp_path / "shards/0.tar").unlink()
    new = write("more", 5)
    pack(tmp_path / "shards/0-more.tar", tmp_path, [*new, *paths[40:]])
    pack(tmp_path / "shards/1.tar", tmp_path, paths[:35])
    assert_kept(before, sides(tmp_path / "shards", near_duplicates=None), 5, 5)


def test_of_given_groups_that_grow(tmp_path: Path, write: Write) -> None:
    paths = write("photos", 120)
    table = tmp_path / "labels.csv"

    def label(count: int) -> None:
        rows = [f"photos/{path.name},seller {number % 30}" for number, path in enumerate(paths[:count])]
        table.write_text("\n".join(["path,seller", *rows]))

    options = {"labels": table, "group_column": "seller", "near_duplicates": None}
    for path in paths[90:]:
        path.rename(tmp_path / path.name)
    label(90)
    before = sides(tmp_path / "photos", **options)
    for path in paths[90:]:
        (tmp_path / path.name).rename(path)
    label(120)
    assert_kept(before, sides(tmp_path / "photos", **options), 0, 30)


@pytest.mark.parametrize("near_duplicates", [None, 14])
def test_copies_of_a_photo_are_on_its_side(tmp_path: Path, write: Write, near_duplicates: int | None) -> None:
    paths = write("photos", 50)
    before = sides(tmp_path / "photos", near_duplicates=near_duplicates)
    for path in paths[::2]:
        shutil.copy(path, path.with_name(f"a-{path.name}"))
    assert sides(tmp_path / "photos", near_duplicates=near_duplicates) == before


def test_copies_stay_together_where_there_are_few_photos(tmp_path: Path, write: Write) -> None:
    for path in write("photos", 3):
        shutil.copy(path, path.with_name(f"a-{path.name}"))
    for seed in range(30):
        data = Products(tmp_path / "photos", **(SMALL | {"index": False}), near_duplicates=None, split_seed=seed)
        data.prepare()
        assert sum(data.counts(split).get("image", 0) for split in ("train", "val", "test")) == 6
        assert all(count % 2 == 0 for split in data.splits for count in data.counts(split).values())


def test_a_test_photo_that_is_a_training_photo_is_left_out(
    tmp_path: Path, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    (first, *_) = write("photos/train", 8)
    write("photos/test", 4)
    shutil.copy(first, tmp_path / "photos/test/again.png")
    assert list(sides(tmp_path / "photos", validation_share=0).values()).count("test") == 4
    assert "1 photos would be held out and were trained on; they are left out: " in caplog.text
    assert "again.png" in caplog.text


# ---- what it goes by
