"""What the doctor finds, and the file that it writes it to."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gan_lab.errors import UserError
from gan_lab.storage import decode_json, plain_data, read_regular, write_atomically
from gan_lab.terminal import printable

#: Iterations in which nothing but a loss that is not finite is reported: every method's first ones look ill.
WARM_UP = 300
#: Verdicts on a run without findings, within the warm-up and after it. See `describe_soundness`.
EARLY, HEALTHY = f"too early to tell, in the first {WARM_UP} iterations", "healthy"
#: Findings that passed, of which the newest stay: one that comes and goes for days must not fill the file.
KEPT = 200
#: Length beyond which a doctor.json is not this program's, in bytes.
MAX_BYTES = 4 * 2**20


def read_saved(path: Path) -> Any:
    """Return the content of a `doctor.json` as plain data.

    Raises:
        OSError, ValueError, UserError: it cannot be read, or is too long, or is no data.
    """
    return plain_data(decode_json(read_regular(path, MAX_BYTES)), str(path))


def read_verdict(path: Path) -> str:
    """Return the verdict that a `doctor.json` holds, as a terminal may show it; "unknown" where it holds none."""
    with suppress(OSError, ValueError, UserError, KeyError, TypeError):
        return printable(str(read_saved(path)["verdict"]))
    return "unknown"


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a run.

    Attributes:
        what: the diagnosis, in a word or two; one of each kind at a time.
        since: the iteration of the earliest evidence.
        evidence: figure -> value.
        says: what is the matter, in plain words.
        advice: which option to change, and a value to try.
    """

    what: str
    since: int
    evidence: dict[str, float]
    says: str
    advice: str

    def __str__(self) -> str:
        return f"{self.says}: {self.advice}"


@dataclass
class Record:
    """A run's `doctor.json`: what is wrong now, what was, and how often the run went back.

    Attributes:
        path: the file.
        findings: what is wrong now, by `what`.
        past: the newest findings that passed, each with the iteration from which on it was gone.
        setbacks: each time the run went back: why, and to where.
        sound: the verdict where there are no findings.
        figures: the newest of the doctor's own, and of those that say whether anything is drawn.
        share: of the run's time that the doctor has taken.
    """

    path: Path
    findings: dict[str, Finding] = field(default_factory=dict)
    past: list[dict[str, Any]] = field(default_factory=list)
    setbacks: list[dict[str, Any]] = field(default_factory=list)
    sound: str = EARLY
    figures: dict[str, float] = field(default_factory=dict)
    share: float = 0.0

    @classmethod
    def read(cls, path: Path, iteration: int) -> Record:
        """Return the record of a run that goes on from `iteration`; findings of later ones will come again."""
        record = cls(path)
        try:
            saved = read_saved(path)
            record.setbacks = list(saved["setbacks"])
            record.past = [passed for passed in saved["past"] if passed["until"] <= iteration]
            now = [Finding(**finding) for finding in saved["findings"]]
            record.findings = {finding.what: finding for finding in now if finding.since <= iteration}
        except (OSError, ValueError, KeyError, TypeError, UserError):  # no file, or one that somebody else wrote
            return cls(path)
        return record

    def update(self, found: list[Finding], iteration: int) -> tuple[list[Finding], list[Finding]]:
        """Take what is found now; return what is new and what has passed."""
        now = {finding.what: finding for finding in found}
        new = [finding for what, finding in now.items() if what not in self.findings]
        gone = [finding for what, finding in self.findings.items() if what not in now]
        self.past = [*self.past, *(asdict(finding) | {"until": iteration} for finding in gone)][-KEPT:]
        since = {what: finding.since for what, finding in self.findings.items()}
        self.findings = {what: Finding(**asdict(f) | {"since": since.get(what, f.since)}) for what, f in now.items()}
        return new, gone

    def write(self, iteration: int) -> None:
        """Write the file, whole: what is known up to an iteration."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        contents = {
            "iteration": iteration,
            "verdict": "; ".join(f.says for f in self.findings.values()) or self.sound,
            "findings": [asdict(finding) for finding in self.findings.values()],
            "past": self.past,
            "setbacks": self.setbacks,
            "figures": self.figures,
            "share_of_time": round(self.share, 5),
        }
        text = json.dumps(contents, indent=1).encode()
        with write_atomically(self.path) as file:
            file.write(text)
