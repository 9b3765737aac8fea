"""Using trained models: on single images, and from folder to folder."""

from gan_lab.jobs.folder import Outcome, Task, plan, report, run
from gan_lab.jobs.pretrained import Pretrained, open_checkpoint
from gan_lab.jobs.progress import Progress

__all__ = ["Outcome", "Pretrained", "Progress", "Task", "open_checkpoint", "plan", "report", "run"]
