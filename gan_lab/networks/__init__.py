"""Generators, discriminators, encoders and their parts, in plain torch."""

from gan_lab.networks.cluster_choice import ClusterChoice
from gan_lab.networks.code_transformer import CodeTransformer
from gan_lab.networks.community_network import CommunityNetwork
from gan_lab.networks.conv import ConvDiscriminator
from gan_lab.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from gan_lab.networks.dcgan28 import ConvDiscriminator28, DenseGenerator28
from gan_lab.networks.discriminator import Discriminator
from gan_lab.networks.efficientnet_lite import EfficientNetLite, efficientnet_lite
from gan_lab.networks.ema import ExponentialMovingAverage
from gan_lab.networks.evaluation_mode import evaluation_mode
from gan_lab.networks.feature_discriminator import FeatureDiscriminator, ProjectedDiscriminator
from gan_lab.networks.feature_groups import FeatureGroups
from gan_lab.networks.features import Inception, RandomVGG, VGG19Features, inception, vgg19_features
from gan_lab.networks.initialisation import initialise
from gan_lab.networks.joint_call import call_jointly
from gan_lab.networks.light import Light, LightCorrector, relight
from gan_lab.networks.mlp import MLPDiscriminator, MLPGenerator
from gan_lab.networks.norm import ConditionalBatchNorm2d, InstanceNorm2d, Norm, norm_layer
from gan_lab.networks.patch_projector import PatchProjector
from gan_lab.networks.patchgan import PatchDiscriminator
from gan_lab.networks.perceptual_distance import PerceptualDistance
from gan_lab.networks.protocols import HasAttention, HasEncoder, HasLatents, HasMultiple
from gan_lab.networks.quantizer import VectorQuantizer
from gan_lab.networks.r3gan import R3GANDiscriminator, R3GANGenerator
from gan_lab.networks.recomputation import recompute_activations
from gan_lab.networks.resnet import ResnetGenerator
from gan_lab.networks.resnet_gan import ResidualDiscriminator, ResidualGenerator
from gan_lab.networks.restorer import Restorer
from gan_lab.networks.skip_generator import SkipGenerator
from gan_lab.networks.spectral_norm import spectral_normalise
from gan_lab.networks.torchvision_features import TorchvisionFeatures, torchvision_features
from gan_lab.networks.unet import UNetGenerator
from gan_lab.networks.vae import ConvDecoder, ConvEncoder
from gan_lab.networks.vq_vae import GridDecoder, GridEncoder

__all__ = [
    "ClusterChoice",
    "CodeTransformer",
    "CommunityNetwork",
    "ConditionalBatchNorm2d",
    "ConvDecoder",
    "ConvDiscriminator",
    "ConvDiscriminator28",
    "ConvEncoder",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "DenseGenerator28",
    "Discriminator",
    "EfficientNetLite",
    "ExponentialMovingAverage",
    "FeatureDiscriminator",
    "FeatureGroups",
    "GridDecoder",
    "GridEncoder",
    "HasAttention",
    "HasEncoder",
    "HasLatents",
    "HasMultiple",
    "Inception",
    "InstanceNorm2d",
    "Light",
    "LightCorrector",
    "MLPDiscriminator",
    "MLPGenerator",
    "Norm",
    "PatchDiscriminator",
    "PatchProjector",
    "PerceptualDistance",
    "ProjectedDiscriminator",
    "R3GANDiscriminator",
    "R3GANGenerator",
    "RandomVGG",
    "ResidualDiscriminator",
    "ResidualGenerator",
    "ResnetGenerator",
    "Restorer",
    "SkipGenerator",
    "TorchvisionFeatures",
    "UNetGenerator",
    "VGG19Features",
    "VectorQuantizer",
    "call_jointly",
    "efficientnet_lite",
    "evaluation_mode",
    "inception",
    "initialise",
    "norm_layer",
    "recompute_activations",
    "relight",
    "spectral_normalise",
    "torchvision_features",
    "vgg19_features",
]

#: What a configuration may describe, one in a checkpoint from elsewhere among them; see gan_lab/config/targets.py.
LOADABLE = frozenset(
    {
        "CodeTransformer",
        "CommunityNetwork",
        "ConvDecoder",
        "ConvDiscriminator",
        "ConvDiscriminator28",
        "ConvEncoder",
        "DCGANDiscriminator",
        "DCGANGenerator",
        "DenseGenerator28",
        "FeatureDiscriminator",
        "FeatureGroups",
        "GridDecoder",
        "GridEncoder",
        "LightCorrector",
        "MLPDiscriminator",
        "MLPGenerator",
        "PatchDiscriminator",
        "ProjectedDiscriminator",
        "R3GANDiscriminator",
        "R3GANGenerator",
        "RandomVGG",
        "ResidualDiscriminator",
        "ResidualGenerator",
        "ResnetGenerator",
        "Restorer",
        "SkipGenerator",
        "UNetGenerator",
        "VectorQuantizer",
    }
)
