"""Augmentation of what a discriminator sees, real and fake alike and with a gradient: for training on few photos.

augment: {_target_: gan_lab.augment.DiffAugment}                     # every image, always; nothing to tune
augment: {_target_: gan_lab.augment.ADA}                             # as strong as D's overfitting asks for
augment: {_target_: gan_lab.augment.ADA, target: null, p: 0.2}       # of a fixed strength
augment: {_target_: gan_lab.augment.InstanceNoise}                   # white noise that fades out
"""

from gan_lab.augment.ada import ADA
from gan_lab.augment.diffaugment import DiffAugment
from gan_lab.augment.noise import InstanceNoise
from gan_lab.augment.protocols import Adaptive, FollowsProgress

__all__ = ["ADA", "Adaptive", "DiffAugment", "FollowsProgress", "InstanceNoise"]

#: What a configuration may describe, one in a checkpoint from elsewhere among them; see gan_lab/config/targets.py.
LOADABLE = frozenset(
    {
        "ADA",
        "DiffAugment",
        "InstanceNoise",
    }
)
