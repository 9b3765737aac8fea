from __future__ import annotations

from pathlib import Path

import pytest

from tests.jobs.job import NAMES, Job


@pytest.fixture
def job(tmp_path: Path) -> Job:
    job = Job(tmp_path)
    for index, name in enumerate(NAMES):
        job.photo(name, 20 + 60 * index)
    return job
