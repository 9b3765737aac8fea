"""Generators, discriminators and their parts, in plain torch."""

from gan_lab.networks.conv import ConvDiscriminator
from gan_lab.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from gan_lab.networks.discriminator import Discriminator
from gan_lab.networks.ema import ExponentialMovingAverage
from gan_lab.networks.initialisation import initialise
from gan_lab.networks.norm import ConditionalBatchNorm2d, Norm, norm_layer, spectral_normalise
from gan_lab.networks.patchgan import PatchDiscriminator
from gan_lab.networks.resnet import ResnetGenerator

__all__ = [
    "ConditionalBatchNorm2d",
    "ConvDiscriminator",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "Discriminator",
    "ExponentialMovingAverage",
    "Norm",
    "PatchDiscriminator",
    "ResnetGenerator",
    "initialise",
    "norm_layer",
    "spectral_normalise",
]
