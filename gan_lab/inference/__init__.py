"""Trained models as tools: a checkpoint is opened, and images go in and come out."""

from gan_lab.inference.pretrained import Pretrained, open_checkpoint

__all__ = ["Pretrained", "open_checkpoint"]
