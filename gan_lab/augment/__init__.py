"""What is done to images before the discriminator sees them, real and fake alike, with a gradient."""

from gan_lab.augment.noise import InstanceNoise

__all__ = ["InstanceNoise"]
