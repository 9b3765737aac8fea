from __future__ import annotations

from pathlib import Path

import pytest

from gan_lab.data import Products
from gan_lab.data.layouts import ALL, find_layout, find_two_folders
from gan_lab.errors import UserError

from .conftest import Write
from .test_products import prepared


def counts(root: Path) -> dict[str, dict[str, int]]:
    return {split: {role: len(table) for role, table in roles.items()} for split, roles in find_layout(root).items()}


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        ({"": 3}, {ALL: {"image": 3}}),
        ({"hat": 2, "shoe": 3}, {ALL: {"image": 5}}),
        ({"train": 3, "val": 1, "test": 2}, {"train": {"image": 3}, "val": {"image": 1}, "test": {"image": 2}}),
        ({"train/hat": 2, "train/shoe": 2, "validation/hat": 1}, {"train": {"image": 4}, "val": {"image": 1}}),
        ({"Train": 2, "Test": 1}, {"train": {"image": 2}, "test": {"image": 1}}),
        ({"train/hat": 2}, {"train": {"image": 2}}),
        ({"train": 2, "plane": 3}, {ALL: {"image": 5}}),  # toys, not a split
        ({"trainA": 2, "trainB": 3}, {"train": {"A": 2, "B": 3}}),
        (
            {"trainA": 2, "trainB": 3, "testA": 1, "testB": 1, "valA": 1, "valB": 2},
            {"train": {"A": 2, "B": 3}, "val": {"A": 1, "B": 2}, "test": {"A": 1, "B": 1}},
        ),
        ({"testA": 2, "testB": 3}, {"test": {"A": 2, "B": 3}}),  # enough to evaluate on
        ({"test/lq": 2, "test/gt": 2}, {"test": {"lq": 2, "gt": 2}}),
        ({"test": 2, "plane": 3}, {ALL: {"image": 5}}),
        ({"lq": 2, "gt": 2}, {ALL: {"lq": 2, "gt": 2}}),
        ({"gt": 2, "trek": 2, "giant": 2}, {ALL: {"image": 6}}),  # makers of bicycles
        (
            {"train/lq": 2, "train/gt": 2, "test/lq": 1, "test/gt": 1},
            {"train": {"lq": 2, "gt": 2}, "test": {"lq": 1, "gt": 1}},
        ),
    ],
)
def test_every_layout_is_understood(
    tmp_path: Path, write: Write, folders: dict[str, int], expected: dict[str, dict[str, int]]
) -> None:
    for folder, count in folders.items():
        write(folder, count)
    assert counts(tmp_path) == expected


def test_a_class_is_the_folder_directly_in_the_split(tmp_path: Path, write: Write) -> None:
    (deep,) = write("train/hat/summer/straw")
    (loose,) = write("train")
    write("val/hat")
    table = find_layout(tmp_path)["train"]["image"]
    assert table.names == [str(loose), str(deep)]
    assert table.classes.tolist() == [None, "hat"]


def test_pairs_match_by_name_whatever_the_suffix(tmp_path: Path, write: Write) -> None:
    write("lq/shop", 2)
    for path in write("gt/shop", 2):
        path.rename(path.with_suffix(".PNG"))
    roles = find_layout(tmp_path)[ALL]
    assert [[Path(name).stem for name in roles[role].names] for role in ("lq", "gt")] == 2 * [["000", "001"]]


def test_a_pair_without_its_other_half_is_refused(tmp_path: Path, write: Write) -> None:
    write("lq", 3)
    write("gt", 2)
    with pytest.raises(UserError, match=r"1 photos .* no counterpart.*002"):
        find_layout(tmp_path)


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (("trainA",), "has trainA/ but not its counterpart"),
        (("lq",), r"has lq/ but no gt/"),
        (("LQ", "good", "masks"), r"has LQ/ but no gt/"),
        (("gt", "input"), r"has gt/ but no lq/"),
        (("train/lq", "train/gt", "val/gt"), r"val has gt/ but no lq/"),
    ],
)
def test_half_of_a_layout_is_refused(tmp_path: Path, write: Write, folders: tuple[str, ...], message: str) -> None:
    for folder in folders:
        write(folder, 2)
    with pytest.raises(UserError, match=message):
        find_layout(tmp_path)


def test_pairs_that_differ_in_the_suffix_alone_match_by_their_whole_name(tmp_path: Path, write: Write) -> None:
    for folder in ("lq", "gt"):
        first, second, _ = write(folder, 3)
        second.rename(first.with_suffix(".jpg"))
    roles = find_layout(tmp_path)[ALL]
    expected = ["000.jpg", "000.png", "002.png"]
    assert [[Path(name).name for name in roles[role].names] for role in ("lq", "gt")] == [expected, expected]
    (tmp_path / "gt" / "000.jpg").rename(tmp_path / "gt" / "000.webp")
    with pytest.raises(UserError, match=r"2 photos .* no counterpart .*, for example 000\.jpg; .*suffix"):
        find_layout(tmp_path)


def test_an_empty_folder_is_refused_with_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "one.jxl").touch()
    with pytest.raises(UserError, match=r"data.root=.*: no image under .*\.jpg.*found 1 \.jxl"):
        find_layout(tmp_path)


def test_a_missing_folder_is_refused_by_its_option(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data.domain_b=.*nowhere: does not exist"):
        find_layout(tmp_path / "nowhere", "domain_b")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is not a folder"):
        find_layout(tmp_path / "file")


def test_two_folders_become_domains_split_by_split(tmp_path: Path, write: Write) -> None:
    for folder in ("a/train", "a/test", "b/train", "b/test", "flat"):
        write(folder, 2)
    layout = find_two_folders(tmp_path / "a", tmp_path / "b")
    assert {split: sorted(roles) for split, roles in layout.items()} == {"train": ["A", "B"], "test": ["A", "B"]}
    with pytest.raises(UserError, match="split alike"):
        find_two_folders(tmp_path / "a", tmp_path / "flat")


# --- nothing is left out without a word


@pytest.mark.parametrize("folder", ["$RECYCLE.BIN", "@eaDir", "System Volume Information", "lost+found"])
def test_a_systems_folder_is_no_class_and_no_split(tmp_path: Path, write: Write, folder: str) -> None:
    for name in ("train", "test", folder):
        write(name, 2)
    assert counts(tmp_path) == {"train": {"image": 2}, "test": {"image": 2}}


def test_links_that_lead_nowhere_are_photos_that_cannot_be_read(tmp_path: Path, write: Write) -> None:
    write("hat", 30)
    write("shoe", 30)
    for name, target in (("hat/gone.jpg", "nowhere"), ("shoe/circle.jpg", "circle.jpg"), ("loop", "loop")):
        (tmp_path / name).symlink_to(target)
    (tmp_path / "up").symlink_to(tmp_path.parent)
    data = prepared(tmp_path)
    assert (data.class_names, sum(data.counts(split)["image"] for split in ("train", "val", "test"))) == (
        ["hat", "shoe"],
        60,
    )


def test_a_circle_is_no_traceback_in_any_option(tmp_path: Path, write: Write) -> None:
    write("a", 2)
    (tmp_path / "loop").symlink_to("loop")
    for option in ({"root": tmp_path / "loop"}, {"domain_a": tmp_path / "a", "domain_b": tmp_path / "loop"}):
        with pytest.raises(UserError, match="loop: cannot be looked at"):
            Products(image_size=8, **option)
    with pytest.raises(UserError, match=r"domain_b=.*loop: does not exist"):
        find_two_folders(tmp_path / "a", tmp_path / "loop")
