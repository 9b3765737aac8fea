"""The training doctor: what is wrong with a run, in plain words, and what to change. See docs/doctor.md."""

from gan_lab.callbacks.doctor.doctor import Doctor

__all__ = ["Doctor"]
