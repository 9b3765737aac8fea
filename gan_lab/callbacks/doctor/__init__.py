"""The training doctor: what is wrong with a run, in plain words, and what to change. See docs/doctor.md."""

from gan_lab.callbacks.doctor.doctor import Doctor
from gan_lab.callbacks.doctor.rollback import go_back

__all__ = ["Doctor", "go_back"]
