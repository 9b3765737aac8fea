"""The manifest's file and what it compares: no record is lost, none deceives."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan_lab.errors import UserError
from gan_lab.jobs import Manifest
from gan_lab.jobs.manifest import Fingerprint, encode_record, fingerprint, make_plain, settings_sha256
from gan_lab.photo_files import UnreadableImage

OLD = time.time_ns() - 3600 * 10**9


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_bytes().splitlines()]


def fill(folder: Path, *paths: str, strength: float = 1.0, **more: Any) -> Manifest:
    with Manifest(folder, {"strength": strength}) as manifest:
        for path in paths:
            manifest.append({"path": path, "settings_sha256": manifest.settings_sha256, **more})
    return manifest


def test_each_record_is_there_at_once(tmp_path: Path) -> None:
    with Manifest(tmp_path, {"strength": 1}) as manifest:
        assert lines(tmp_path) == [{"manifest": 1, "settings": {manifest.settings_sha256: {"strength": 1}}}]
        manifest.append({"path": "b.png"})
        assert lines(tmp_path)[1:] == [{"path": "b.png"}]
        manifest.append({"path": "a.png"})
        manifest.append({"path": "b.png", "again": True})
        assert len(lines(tmp_path)) == 4
        manifest.compact()
        assert lines(tmp_path)[1:] == [{"path": "a.png"}, {"path": "b.png", "again": True}]
    assert os.listdir(tmp_path) == ["manifest.jsonl"]


def test_the_later_record_counts(tmp_path: Path) -> None:
    fill(tmp_path, "a.png", n=1)
    with (tmp_path / "manifest.jsonl").open("ab") as file:
        file.write(encode_record({"path": "a.png", "n": 2}))
    assert Manifest(tmp_path, {}).records["a.png"]["n"] == 2


@pytest.mark.parametrize(
    "torn", [b'{"path": "c.png", "fig', b'{"path": "c.png\xff\n', b"\0\0\0\0", b'{"path": "c.p\xc3', b"[]\n"]
)
def test_a_torn_line_is_dropped_and_nothing_else(tmp_path: Path, torn: bytes) -> None:
    fill(tmp_path, "a.png", "b.png")
    with (tmp_path / "manifest.jsonl").open("ab") as file:
        file.write(torn)
    manifest = fill(tmp_path, "d.png")
    assert sorted(manifest.records) == ["a.png", "b.png", "d.png"]
    assert [line["path"] for line in lines(tmp_path)[1:]] == ["a.png", "b.png", "d.png"]


def test_a_spoilt_line_costs_no_other(tmp_path: Path) -> None:
    fill(tmp_path, "a.png", "b.png", "c.png")
    whole = (tmp_path / "manifest.jsonl").read_bytes()
    (tmp_path / "manifest.jsonl").write_bytes(whole.replace(b'"b.png"', b'"b.png'))
    assert sorted(Manifest(tmp_path, {}).records) == ["a.png", "c.png"]


def test_the_header_keeps_the_settings_of_every_record(tmp_path: Path) -> None:
    fill(tmp_path, "a.png", strength=0.5)
    fill(tmp_path, "b.png", strength=0.7)
    with Manifest(tmp_path, {"strength": 0.9}) as manifest:
        assert sorted(each["strength"] for each in lines(tmp_path)[0]["settings"].values()) == [0.5, 0.7, 0.9]
        manifest.append({"path": "a.png", "settings_sha256": manifest.settings_sha256})
        manifest.compact()
    header, *records = lines(tmp_path)
    assert [header["settings"][record["settings_sha256"]]["strength"] for record in records] == [0.9, 0.7]
    assert len(header["settings"]) == 2


@pytest.mark.parametrize(
    "foreign", [b"my notes\n", b'{"path": "a.png"}\n', b'{"manifest": 2, "settings": {}}\n', b"\n"]
)
def test_a_foreign_file_is_not_touched(tmp_path: Path, foreign: bytes) -> None:
    (tmp_path / "manifest.jsonl").write_bytes(foreign)
    with pytest.raises(UserError, match=r"manifest.jsonl .*move it away"):
        Manifest(tmp_path, {})
    assert (tmp_path / "manifest.jsonl").read_bytes() == foreign


def test_an_empty_file_is_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "manifest.jsonl").touch()
    assert fill(tmp_path, "a.png").records.keys() == {"a.png"}
    (tmp_path / "manifest.jsonl").unlink()
    (tmp_path / "manifest.jsonl").mkdir()
    with pytest.raises(UserError, match=r"manifest.jsonl cannot be read .Is a directory"):
        Manifest(tmp_path, {})


def test_any_name_comes_back(tmp_path: Path) -> None:
    names = [
        "\u00c4rmel.png",
        "cafe\u0301.png",
        "caf\u00e9.png",
        os.fsdecode(b"\xe9t\xe9.png"),
        "a\nb\u2028c.png",
        '"\\.png',
    ]
    fill(tmp_path, *names)
    assert sorted(Manifest(tmp_path, {}).records) == sorted(names)
    assert "\u00c4rmel.png" in (tmp_path / "manifest.jsonl").read_text()


def test_a_record_that_cannot_be_written_leaves_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    with Manifest(tmp_path, {}) as manifest:
        manifest.append({"path": "a.png"})
        monkeypatch.setattr(os, "write", lambda file, line: real(file, line[:7]))  # as on a disk that is just full
        with pytest.raises(OSError, match="No space left"):
            manifest.append({"path": "b.png"})
        monkeypatch.undo()
        manifest.append({"path": "c.png"})
    assert [line["path"] for line in lines(tmp_path)[1:]] == ["a.png", "c.png"]


def test_settings_are_told_apart_by_content_alone() -> None:
    base = settings_sha256({"strength": 1.0, "adjust": {"contrast": 1, "brightness": 2}, "size": None})
    assert (
        settings_sha256({"size": None, "adjust": {"brightness": 2, "contrast": 1}, "strength": np.float32(1)}) == base
    )
    for other in ({"strength": 0.999}, {"size": 0}, {"adjust": {"contrast": 2, "brightness": 1}}, {"more": None}):
        settings = {"strength": 1.0, "adjust": {"contrast": 1, "brightness": 2}, "size": None} | other
        assert settings_sha256(settings) != base


def test_what_is_no_json_is_made_so_or_refused() -> None:
    figures = {
        "psnr": np.float64("inf"),
        "nan": float("nan"),
        "dE": np.float32(0.5),
        "n": np.int64(3),
        "ok": np.bool_(True),
    }
    made = make_plain({"figures": figures, "notes": ("a", "b")})
    assert made == {"figures": {"psnr": None, "nan": None, "dE": 0.5, "n": 3, "ok": True}, "notes": ["a", "b"]}
    assert json.loads(encode_record(made)) == made
    with pytest.raises(TypeError, match="not for a manifest"):
        make_plain({"path": object()})


def settled(path: Path, content: bytes) -> Fingerprint:
    """Write a file and return its fingerprint as if that were long ago."""
    path.write_bytes(content)
    return fingerprint(path, own=True)


def test_an_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    known = settled(tmp_path / "a", b"one")
    lie = Fingerprint("0" * 64, known.stamp)
    assert fingerprint(tmp_path / "a", lie) is lie


def test_a_change_that_keeps_size_and_time_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")
    os.utime(path, ns=(OLD, OLD))
    known = fingerprint(path, own=True)
    time.sleep(0.02)  # a tick of the file system's clock
    path.write_bytes(b"two")
    os.utime(path, ns=(OLD, OLD))
    assert fingerprint(path, known).sha256 != known.sha256


def test_another_file_in_its_place_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "a"
    known = settled(path, b"one")
    (tmp_path / "b").write_bytes(b"two")
    os.replace(tmp_path / "b", path)
    assert fingerprint(path, known).sha256 != known.sha256


def test_a_young_file_is_not_trusted_by_its_stamp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")
    assert fingerprint(path).stamp == ""
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3)
    assert fingerprint(path).stamp != ""


def test_the_same_content_is_the_same_wherever_it_lies(tmp_path: Path) -> None:
    assert settled(tmp_path / "a", b"one").sha256 == settled(tmp_path / "b", b"one").sha256


def test_what_would_block_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnreadableImage, match="not a regular file"):
        fingerprint(tmp_path / "pipe")


@pytest.mark.parametrize(
    "record",
    [
        b"[" * 100_000,
        b'{"path":' * 50_000,
        *(
            json.dumps({"path": "a.png"} | spoilt).encode()
            for spoilt in (
                {"settings_sha256": ["a"]},
                {"figures": [1]},
                {"notes": 3},
                {"notes": [3]},
                {"stamps": 3},
                {"stamps": {"inputs": 3}},
                {"stamps": {"inputs": [3]}},
                {"stamps": {"output": 3}},
                {"others_sha256": [{}]},
                {"others_sha256": None},
                {"output": "a\0b"},
                {"path": "a\0b"},
                {"status": 3},
                {"size": 3},
            )
        ),
    ],
)
def test_a_record_of_another_form_counts_as_none(
    tmp_path: Path, record: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    fill(tmp_path, "b.png", status="done", output="b.png", stamps={"inputs": ["1"], "output": "2"}, notes=["x"])
    with (tmp_path / "manifest.jsonl").open("ab") as file:
        file.write(record + b"\n")
    manifest = Manifest(tmp_path, {"strength": 1.0})
    assert list(manifest.records) == ["b.png"]
    assert "manifest.jsonl: 1 records cannot be read; their photos are done again" in caplog.text
    manifest.compact()


def test_a_pipe_in_the_place_of_the_manifest_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "manifest.jsonl")
    with pytest.raises(UserError, match="not a regular file"):
        Manifest(tmp_path, {})
