"""A sweep's table, out of files that a job left, or somebody else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gan_lab.errors import UserError
from gan_lab.run.sweep import describe_job, quote_formula, read_settings

SOUND = "overrides: [seed=1, +x=2]\nmonitor: [val/psnr, max]\n"
#: Each line is nine times as long as the one before, once its references are followed.
BOMB = "\n".join(
    ["a0: &a0 {x: 1, y: 2}"] + [f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}" for i in range(1, 9)]
)


def job(tmp_path: Path, settings: str, figures: str = "iteration,val/psnr\n1,20\n2,nan\n3,22\n") -> Path:
    folder = tmp_path / "0"
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_text(settings)
    (folder / "metrics.csv").write_text(figures)
    return folder


def test_a_job_is_told_by_its_files(tmp_path: Path) -> None:
    row = describe_job(job(tmp_path, SOUND))
    assert row["overrides"] == ["seed=1", "+x=2"]
    assert (row["best"], row["iterations"], row["status"], row["rank"]) == (22.0, "3", "done", (0, -22.0, 0))


@pytest.mark.parametrize(
    "settings",
    [
        BOMB,
        "a: &a [1]\nb: *a\n",
        "overrides: []\n",
        "overrides: [a]\nmonitor: 3\n",
        "[" * 5000,
        "z: !!int ''\n",
        "z: !!timestamp 'q'\n",
        "z: !!python/object/apply:os.system ['touch owned']\n",
        "z: 2020-01-01\noverrides: []\nmonitor: [a, b]\n",
        "\x00",
    ],
)
def test_settings_of_another_form_are_one_line(settings: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = job(tmp_path, settings)
    with pytest.raises(UserError, match=r"config\.yaml"):
        read_settings(folder / "config.yaml")
    assert describe_job(folder)["rank"] == (2, 0.0, 0)
    assert not (tmp_path / "owned").exists()


def test_an_interpolation_in_a_jobs_settings_stays_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "hidden")
    overrides, _ = read_settings(job(tmp_path, "overrides: ['x=${oc.env:TOKEN}']\nmonitor: [a, b]\n") / "config.yaml")
    assert overrides == ["x=${oc.env:TOKEN}"]


@pytest.mark.parametrize("figures", ["a,b\n" + "x" * 200_000, "val/psnr\nx\n", "val/psnr\n3\n", ""])
def test_figures_of_another_form_do_not_end_the_table(figures: str, tmp_path: Path) -> None:
    assert "status" in describe_job(job(tmp_path, SOUND, figures))


def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    folder = job(tmp_path, SOUND)
    for name in ("config.yaml", "metrics.csv", "error.txt"):
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)
    assert describe_job(folder)["status"] != "done"


def test_no_cell_is_a_formula() -> None:
    for text in ("=cmd|' /C calc'!A0", "+x=1", "-x", "@SUM(A1)", "\t=1", "\r=1"):
        assert quote_formula(text) == f"'{text}"
    for value in ("-0.5", "+3", "-inf", "seed=1", "", 3, -2.5, None):
        assert quote_formula(value) == value
