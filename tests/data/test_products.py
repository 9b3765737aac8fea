from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gan_lab.data import Products
from gan_lab.errors import UserError
from gan_lab.photo_files import read_image

from .conftest import Write

SMALL: dict[str, Any] = {"image_size": 32, "batch_size": 2, "num_workers": 0}


def prepared(root: Path | None, **options: Any) -> Products:
    data = Products(root, **(SMALL | options))
    data.prepare()
    return data


def names(data: Products, split: str, role: str = "image") -> list[str]:
    """Return the last two parts of the paths in a split, "hat/000.png"."""
    return ["/".join(Path(name).parts[-2:]) for name in data._stores[split][role].table.names]


def add_noise(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.clip(image + rng.normal(0, 20, image.shape), 0, 255).astype(np.uint8)


# ---- images


def test_class_folders_give_labels(tmp_path: Path, write: Write) -> None:
    for split, count in (("train", 6), ("val", 2), ("test", 2)):
        for name in ("shoe", "hat"):
            write(f"{split}/{name}", count)
    data = prepared(tmp_path, batch_size=12)
    assert data.classes == 2
    assert data.class_names == ["hat", "shoe"]
    assert data.iterations_per_epoch() == 1
    batch = next(iter(data.train_dataloader()))
    assert batch["image"].shape == (12, 3, 32, 32)
    assert batch["image"].dtype == torch.float32
    assert batch["label"].dtype == torch.int64
    assert sorted(batch["label"].tolist()) == [0] * 6 + [1] * 6
    (validation,) = data.val_dataloader()
    assert names(data, "val") == ["hat/000.png", "hat/001.png", "shoe/000.png", "shoe/001.png"]
    assert validation["label"].tolist() == [0, 0, 1, 1]


def test_balanced_classes_are_seen_equally_often_in_training_alone(tmp_path: Path, write: Write) -> None:
    for split in ("train", "val"):
        write(f"{split}/hat", 2)
        write(f"{split}/shoe", 6)
    labels = lambda batch: sorted(batch["label"].tolist())  # noqa: E731
    for balance, seen in ((True, [0] * 4 + [1] * 4), (False, [0] * 2 + [1] * 6)):
        data = prepared(tmp_path, batch_size=8, balance=balance)
        assert labels(next(iter(data.train_dataloader()))) == seen
        assert labels(next(iter(data.val_dataloader()))) == [0] * 2 + [1] * 6


def test_balance_without_classes_or_of_pairs_is_refused(tmp_path: Path, write: Write) -> None:
    write("", 8)
    with pytest.raises(
        UserError, match=r"^data.balance=true: there are no classes to show in turn in .*; sort the photos"
    ):
        prepared(tmp_path, balance=True)
    with pytest.raises(
        UserError, match=r"^data.balance=true: classes take turns where .* takes paired ones; leave it out"
    ):
        prepared(tmp_path, balance=True, batch_kind="paired", pair="grey_to_colour")


def test_a_batch_holds_the_pixels_of_the_photos_in_minus_one_to_one(tmp_path: Path, write: Write) -> None:
    paths = write("", 4, size=(32, 32))
    data = prepared(tmp_path, batch_size=4, flip=0, validation_share=0, test_share=0)
    batch = next(iter(data.train_dataloader()))["image"]
    floats = [np.float32(read_image(path)) / np.float32(127.5) - np.float32(1) for path in paths]
    assert {image.numpy().tobytes() for image in batch} == {photo.transpose(2, 0, 1).tobytes() for photo in floats}


def test_flat_photos_have_no_classes_and_are_split(tmp_path: Path, write: Write) -> None:
    write("", 30)
    data = prepared(tmp_path)
    assert data.classes == 0
    found = [name for split in ("train", "val", "test") for name in names(data, split)]
    assert len(found) == len({*found}) == 30
    assert min(len(names(data, split)) for split in ("val", "test")) >= 1
    assert len(names(data, "train")) >= 20
    assert names(data, "val") == names(prepared(tmp_path, seed=5), "val")
    assert names(data, "val") != names(prepared(tmp_path, split_seed=5), "val")


def test_one_folder_is_no_class(tmp_path: Path, write: Write) -> None:
    write("photos", 10)
    assert prepared(tmp_path).classes == 0


def test_grey_images(tmp_path: Path, write: Write) -> None:
    write("", 5)
    batch = next(iter(prepared(tmp_path, channels=1).train_dataloader()))
    assert batch["image"].shape == (2, 1, 32, 32)


def test_padding_shows_the_whole_photo(tmp_path: Path) -> None:
    for number in range(4):
        Image.new("RGB", (80, 40), "black").save(tmp_path / f"{number}.png")
    batch = next(iter(prepared(tmp_path, fit="pad", near_duplicates=None).train_dataloader()))["image"]
    assert (batch[:, :, :8] == 1).all()
    assert (batch[:, :, 8:24] == -1).all()


def test_a_split_without_validation_lends_from_training_or_takes_the_test(tmp_path: Path, write: Write) -> None:
    write("train", 20)
    write("test", 5)
    data = prepared(tmp_path)
    assert len(names(data, "train")) + len(names(data, "val")) == 20
    assert 1 <= len(names(data, "val")) <= 5
    assert len(names(data, "test")) == 5
    data = prepared(tmp_path, validation_share=0)
    assert [len(names(data, split)) for split in ("train", "val", "test")] == [20, 5, 5]


def test_a_rare_class_may_be_missing_in_validation(tmp_path: Path, write: Write) -> None:
    for folder, count in (("train/hat", 4), ("train/shoe", 3), ("val/hat", 2)):
        write(folder, count)
    data = prepared(tmp_path, batch_kind="unpaired", class_a="hat", class_b="shoe")
    assert data.val_dataloader() == []


# ---- duplicates and groups


@pytest.mark.parametrize(("different", "said"), [(1, "1 different picture,"), (4, "4 different pictures,"), (6, None)])
def test_copies_of_few_pictures_are_warned_of(
    different: int, said: str | None, tmp_path: Path, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    for path in write("", different, size=(120, 100)):
        for copy in range(10 // different - 1):
            shutil.copy(path, path.with_name(f"{path.stem}-{copy}.png"))
    prepared(tmp_path, validation_share=0, test_share=0.1)
    found = [message for message in caplog.messages if "near-duplicates: a model learns little" in message]
    assert len(found) == (said is not None)
    assert not said or f"photos show only {said}" in found[0]


def test_near_duplicates_stay_on_one_side(tmp_path: Path, write: Write) -> None:
    for path in write("", 12, size=(120, 100)):
        with Image.open(path) as photo:
            for copy in range(4):
                photo.resize((96 - copy, 80)).save(path.with_name(f"{path.stem}-{copy}.jpg"), quality=80)
    for seed in range(4):
        data = prepared(tmp_path, split_seed=seed)
        sides = {split: {Path(name).name[:3] for name in names(data, split)} for split in ("train", "val", "test")}
        assert sum(map(len, sides.values())) == 12
        assert sides["val"]
        assert sides["test"]


def test_columns_of_no_file_and_degradations_of_no_class_are_refused() -> None:
    with pytest.raises(UserError, match=r"data.label_column=null, data.group_column=shop: .*data.labels, or data.root"):
        Products(group_column="shop", image_size=32, batch_size=1)
    with pytest.raises(UserError, match=r"data.degradation=a mapping without _target_ \(steps\): is not a degradation"):
        Products(degradation={"steps": [object()]}, image_size=32, batch_size=1)


# ---- pairs


def test_validation_pairs_depend_on_the_split_seed_alone(tmp_path: Path, write: Write) -> None:
    for split in ("train", "val"):
        write(split, 4)
    options: dict[str, Any] = {"batch_kind": "paired", "degradation": add_noise}
    first, other, third = (
        next(iter(prepared(tmp_path, **options, **seeds).val_dataloader()))
        for seeds in ({"seed": 0}, {"seed": 1}, {"split_seed": 1})
    )
    assert torch.equal(first["lq"], other["lq"])
    assert torch.equal(first["gt"], third["gt"])
    assert not torch.equal(first["lq"], third["lq"])


# ---- unpaired


def test_cyclegan_folders(tmp_path: Path, write: Write) -> None:
    for folder, count in (("trainA", 20), ("trainB", 10), ("testA", 4), ("testB", 3)):
        write(folder, count)
    data = prepared(tmp_path, batch_kind="unpaired")
    assert [len(names(data, "train", role)) for role in "AB"] == [18, 9]
    assert [len(names(data, "val", role)) for role in "AB"] == [2, 1]
    assert data.iterations_per_epoch() == 9
    assert next(iter(data.train_dataloader())).keys() == {"A", "B"}
    assert sum(len(batch["A"]) for batch in data.test_dataloader()) == 4


@pytest.mark.parametrize("inner", ["", "studio"])
def test_a_folder_within_the_other_is_refused(inner: str, tmp_path: Path, write: Write) -> None:
    write("shots", 4)
    write("shots/studio", 4)
    with pytest.raises(UserError, match=r"data\.domain_a=.*, data\.domain_b=.*: .*name two folders side by side"):
        prepared(None, domain_a=tmp_path / "shots", domain_b=tmp_path / "shots" / inner, batch_kind="unpaired")


def test_of_a_domain_of_two_photos_none_is_set_apart_and_none_of_the_other(
    tmp_path: Path, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    write("a", 2)
    write("b", 20)
    data = prepared(None, domain_a=tmp_path / "a", domain_b=tmp_path / "b", batch_kind="unpaired")
    assert set(data.splits) == {"train"}
    assert (len(names(data, "train", "A")), len(names(data, "train", "B"))) == (2, 20)
    assert "val photos are set apart of one domain alone (A has 2, B has 20): all go to the training" in caplog.text


def test_masks_are_made_for_the_training_alone(tmp_path: Path, write: Write) -> None:
    write("a", 12)
    write("b", 12)
    data = prepared(None, domain_a=tmp_path / "a", domain_b=tmp_path / "b", batch_kind="unpaired", masks=True)
    assert "mask_A" in next(iter(data.train_dataloader()))
    assert "mask_A" not in next(iter(data.val_dataloader()))


# ---- what cannot be fed


def test_evaluation_needs_no_full_batch(tmp_path: Path, write: Write) -> None:
    write("", 6)
    data = Products(tmp_path, image_size=32, batch_size=100, num_workers=0)
    data.prepare(training=False)
    assert len(list(data.test_dataloader())) == 1


@pytest.mark.parametrize("folders", [("testA", "testB"), ("test/lq", "test/gt"), ("test",)])
def test_a_test_split_alone_can_be_evaluated_on_but_not_trained_on(
    tmp_path: Path, write: Write, folders: tuple[str, ...]
) -> None:
    for folder in folders:
        write(folder, 6)
    options = SMALL | {"batch_kind": {"testA": "unpaired", "test": "images"}.get(folders[0], "paired")}
    data = Products(tmp_path, **options)
    data.prepare(training=False)
    assert sum(len(next(iter(batch.values()))) for batch in data.test_dataloader()) == 6
    held_out = "6 A, 6 B" if "A" in folders[0] else "6"
    assert f": 0 / {held_out} / {held_out} samples" in data.describe()
    with pytest.raises(UserError, match=r"data.root=.*: .* no photos to train on"):
        Products(tmp_path, **options).prepare()


@pytest.mark.parametrize(
    "option",
    [
        {"image_size": 0}, {"channels": 2}, {"batch_size": 0}, {"num_workers": "many"}, {"num_workers": 10**6},
        {"pair": "sketch"},
        {"fit": "warp"}, {"seed": -1}, {"max_unreadable": 5}, {"validation_share": 1.0}, {"domain": "C"},
        {"catalogue_images": 0}, {"near_duplicates": -1}, {"near_duplicates": 14.5}, {"near_duplicates": "x"},
        {"labels": "labels.csv"}, {"root": "a", "domain_a": "a", "domain_b": "b"},
        {"degradation": "blur"}, {"validation_degradation": [add_noise, "jpeg"]}, {"validation_degradation": {"a": 1}},
    ],
)  # fmt: skip
def test_a_bad_option_is_named(option: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=f"^data.{next(iter(option))}="):
        Products(**(SMALL | option))


@pytest.mark.parametrize("option", ["root", "domain_a", "domain_b", "labels"])
def test_an_empty_path_is_not_the_current_folder(option: str) -> None:
    given = {"domain_a": "a", "domain_b": "b"} if option in ("domain_a", "domain_b") else {"group_column": "seller"}
    for empty in ("", " "):
        with pytest.raises(UserError, match=rf"data\.{option}={empty}: is empty"):
            Products(**(SMALL | given | {option: empty}))


@pytest.mark.parametrize("option", ["root", "cache", "index"])
@pytest.mark.parametrize("path", ["x" * 400, "~nobody_of_that_name/photos", "a\0b"])
def test_a_path_that_the_system_refuses_is_named(option: str, path: str) -> None:
    with pytest.raises(UserError, match=rf"data\.{option}=.*: cannot be looked at .*; name another path"):
        Products(**(SMALL | {option: path}))


def test_a_degradation_by_name_is_refused_with_how_to_choose_it() -> None:
    with pytest.raises(UserError, match=r"data.degradation=blur: .*data/degradation=blur"):
        Products(**SMALL, degradation="blur")  # type: ignore[arg-type]


# ---- unreadable photos


def test_unreadable_headers_are_skipped_and_named(
    tmp_path: Path, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    paths = write("", 30)
    paths[4].write_bytes(b"no image")
    data = prepared(tmp_path)
    assert sum(len(names(data, split)) for split in ("train", "val", "test")) == 29
    assert "1 of 30 images" in caplog.text
    assert "004.png" in caplog.text


def test_too_many_unreadable_photos_stop_the_run(tmp_path: Path, write: Write) -> None:
    for path in write("", 30)[:2]:
        path.write_bytes(b"")
    with pytest.raises(UserError, match=r"data.max_unreadable=0.05: 2 of 30 .*000.png, .*001.png"):
        prepared(tmp_path)


def test_a_folder_of_nothing_readable_stops_the_run(tmp_path: Path, write: Write) -> None:
    for path in write("", 3):
        path.write_bytes(b"")
    with pytest.raises(UserError, match="3 of 3"):
        prepared(tmp_path)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-300])


def test_a_truncated_photo_is_found_while_splitting(
    tmp_path: Path, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    truncate(write("", 30)[7])
    with caplog.at_level(logging.INFO):
        data = prepared(tmp_path)
    assert "near-duplicates among 30 photos" in caplog.text
    assert "007.png" not in {Path(name).name for split in ("train", "val", "test") for name in names(data, split)}


@pytest.mark.parametrize("workers", [0, 2])
def test_a_photo_that_breaks_in_training_is_replaced_by_the_next(tmp_path: Path, write: Write, workers: int) -> None:
    paths = write("train", 24)
    write("val", 2)
    truncate(paths[7])
    truncate(paths[23])
    data = prepared(tmp_path, num_workers=workers, max_unreadable=0.1, flip=0, crop=False, batch_size=24)
    epoch = next(iter(data.train_dataloader()))["image"]
    order = data._views["train"].order  # type: ignore[attr-defined]
    place = {order[p]: p for p in range(24)}
    assert torch.equal(epoch[place[7]], epoch[place[8]])
    assert torch.equal(epoch[place[23]], epoch[place[0]])
    assert len({image.numpy().tobytes() for image in epoch}) == 22
    assert data._stores["train"]["image"].unreadable.count == 2  # also when a worker found it


def test_too_many_photos_that_break_in_training_stop_it(tmp_path: Path, write: Write) -> None:
    for path in write("train", 20)[:3]:
        truncate(path)
    write("val", 2)
    data = prepared(tmp_path, batch_size=20)
    with pytest.raises(UserError, match=r"data.max_unreadable=0.05: 2 of 22"):
        next(iter(data.train_dataloader()))


def test_a_small_split_may_have_a_photo_that_breaks(tmp_path: Path, write: Write) -> None:
    write("train", 20)
    truncate(write("val", 10)[3])
    assert sum(len(batch["image"]) for batch in prepared(tmp_path).val_dataloader()) == 10


@pytest.mark.parametrize("workers", [0, 1])
def test_the_unreadable_photos_of_all_splits_count_together(tmp_path: Path, write: Write, workers: int) -> None:
    header, *_ = write("train", 20)
    header.write_bytes(b"")
    truncate(write("val", 10)[3])
    truncate(write("test", 10)[9])
    data = prepared(tmp_path, num_workers=workers)
    list(data.val_dataloader())  # 2 of 40, which is just allowed
    with pytest.raises(
        UserError, match=r"^data.max_unreadable=0.05: 3 of 40 .*, or allow more: .*test/009.png: .*$"
    ):  # from a worker as well
        list(data.test_dataloader())
