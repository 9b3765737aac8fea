"""What is said at the end of a job, and its exit code."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gan_lab.jobs import Outcome, report_job


def test_a_clean_job_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    report_job(Outcome(Path("out"), planned=3, done=3), "enhanced")
    assert capsys.readouterr().out.split() == ["enhanced", "3", "images", "in", "out"]


def test_the_summary_names_what_went_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    bad = os.fsdecode(b"\xe9\n.png")
    failed = [{"path": f"{n:02}{bad}", "status": "failed", "error": "the file is empty"} for n in range(12)]
    outcome = Outcome(Path("out"), 20, 3, 5, failed, ("old.png",), ("in/secret: Permission denied",))
    with pytest.raises(SystemExit) as stopped:
        report_job(outcome, "enhanced")
    assert stopped.value.code == 1
    assert capsys.readouterr().out.splitlines() == [
        "enhanced     3 images in out",
        "skipped      5 images, done already",
        "failed       12 images:",
        *(f"  {n:02}\\udce9\\n.png: the file is empty" for n in range(10)),
        "  and 2 more",
        "unlisted     1 folders:",
        "  in/secret: Permission denied",
        "left         1 results whose photos are gone:",
        "  old.png",
    ]
