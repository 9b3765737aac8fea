"""Every model with few channels: what the tests train, so that they wait for the code and not for convolutions."""

from __future__ import annotations

_DCGAN = ["++model.generator.width=4", "++model.discriminator.width=4"]
_R3GAN = [
    f"++model.{network}.{option}"
    for network in ("generator", "discriminator")
    for option in ("width=4", "max_width=8", "blocks=1", "group_width=4")
]
_CONVS = ["++model.encoder.widths=[4,8]", "++model.decoder.widths=[4,8]", "model.encoder.latents=8"]
_DRIFTING = ["model.samples=4", "model.clusters=2", "model.photos=8", "model.memory=16", "++model.generator.clusters=2"]
_CLASSES = ["++model.generator.clusters=12", "model.memory=48"]
_ENHANCER = ["++model.generator.width=4", "++model.generator.blocks=1", "++model.discriminator.widths=[4]"]
#: Overrides by the name of the model's yaml; one that is not here is small, or has no widths to set.
NARROW = {
    "cgan": _DCGAN,
    "cgan_projection": _DCGAN,
    "code_prior": [f"++model.transformer.{option}" for option in ("width=8", "blocks=1", "heads=2")],
    "cut": [*_DCGAN, "++model.generator.blocks=1"],
    "cyclegan": [*_DCGAN, "++model.generator.blocks=1"],
    "dcgan": _DCGAN,
    "drifting": ["++model.generator.width=2", "++model.discriminator.width=2", *_DRIFTING],
    "drifting_classes": ["++model.generator.width=2", "++model.discriminator.width=2", *_DRIFTING, *_CLASSES],
    "eagan": _ENHANCER,
    "enhancer": _ENHANCER,
    "light": ["++model.generator.bins=4", "++model.generator.hidden=8"],
    "lsgan": _DCGAN,
    "mlp_gan": ["++model.generator.widths=[8,8]", "++model.discriminator.widths=[8,8]"],
    "pix2pix": _DCGAN,
    "r3gan": _R3GAN,
    "restorer": ["++model.generator.width=4", "++model.generator.blocks=[1,1]"],
    "sngan": _DCGAN,
    "vae": _CONVS,
    "vae_gan": [*_CONVS, "++model.discriminator.width=4"],
    "vq_vae": ["++model.encoder.width=8", "++model.quantizer.codes=4"],
    "wgan_gp": _DCGAN,
}
