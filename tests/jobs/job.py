"""A job on a folder of photos, for the tests of this folder."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gan_lab.jobs import Outcome, Plan, Task, plan_job, run_job
from gan_lab.jobs.sampling import as_photo
from gan_lab.photo_files import read_image

Work = Callable[[Task], dict[str, Any]]

NAMES = ["a.png", "b.jpg", "deep/c.webp", "deep/\u00c4rmel blau.PNG"]


class Job:
    """A folder of photos, and a job on it that counts what it does."""

    def __init__(self, folder: Path) -> None:
        self.input, self.output = folder / "in", folder / "out"
        self.called: list[str] = []
        self.others: dict[str, Path] = {}

    def photo(self, name: str, value: int = 90) -> Path:
        path = self.input / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (12, 8), (value, value, value)).save(path)
        return path

    def plan(self, format: str = "png") -> Plan:
        planned = plan_job(self.input, self.output, format)
        given = {name: (path,) for name, path in self.others.items()}
        return replace(planned, tasks=tuple(replace(task, others=given.get(task.name, ())) for task in planned.tasks))

    def invert(self, task: Task) -> dict[str, Any]:
        self.called.append(task.name)
        pixels = read_image(task.source)
        as_photo(255 - pixels)(task.target, None)
        return {"figures": {"mean": np.float32(pixels.mean())}, "verdict": "accept", "notes": ["inverted"]}

    def run(self, work: Work | None = None, *, format: str = "png", jobs: int = 1, **settings: Any) -> Outcome:
        self.called.clear()
        return run_job(self.plan(format), work or self.invert, settings=settings, verb="inverting", jobs=jobs)

    def redone(self, **settings: Any) -> list[str]:
        """Run once more; return what was done anew, having seen that all else was neither touched nor forgotten."""
        before = {path: path.stat() for path in self.output.rglob("*.png")}
        outcome = self.run(**settings)
        done = {record["output"] for record in outcome.records if record["path"] in self.called}
        for path, status in before.items():
            if path.exists() and str(path.relative_to(self.output)) not in done:
                assert path.stat() == status
        assert (outcome.done, outcome.failures) == (len(self.called), [])
        assert outcome.done + outcome.skipped == outcome.planned == len(outcome.records)
        assert [record["path"] for record in self.records()] == sorted(record["path"] for record in outcome.records)
        return sorted(self.called)

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.output / "manifest.jsonl").read_bytes().splitlines()[1:]]


def failing(job: Job, error: BaseException, name: str = "b.jpg") -> Work:
    def work(task: Task) -> dict[str, Any]:
        if task.name == name:
            raise error
        return job.invert(task)

    return work


def sha256(path: Path) -> str:
    return subprocess.check_output(["sha256sum", str(path)], text=True).split()[0].lstrip("\\")
