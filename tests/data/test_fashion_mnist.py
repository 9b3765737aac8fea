from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from gan_lab.data import FashionMNIST
from gan_lab.errors import UserError


def write_idx(path: Path, values: np.ndarray, packed: bool = True) -> None:
    data = bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()
    if packed:
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(data))
    else:
        path.write_bytes(data)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name, count, packed in (("train", 60, True), ("t10k", 20, False)):
        write_idx(tmp_path / f"{name}-images-idx3-ubyte", rng.integers(0, 256, (count, 28, 28), dtype=np.uint8), packed)
        write_idx(tmp_path / f"{name}-labels-idx1-ubyte", (np.arange(count) % 10).astype(np.uint8), packed)
    return tmp_path


def test_pictures_arrive_with_their_labels_packed_or_not(root: Path) -> None:
    data = FashionMNIST(root, batch_size=8, flip=0, split_seed=3)
    data.prepare()
    assert (data.classes, data.channels, data.image_size) == (10, 1, 28)
    (first, *_), labels = data.test_dataloader(), np.arange(20) % 10
    raw = np.frombuffer((root / "t10k-images-idx3-ubyte").read_bytes()[16:], dtype=np.uint8).reshape(20, 1, 28, 28)
    assert np.array_equal(((first["image"].numpy() + 1) * 127.5).round(), raw[:8])
    assert first["label"].tolist() == labels[:8].tolist()


def test_validation_is_held_out_of_training(root: Path) -> None:
    data = FashionMNIST(root, batch_size=5, flip=0, validation_share=0.25)
    data.prepare()
    held_out = {image.numpy().tobytes() for batch in data.val_dataloader() for image in batch["image"]}
    stream = iter(data.train_dataloader())
    trained = {image.numpy().tobytes() for _ in range(9) for image in next(stream)["image"]}
    assert (len(held_out), len(trained)) == (15, 45)
    assert not held_out & trained


def test_without_validation_the_test_pictures_serve_as_both_and_it_is_said(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = FashionMNIST(root, batch_size=5, validation_share=0)
    data.prepare()
    assert data._stores["val"] is data._stores["test"]
    assert "no val split: the test photos serve as both" in caplog.text


def test_grey_can_be_repeated_and_enlarged(root: Path) -> None:
    data = FashionMNIST(root, image_size=32, channels=3, batch_size=4)
    assert next(iter(data.train_dataloader()))["image"].shape == (4, 3, 32, 32)


def test_a_missing_file_is_named_with_where_to_get_it(root: Path) -> None:
    (root / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(UserError, match=r"train-labels-idx1-ubyte.*zalandoresearch"):
        FashionMNIST(root).prepare()
    with pytest.raises(UserError, match=r"data\.root"):
        FashionMNIST().prepare()
    with pytest.raises(UserError, match=r"data\.root=: is empty"):
        FashionMNIST("")


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-50],
        lambda data: data[:10] + b"\xff" + data[11:],
        lambda data: gzip.compress(b"not idx at all"),
        lambda _: b"junk",
    ],
)
def test_a_damaged_file_is_refused(root: Path, damage: object) -> None:
    path = root / "train-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(UserError, match=r"data.root=.*train-images"):
        FashionMNIST(root).prepare()


def test_a_short_file_is_refused(root: Path) -> None:
    path = root / "t10k-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match="its heading says"):
        FashionMNIST(root).prepare()


def test_the_real_files(photos: Path) -> None:
    data = FashionMNIST(photos / "fashion_mnist", batch_size=64)
    data.prepare()
    assert data.describe().count("55000 / 5000 / 10000") == 1
    batch = next(iter(data.train_dataloader()))
    assert batch["image"].shape == (64, 1, 28, 28)
    assert -1 <= batch["image"].min() < batch["image"].max() <= 1
