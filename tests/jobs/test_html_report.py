"""The report: one file that needs nothing else, whatever the names are, however many images and whatever is missing."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from gan_lab.errors import UserError
from gan_lab.jobs import html_report
from gan_lab.jobs.html_report import write_report

NASTY = [
    "née \"café\" 'x' & <b>.jpg",
    "</script><script>document.title='owned'</script>.png",
    "日本語/写真 1.jpg",
    "-dash %20 #1?.png",
    "javascript:alert(1).jpg",
]


def job(root: Path, names: list[str], **more: Any) -> list[dict[str, Any]]:
    """Make grey photos and lighter results, and return their records."""
    records = []
    for name in names:
        for folder, level in (("in", 60), ("out", 200)):
            path = root / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (90, 60), (level, level, level)).save(path, "PNG")
        record = {"path": name, "output": name, "status": "done", "verdict": "accept", "strength": 1.0, "seconds": 0.5}
        records.append(record | {"figures": {}, "notes": []} | more)
    return records


def write(root: Path, records: list[dict[str, Any]], **more: Any) -> str:
    path = write_report(root / "out", root / "in", records, **more)
    assert path == root / "out" / "report.html"
    return path.read_text("utf-8")


def data(page: str) -> dict[str, Any]:
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(found)


def thumbnails(page: str) -> list[list[str]]:
    blocks = re.findall(r'<script type="text/plain" class="thumbnails">(.*?)</script>', page, re.DOTALL)
    return [line.split(" ") for block in blocks for line in block.strip().split("\n")]


def level(thumbnail: str) -> int:
    return round(float(np.asarray(Image.open(io.BytesIO(base64.b64decode(thumbnail))).convert("L")).mean()))


def test_before_and_after_are_in_the_page(tmp_path: Path) -> None:
    page = write(tmp_path, job(tmp_path, ["a.png", "deep/b.png"]))
    assert [record["path"] for record in data(page)["records"]] == ["a.png", "deep/b.png"]
    for width, height, before, after in thumbnails(page):
        assert (width, height) == ("90", "60")
        assert (level(before), level(after)) == (pytest.approx(60, abs=2), pytest.approx(200, abs=2))


def test_the_page_needs_nothing_else(tmp_path: Path) -> None:
    page = write(tmp_path, job(tmp_path, ["a.png"]))
    assert "default-src 'none'" in page
    assert not re.search(r"https?:|//[a-z]|@import|url\(", page)
    assert not re.findall(r'(?:src|href)="[^"]', page)


@pytest.mark.parametrize("name", NASTY)
def test_no_name_breaks_the_page(tmp_path: Path, name: str) -> None:
    if name.startswith("</script>"):
        name = name.replace("/", "\u2215")  # no file system has a name with a slash; the page may still be given one
    records = job(tmp_path, [name], notes=["</script><!-- note"], verdict="</script>")
    records.append({"path": "</script><script>1", "status": "failed", "error": "<img src=x onerror=1>"})
    page = write(tmp_path, records, title="</title>{{data}} & co", settings={"</script>": {"a": "<"}})
    assert page.count("<script") == page.count("</script>") == 3
    assert "onerror" not in page.replace("\\u003cimg src=x onerror=1\\u003e", "")
    assert "<title>&lt;/title&gt;{{data}} &amp; co</title>" in page
    found = data(page)
    assert found["records"][0]["error"] == "<img src=x onerror=1>"
    assert found["records"][1]["path"] == name
    assert found["settings"] == [["</script>.a", "<"]]


@pytest.mark.parametrize("name", [NASTY[0], NASTY[2], NASTY[3], NASTY[4]])
def test_links_lead_to_the_full_size(tmp_path: Path, name: str) -> None:
    (record,) = data(write(tmp_path, job(tmp_path, [name])))["records"]
    for link, folder in ((record["input"], "in"), (record["output"], "out")):
        assert link.startswith("./")
        assert not set(link) & set("?#<>\"' ")
        assert (tmp_path / "out" / unquote(link)).resolve() == (tmp_path / folder / name).resolve()


def test_bytes_that_are_no_text_do_not_stop_it(tmp_path: Path) -> None:
    records = [{"path": "\udce9t\udce9.png", "output": "\udce9t\udce9.png", "status": "done"}]
    (record,) = data(write(tmp_path, records))["records"]
    assert record["output"] == "./%E9t%E9.png"


def test_the_worst_come_first(tmp_path: Path) -> None:
    limits = {"hue_drift": 4.0, "edge_drift": 0.1}
    made = {
        "good": ("done", "accept", {"hue_drift": 0.4, "edge_drift": 0.01}),
        "near": ("done", "accept", {"hue_drift": 0.4, "edge_drift": 0.09}),
        "soft": ("done", "softened", {"hue_drift": 1.0}),
        "softer": ("done", "softened", {"hue_drift": 3.0}),
        "kept": ("done", "kept", {"hue_drift": 9.0}),
        "failed": ("failed", None, {}),
        "unguarded": ("done", "unguarded", {}),
    }
    records = [
        {"path": name, "status": status, "verdict": verdict, "figures": figures}
        for name, (status, verdict, figures) in made.items()
    ]
    found = data(write(tmp_path, records, limits=limits))
    assert [each["path"] for each in found["records"]] == [
        "failed",
        "kept",
        "softer",
        "soft",
        "near",
        "good",
        "unguarded",
    ]
    assert [column["limit"] for column in found["columns"]] == [4.0, 0.1]


def test_figures_have_columns_and_limits_come_first(tmp_path: Path) -> None:
    figures = {"gain": 1.23456789, "hue_drift": float("nan"), "sure": True, "wide": float("inf")}
    page = write(tmp_path, job(tmp_path, ["a.png"], figures=figures), limits={"hue_drift": 4.0, "absent": 1.0})
    found = data(page)
    assert found["columns"][:2] == [
        {"key": "hue_drift", "label": "hue drift", "limit": 4.0},
        {"key": "gain", "label": "gain", "limit": None},
    ]
    assert found["records"][0]["figures"] == [None, 1.2346, None, None]


def test_what_is_missing_or_broken_is_tolerated(tmp_path: Path) -> None:
    records = job(tmp_path, ["a.png", "b.png", "c.png", "d.png", "older.png"])
    (tmp_path / "in" / "a.png").write_bytes(b"no image")
    (tmp_path / "out" / "b.png").unlink()
    for folder in ("in", "out"):
        (tmp_path / folder / "c.png").unlink()
    records[3] = {"path": "d.png", "status": "failed", "error": "truncated"}
    records[4] = {"path": "older.png", "output": "older.png", "status": "failed", "error": "again"}
    page = write(tmp_path, records)
    named = dict(zip([each["path"] for each in data(page)["records"]], thumbnails(page), strict=True))
    assert [
        [part == "-" for part in named[name][2:]] for name in ("a.png", "b.png", "c.png", "d.png", "older.png")
    ] == [
        [True, False],
        [False, True],
        [True, True],
        [False, True],
        [False, True],  # the result in its place is an older one
    ]
    assert all(each["output"] is None for each in data(page)["records"] if each["status"] == "failed")


def test_an_empty_job_has_a_page_too(tmp_path: Path) -> None:
    assert data(write(tmp_path, []))["records"] == []


def test_many_images_fit_into_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html_report, "PAGE", 600_000)
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)  # no picture packs worse
    Image.fromarray(noise).save(tmp_path / "in" / "a.png")
    Image.fromarray(noise).save(tmp_path / "out" / "a.png")
    record = {"path": "a.png", "output": "a.png", "status": "done", "verdict": "accept"}
    few, many = (write(tmp_path, [record] * count) for count in (2, 250))
    assert len(many) < 700_000
    assert int(thumbnails(few)[0][0]) == 300
    assert 60 <= int(thumbnails(many)[0][0]) < 150
    assert len(thumbnails(many)) == 250
    assert {len(line) for line in thumbnails(many)} == {4}


def test_an_enlarged_result_lies_on_its_photo(tmp_path: Path) -> None:
    records = job(tmp_path, ["a.png"])
    Image.new("RGB", (360, 240)).save(tmp_path / "out" / "a.png")
    ((width, height, before, after),) = thumbnails(write(tmp_path, records))
    assert (width, height) == ("360", "240")
    sizes = {Image.open(io.BytesIO(base64.b64decode(each))).size for each in (before, after)}
    assert sizes == {(360, 240)}


def test_large_images_are_read_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html_report, "LARGE", 10)
    page = write(tmp_path, job(tmp_path, [f"{number}.png" for number in range(6)]))
    assert all("-" not in line for line in thumbnails(page))


def test_the_page_is_whole_or_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = write(tmp_path, job(tmp_path, ["a.png"]))

    def broken(*arguments: Any) -> str:
        raise RuntimeError("killed")

    monkeypatch.setattr(html_report, "encode_thumbnail", broken)
    with pytest.raises(RuntimeError):
        write(tmp_path, job(tmp_path, ["a.png", "b.png"]))
    assert (tmp_path / "out" / "report.html").read_text("utf-8") == old
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "b.png", "report.html"]


def test_a_page_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match=r"output: .*report\.html cannot be written"):
        write_report(tmp_path / "file", tmp_path, [])


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium to look at the page with")
def test_a_browser_shows_the_rows_and_runs_no_name(tmp_path: Path) -> None:
    names = [NASTY[0], NASTY[2], "<img src=x onerror=document.title='owned'>.png"]
    records = job(tmp_path, names + [f"{number:03d}.png" for number in range(60)], figures={"hue_drift": 5.0})
    for number in (0, 1, 2, 10):
        records[number]["verdict"] = "kept"
    path = write_report(tmp_path / "out", tmp_path / "in", records, title="Trial", limits={"hue_drift": 4.0})
    command = [
        "chromium",
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--dump-dom",
    ]
    options = [f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1400,900", "--virtual-time-budget=3000"]
    shown = subprocess.run([*command, *options, path.as_uri()], capture_output=True, text=True, timeout=120).stdout
    assert "<title>Trial</title>" in shown
    rows = re.findall(r'role="listitem"', shown)
    assert 5 <= len(rows) < 30  # those in sight, of 63
    first = shown[shown.index('role="listitem"') :]
    assert "onerror=document.title='owned'&gt;.png" in first  # as text
    assert first.index("007.png") < first.index("000.png")  # the kept one
    assert first.count('class="compare') == len(rows)
    assert "figure over" in first
