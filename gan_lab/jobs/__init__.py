"""Using trained models: on single images, and from folder to folder."""

from gan_lab.jobs.folder import Plan, Task, plan
from gan_lab.jobs.manifest import Manifest, Record, file_sha256
from gan_lab.jobs.outcome import Outcome, report
from gan_lab.jobs.pretrained import Pretrained, open_checkpoint
from gan_lab.jobs.progress import Progress
from gan_lab.jobs.runner import run

__all__ = [
    "Manifest",
    "Outcome",
    "Plan",
    "Pretrained",
    "Progress",
    "Record",
    "Task",
    "file_sha256",
    "open_checkpoint",
    "plan",
    "report",
    "run",
]
