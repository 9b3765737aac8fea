"""Photos in tar files: the same stream as from a folder, without unpacking, and nothing that a hostile tar could do."""

from __future__ import annotations

import gzip
import io
import itertools
import os
import pickle
import shutil
import tarfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan_lab.data import Products, shards
from gan_lab.data.index import Index
from gan_lab.data.layouts import ALL, find_layout
from gan_lab.data.root import Root
from gan_lab.errors import UserError
from gan_lab.photo_files import read_image
from tests.fixtures.heif import FOLDER as HEIF

from .conftest import Write
from .test_products import prepared

LONG_AGO = 1_600_000_000


def pack(path: Path, root: Path, files: Iterable[Path]) -> Path:
    """Write files under `root` into a shard."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as shard:
        for file in files:
            shard.add(file, file.relative_to(root).as_posix())
    return path


def pack_bytes(path: Path, **contents: bytes) -> Path:
    """Write a shard of such contents; __ stands for a dot in a name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as shard:
        for name, content in contents.items():
            member = tarfile.TarInfo(name.replace("__", "."))
            member.size = len(content)
            shard.addfile(member, io.BytesIO(content))
    return path


def png(shade: int = 0) -> bytes:
    """Return a picture as a file's bytes; its shade tells it from others."""
    content = io.BytesIO()
    Image.new("RGB", (48, 40), (shade, 80, 120)).save(content, "PNG")
    return content.getvalue()


def batches(data: Products, count: int) -> list[dict[str, torch.Tensor]]:
    return list(itertools.islice(data.train_dataloader(), count))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_shard_shows_what_its_folder_shows(tmp_path: Path, write: Write, workers: int) -> None:
    paths = [path for name in ("hat", "shoe") for path in write(f"photos/{name}", 12)]
    pack(tmp_path / "shards/all.tar", tmp_path / "photos", paths)
    one, other = (prepared(tmp_path / name, batch_size=4, num_workers=workers) for name in ("photos", "shards"))
    assert other.class_names == ["hat", "shoe"]
    assert other.counts("val") == one.counts("val")
    for mine, theirs in zip(batches(one, 8), batches(other, 8), strict=True):
        torch.testing.assert_close(theirs, mine, rtol=0, atol=0)


def test_splits_pairs_and_domains_may_be_shards(tmp_path: Path, write: Write) -> None:
    names = {"train": 5, "val": 3, "trainA": 4, "trainB": 2, "lq": 3, "gt": 3}
    photos = {name: write(f"photos/{name}", count) for name, count in names.items()}
    for layout in (("train", "val"), ("trainA", "trainB"), ("lq", "gt")):
        for name in layout:
            pack(tmp_path / "-".join(layout) / name / "0.tar", tmp_path / "photos" / name, photos[name])
    counts = {
        layout: {split: {role: len(table) for role, table in roles.items()} for split, roles in found.items()}
        for layout in ("train-val", "trainA-trainB", "lq-gt")
        for found in (find_layout(tmp_path / layout),)
    }
    assert counts == {
        "train-val": {"train": {"image": 5}, "val": {"image": 3}},
        "trainA-trainB": {"train": {"A": 4, "B": 2}},
        "lq-gt": {ALL: {"gt": 3, "lq": 3}},
    }
    data = prepared(tmp_path / "lq-gt", batch_kind="paired", batch_size=1, near_duplicates=None, test_share=0.0)
    assert data.counts("train")["gt"] + data.counts("val")["gt"] == 3
    assert batches(data, 1)[0]["lq"].shape == (1, 3, 32, 32)


def test_several_shards_are_one_table(tmp_path: Path, write: Write) -> None:
    paths = write("photos", 7)
    for number, part in enumerate((paths[:3], paths[3:])):
        pack(tmp_path / f"shards/{number}.tar", tmp_path / "photos", part)
    (table,) = find_layout(tmp_path / "shards")[ALL].values()
    assert table.files.list_names(table.numbers) == [
        f"{row // 3 if row < 6 else 1}.tar/{row:03d}.png" for row in range(7)
    ]
    for row, path in enumerate(paths):
        part = table.files.open_part(row)
        assert part is not None
        with part:
            assert part.read() == path.read_bytes()
            assert (part.seek(-4, os.SEEK_END), part.read(100)) == (path.stat().st_size - 4, path.read_bytes()[-4:])
    turned = pickle.loads(pickle.dumps(table.take([6, 0])))
    assert turned.files.list_names(turned.numbers) == ["1.tar/006.png", "0.tar/000.png"]
    assert np.array_equal(turned.read(0, channels=3), read_image(paths[6]))


def test_a_class_may_stand_beside_its_photo(tmp_path: Path) -> None:
    pack_bytes(tmp_path / "words/0.tar", a__png=png(), a__cls=b"hat\n", b__png=png(9), b__cls=b"7")
    (table,) = find_layout(tmp_path / "words")[ALL].values()
    assert table.classes.tolist() == ["hat", "7"]
    pack_bytes(
        tmp_path / "json/0.tar", a__json=b'{"label": 3}', a__png=png(), b__jpg=png(9), b__json=b'{"class": "hat"}'
    )
    (table,) = find_layout(tmp_path / "json")[ALL].values()
    assert table.classes.tolist() == ["3", "hat"]
    pack_bytes(tmp_path / "broken/0.tar", a__json=b"{", a__png=png())
    with pytest.raises(UserError, match=r"data.root=.*: a.json in .*0.tar cannot be read as a class"):
        find_layout(tmp_path / "broken")


def test_a_second_start_lists_no_shard_that_is_unchanged(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, listed, listing = write("photos", 8), [], shards.list_shard
    monkeypatch.setattr(shards, "list_shard", lambda shard, root: listed.append(shard.name) or listing(shard, root))
    for number in range(2):
        os.utime(pack(tmp_path / f"shards/{number}.tar", tmp_path / "photos", paths[number::2]), (LONG_AGO, LONG_AGO))
    monkeypatch.setattr(shards, "SETTLED_NS", -(10**12))  # what a test has just written counts as settled

    def start() -> Products:
        return prepared(tmp_path / "shards", index=tmp_path / "index")

    first = start()
    assert sorted(listed) == ["0.tar", "1.tar"]
    listed.clear()
    second = start()
    assert listed == []
    for mine, theirs in zip(batches(first, 3), batches(second, 3), strict=True):
        torch.testing.assert_close(theirs, mine, rtol=0, atol=0)
    pack(tmp_path / "shards/1.tar", tmp_path / "photos", paths[1:])
    assert start().counts("train")["image"] > second.counts("train")["image"]
    assert listed == ["1.tar"]


def test_a_photo_that_cannot_be_read_is_named_and_skipped(
    tmp_path: Path, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/bad.png").write_bytes(b"no picture")
    (tmp_path / "photos/empty.png").write_bytes(b"")
    pack(tmp_path / "shards/0.tar", tmp_path / "photos", [*write("photos", 6), *tmp_path.glob("photos/[be]*.png")])
    data = prepared(tmp_path / "shards", max_unreadable=0.5)
    assert "2 of 8 images cannot be read and are skipped" in caplog.text
    assert "0.tar/bad.png" in caplog.text
    assert sum(data.counts(split).get("image", 0) for split in ("train", "val", "test")) == 6


@pytest.mark.parametrize("damage", ["cut", "overwritten", "packed", "text"])
def test_a_damaged_shard_is_refused(tmp_path: Path, write: Write, damage: str) -> None:
    shard = pack(tmp_path / "shards/0.tar", tmp_path / "photos", write("photos", 6))
    content = bytearray(shard.read_bytes())
    with tarfile.open(shard) as file:
        places = [(member.offset, member.offset_data, member.size) for member in file]
    if damage == "cut":
        shard.write_bytes(content[: places[3][1] + places[3][2] // 2])
    elif damage == "overwritten":
        content[places[3][0] : places[3][0] + 300] = b"x" * 300
        shard.write_bytes(content)
    elif damage == "packed":
        shard.write_bytes(gzip.compress(bytes(content)))
    else:
        shard.write_text("not a tar")
    with pytest.raises(
        UserError, match=r"data.root=.*: .*0\.tar is (damaged: after [34] photos|no tar file that can be read)"
    ):
        find_layout(tmp_path / "shards")


def test_names_and_links_lead_nowhere(tmp_path: Path) -> None:
    """A member is read where it lies in the shard, whatever it is called; links and devices are no photos."""
    (tmp_path / "secret.png").write_bytes(png(1))
    (tmp_path / "shards").mkdir()
    with tarfile.open(tmp_path / "shards/0.tar", "w") as shard:
        for name in ("../../secret.png", str(tmp_path / "secret.png"), ".thumbs/small.png"):
            member = tarfile.TarInfo(name)
            member.size = len(png(200))
            shard.addfile(member, io.BytesIO(png(200)))
        for name, kind in (
            ("link.png", tarfile.SYMTYPE),
            ("hard.png", tarfile.LNKTYPE),
            ("pipe.png", tarfile.FIFOTYPE),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, str(tmp_path / "secret.png")
            shard.addfile(member)
    (table,) = find_layout(tmp_path / "shards")[ALL].values()
    assert len(table) == 2
    for row in range(2):
        part = table.files.open_part(row)
        assert part is not None
        assert part.read() == png(200)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["0.tar", "secret.png", "shards"]


def test_photos_of_their_own_come_before_shards(tmp_path: Path, write: Write) -> None:
    pack(tmp_path / "photos/backup.tar", tmp_path / "photos", write("photos", 3))
    (table,) = find_layout(tmp_path / "photos")[ALL].values()
    assert len(table) == 3
    shutil.rmtree(tmp_path / "photos")
    pack_bytes(tmp_path / "photos/0.tar", readme__txt=b"nothing")
    with pytest.raises(UserError, match=r"data\.root=.*: no image in the 1 tar files under"):
        find_layout(tmp_path / "photos")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"label":' * 50_000, "{"])
def test_json_beside_a_photo_that_cannot_be_followed_is_one_line(tmp_path: Path, text: str) -> None:
    shard = pack_bytes(tmp_path / "0.tar", a__png=png(), a__json=text.encode()[: shards.MOST_OF_A_CLASS])
    with pytest.raises(UserError, match=r"data\.root=.*: a\.json in .*0\.tar cannot be read as a class"):
        shards.list_shard(shard, Root("root", tmp_path))


def test_a_pipe_in_the_place_of_a_shard_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "0.tar")
    with pytest.raises(UserError, match="not a regular file"):
        shards.list_shard(tmp_path / "0.tar", Root("root", tmp_path))


def test_photos_in_a_shard_go_by_content_too_and_what_cannot_be_read_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = tmp_path / "photos"
    pack_bytes(
        root / "0.tar",
        a__png=png(),
        without=png(1),
        c__heic=(HEIF / "alpha.heic").read_bytes(),
        d__nef=b"II*",
        **{"@eaDir/e__png": png(), "README": b"nothing"},
    )
    os.utime(root / "0.tar", (LONG_AGO, LONG_AGO))
    for _ in range(2):  # the second time from the index
        caplog.clear()
        (table,) = find_layout(root, index=Index(tmp_path / "index"))[ALL].values()
        assert [Path(name).name for name in table.names] == ["a.png", "without", "c.heic"]
        assert [table.read(row, 3).shape for row in range(3)] == [(40, 48, 3), (40, 48, 3), (48, 80, 3)]
        assert [record.getMessage().rpartition(": ")[2] for record in caplog.records] == [
            f"1 .nef ({root}/0.tar/d.nef)"
        ]
