"""What became of a job, and what is said of it at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gan_lab.jobs.manifest import Record
from gan_lab.terminal import printable


@dataclass
class Outcome:
    """What became of a job.

    Attributes:
        output: the results' folder.
        planned: images that there were to do.
        done: images done now.
        skipped: images that were done already.
        records: of all images done, skipped or failed, sorted by path; see `run`.
        left: results, by their path in `output`, that no photo stands behind any more.
        unlisted: folders of photos that may not be listed, with the reason.
        others: files beside the photos that are none.
        aside: hidden files and folders of the system, which were left out.
        signal: the signal that stopped the job; None where it came to its end.
    """

    output: Path
    planned: int = 0
    done: int = 0
    skipped: int = 0
    records: list[Record] = field(default_factory=list)
    left: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()
    signal: int | None = None

    @property
    def failures(self) -> list[Record]:
        """Return the records of the images that failed."""
        return [record for record in self.records if record["status"] == "failed"]

    @property
    def exit_code(self) -> int:
        """Return 0 where all went well, 1 where something failed, 128 + the signal where one stopped the job."""
        return 128 + self.signal if self.signal is not None else int(bool(self.failures or self.unlisted))


def report_job(outcome: Outcome, what: str) -> None:
    """Print what was done; leave with the outcome's exit code if that is not 0.

    Args:
        outcome: of `run`.
        what: what was done: "enhanced".
    """
    print(f"{what:<12} {outcome.done} images in {printable(str(outcome.output))}")
    if outcome.skipped:
        print(f"{'skipped':<12} {outcome.skipped} images, done already")
    _list("failed", "images", [f"{record['path']}: {record['error']}" for record in outcome.failures])
    _list("unlisted", "folders", outcome.unlisted)
    _list("no photos", "files", outcome.others)
    _list("left out", "files and folders of the system", outcome.aside)
    _list("left", "results whose photos are gone", outcome.left)
    if outcome.signal is not None:
        left = outcome.planned - len(outcome.records)
        print(f"{'stopped':<12} {left} images are left; run the same command again to go on")
    if outcome.exit_code:
        raise SystemExit(outcome.exit_code)


def _list(what: str, things: str, lines: Sequence[str]) -> None:
    if lines:
        print(f"{what:<12} {len(lines)} {things}:", *map(printable, lines[:10]), sep="\n  ")
    if len(lines) > 10:
        print(f"  and {len(lines) - 10} more")
