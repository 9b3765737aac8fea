"""The trained VQ-VAE that a prior over codes is made of."""

from __future__ import annotations

import inspect
import logging
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from gan_lab import checkpoint
from gan_lab.config import parse_trust, resolve
from gan_lab.errors import UserError
from gan_lab.models import VQVAE, CodePrior
from gan_lab.networks.quantizer import perplexity
from gan_lab.options import check_image_size, format_value
from gan_lab.storage.tensor_files import load_weights

log = logging.getLogger("gan_lab.train")

#: Codes in use below which all pictures are nearly alike.
FEWEST = 2.0


def insert_autoencoder(config: DictConfig) -> None:
    """Put the description of the VQ-VAE that `model.codes` names into a new run's `model.autoencoder`.

    Raises:
        UserError: `model.codes` names none, or one for other images.
    """
    source = find_source(config)
    content = checkpoint.read_once(source)["config"]
    description = content["model"]
    target = resolve(description.get("_target_"), parse_trust(config.trust))
    if not (inspect.isclass(target) and issubclass(target, VQVAE)):
        raise UserError(
            f"model.codes={config.model.codes}: holds a {target.__name__}, whose images have no codes; name a run of "
            "model=vq_vae"
        )
    data = content.get("data", {})
    own_size = check_image_size("data.image_size", config.data.image_size)
    given = {
        "image_size": (own_size, checkpoint.read_image_size(data, source)),
        "channels": (config.data.channels, data.get("channels")),
    }
    for name, (own, theirs) in given.items():
        if own != theirs:
            shown = format_value(theirs)
            raise UserError(
                f"data.{name}={format_value(own)}: the codes of model.codes={config.model.codes} are of images with {shown}; "
                f"give data.{name}={shown}, or train a vq_vae on such images"
            )
    with open_dict(config):
        # its loss is of no use here, and the network of this term may not be on the next machine
        config.model.autoencoder = description | {"lambda_perceptual": 0.0}


def fill_autoencoder(config: DictConfig, model: CodePrior) -> None:
    """Give the autoencoder of a new run's model the weights that `model.codes` holds; warn where its codes say nothing.

    Raises:
        UserError: `model.codes` names no checkpoint, or its weights do not fit it.
    """
    source = find_source(config)
    load_weights(model.autoencoder, checkpoint.read_once(source)["state_dict"], source)
    checkpoint.forget()
    counts = model.autoencoder.quantizer.counts
    in_use = float(perplexity(counts)) if bool(counts.any()) else 0.0
    log.info("model.codes=%s: %.0f of %d codes in use", source, in_use, len(counts))
    if in_use < FEWEST:
        log.warning(
            "model.codes=%s: %s, so all pictures will be nearly alike; train that vq_vae for longer first",
            source,
            "one code stands for nearly everything" if in_use else "its codebook was never trained",
        )


def find_source(config: DictConfig) -> Path:
    """Return the checkpoint that `model.codes` means.

    Raises:
        UserError: it names none.
    """
    codes: Any = OmegaConf.select(config, "model.codes")
    if codes is None:
        raise UserError("model.codes: missing; name the run of a vq_vae, which comes first: model.codes=runs/<name>")
    return checkpoint.find_checkpoint_file("model.codes", codes)
