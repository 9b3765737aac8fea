"""The doctor's file."""

from __future__ import annotations

import json
from pathlib import Path

from gan_lab.callbacks.doctor.findings import KEPT, Finding, Record


def test_what_comes_and_goes_for_days_does_not_fill_the_file(tmp_path: Path) -> None:
    record = Record(tmp_path / "doctor.json")
    for look in range(2 * KEPT + 20):
        record.update([Finding("noise", look, {}, "it is noisy", "wait")] if look % 2 == 0 else [], look)
    record.write(2 * KEPT + 20)
    past = json.loads(record.path.read_text())["past"]
    assert [each["until"] for each in past] == list(range(21, 2 * KEPT + 20, 2))
