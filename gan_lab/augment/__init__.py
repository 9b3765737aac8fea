"""Augmentation of what a discriminator sees, real and fake alike: for training on few photos.

augment: {_target_: gan_lab.augment.DiffAugment}                     # every image, always; nothing to tune
augment: {_target_: gan_lab.augment.ADA}                             # as strong as D's overfitting asks for
augment: {_target_: gan_lab.augment.ADA, target: null, p: 0.2}       # of a fixed strength
"""

from gan_lab.augment.ada import ADA
from gan_lab.augment.diffaugment import DiffAugment

__all__ = ["ADA", "DiffAugment"]
