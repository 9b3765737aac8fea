"""Masks: each is some photo's, or the job is refused; a photo without one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from gan_lab.errors import UserError
from gan_lab.jobs import Plan, plan_job
from gan_lab.jobs.masks import NO_MASK, add_masks


def plan(folder: Path, photos: str, masks: str, single: str = "") -> Plan:
    """Return the plan for photos and masks of such names, with spaces between."""
    for kind, names in (("in", photos), ("masks", masks)):
        for name in names.split():
            path = folder / kind / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    (folder / "masks").mkdir(exist_ok=True)
    return add_masks(plan_job(folder / "in" / single, folder / "out"), folder / "masks")


def chosen(folder: Path, planned: Plan) -> dict[str, str]:
    root = folder / "masks"
    return {task.name: others[0].relative_to(root).as_posix() for task in planned.tasks if (others := task.others)}


@pytest.mark.parametrize(
    ("photo", "mask"),
    [
        *(("a.jpg", "a.png"), ("a.jpg", "a.jpg"), ("a.jpg", "a.jpg.png"), ("a.jpg", "a"), ("a", "a.png")),
        *(("IMG_3.JPG", "img_3.png"), ("a.jpg", "A.PNG"), ("hat/a.jpg", "Hat/A.png"), ("\u00e9.jpg", "E\u0301.png")),
        *(("b.jpg", "b_mask.png"), ("b.jpg", "b-mask.png"), ("B.jpg", "b_MASK.png"), ("b.jpg", "b.jpg_mask.png")),
        *(("v1.2.jpg", "v1.2_mask.png"), ("x_mask.jpg", "x_mask.png"), ("c.heic", "c.png")),
    ],
)
def test_a_mask_is_found_by_its_photos_name(tmp_path: Path, photo: str, mask: str) -> None:
    if mask == "a":
        (tmp_path / "masks").mkdir()
        (tmp_path / "masks" / "a").write_bytes(b"\x89PNG")
    if photo == "a":
        (tmp_path / "in").mkdir()
        (tmp_path / "in" / "a").write_bytes(b"\xff\xd8\xff")
    planned = plan(tmp_path, photo if "." in photo else "", mask if "." in mask else "")
    assert chosen(tmp_path, planned) == {photo: mask}
    assert planned.tasks[0].notes == ()


def test_the_closer_name_wins(tmp_path: Path) -> None:
    planned = plan(tmp_path, "a.jpg A.jpg b.jpg b_mask.jpg", "a.png A.tif b_mask.png b.webp")
    assert chosen(tmp_path, planned) == {
        "a.jpg": "a.png",
        "A.jpg": "A.tif",
        "b.jpg": "b.webp",
        "b_mask.jpg": "b_mask.png",
    }


def test_a_photo_does_not_take_the_mask_of_one_that_is_closer(tmp_path: Path) -> None:
    assert chosen(tmp_path, plan(tmp_path, "a.jpg A.jpg a_mask.jpg", "a.png")) == {"a.jpg": "a.png"}


def test_one_mask_serves_photos_that_differ_in_the_suffix_alone(tmp_path: Path) -> None:
    assert chosen(tmp_path, plan(tmp_path, "a.jpg a.png", "a.png")) == {"a.jpg": "a.png", "a.png": "a.png"}


def test_a_mask_that_is_no_photos_is_refused_with_the_nearest_photo(tmp_path: Path) -> None:
    message = (
        r"mask=.*masks: shoe_1_msk\.png \(the nearest photo is shoe_1\.jpg\) matches no photo of input=; give each"
    )
    with pytest.raises(UserError, match=message):
        plan(tmp_path, "hat.jpg shoe_1.jpg shoe_2.jpg", "hat.png shoe_1_msk.png")
    with pytest.raises(
        UserError, match=r"b2\.png \(the nearest photo is b\.jpg\), hat/a\.png \(.*a\.jpg\) match no photo"
    ):
        plan(tmp_path / "2", "a.jpg b.jpg c.jpg", "hat/a.png b2.png c.png")


def test_a_folder_without_any_fitting_mask_is_refused_with_the_nearest_mask(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"none of the 1 photos; the first would be a\.png, and the nearest name there is ab\.png"
    ):
        plan(tmp_path, "a.jpg", "ab.png z.png")
    with pytest.raises(UserError, match=r"none of the 1 photos; the first would be a\.png$"):
        plan(tmp_path / "2", "a.jpg", "")


def test_two_masks_for_one_photo_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a\.png and a\.tif are both masks of a\.jpg"):
        plan(tmp_path, "a.jpg", "a.png a.tif")
    with pytest.raises(UserError, match=r"a-mask\.png and a_mask\.png are both masks of a\.jpg"):
        plan(tmp_path / "2", "a.jpg", "a_mask.png a-mask.png")
    with pytest.raises(UserError, match=r"a_mask\.png \(the nearest photo is a\.jpg\) matches no photo"):
        plan(tmp_path / "3", "a.jpg", "a.png a_mask.png")


def test_a_photo_without_a_mask_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    planned = plan(tmp_path, "a.jpg b.jpg c.jpg", "a.png")
    assert [task.notes for task in planned.tasks] == [(), (NO_MASK,), (NO_MASK,)]
    assert [record.getMessage() for record in caplog.records] == ["2 of 3 photos have no mask: b.jpg, c.jpg"]


def test_one_photo_of_a_folder_may_have_its_mask_among_the_others(tmp_path: Path) -> None:
    planned = plan(tmp_path, "a.jpg b.jpg", "a.png b.png", single="b.jpg")
    assert chosen(tmp_path, planned) == {"b.jpg": "b.png"}


def test_a_mask_that_is_a_link_to_nowhere_fails_with_its_photo_alone(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    for name in ("b.png", "c.png"):
        (tmp_path / "masks" / name).symlink_to(name)
    planned = plan(tmp_path, "a.jpg b.jpg c.jpg", "a.png @eaDir/a.png")
    assert chosen(tmp_path, planned) == {"a.jpg": "a.png", "b.jpg": "b.png", "c.jpg": "c.png"}
