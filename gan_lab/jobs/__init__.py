"""Jobs over folders: photos or generated images to files, resumable, with a manifest and a report."""

from gan_lab.jobs.folder import Plan, Task, plan_job
from gan_lab.jobs.manifest import Manifest, Record
from gan_lab.jobs.outcome import Outcome, report_job
from gan_lab.jobs.progress import Progress
from gan_lab.jobs.runner import run_job

__all__ = [
    "Manifest",
    "Outcome",
    "Plan",
    "Progress",
    "Record",
    "Task",
    "plan_job",
    "report_job",
    "run_job",
]
