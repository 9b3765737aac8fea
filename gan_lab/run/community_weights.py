"""A run that goes on from a restorer of others: `init_from=RealESRGAN_x4plus.pth`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, open_dict

from gan_lab.errors import UserError
from gan_lab.inference.bundle import is_bundle
from gan_lab.inference.community import PACKAGE, read_source, recognise
from gan_lab.models import Enhancer, ManualModule
from gan_lab.networks import CommunityNetwork

log = logging.getLogger("gan_lab.train")

#: Files that are weights of others whatever is in them.
SUFFIXES = (".pth", ".pt")


def is_community_source(init_from: str | None) -> bool:
    """Return whether `init_from=` names weights of others: a file of theirs, or those in an installed package."""
    if init_from is None:
        return False
    path = Path(init_from).expanduser()
    if init_from.startswith(PACKAGE):
        return True
    return path.is_file() and (path.suffix in SUFFIXES or (path.suffix == ".safetensors" and not is_bundle(path)))


def insert_generator(config: DictConfig, model_class: type[ManualModule]) -> None:
    """Put the description of the network that `init_from` holds into a new run's `model.generator`.

    Raises:
        UserError: the model restores no photos; the weights cannot be read, or are of no network for photos.
    """
    source = str(config.init_from)
    if not issubclass(model_class, Enhancer):
        raise UserError(
            f"init_from={source}: holds a restorer, and model._target_={config.model._target_} is none; take "
            "experiment=restorer, or model=enhancer"
        )
    descriptor = read_descriptor(source)
    if descriptor.purpose not in ("SR", "Restoration") or descriptor.input_channels != config.data.channels:
        raise UserError(
            f"init_from={source}: {descriptor.architecture.name} is for {descriptor.purpose} of {descriptor.input_channels} "
            f"channels; name one that enlarges or restores photos of {config.data.channels}"
        )
    sizes = descriptor.size_requirements
    given: dict[str, Any] = getattr(descriptor.model, "hyperparameters", {})
    with open_dict(config):
        config.model.generator = {
            "_target_": "gan_lab.networks.CommunityNetwork",
            "architecture": str(descriptor.architecture.id),
            # what is no plain value, as a class of norm layers, has its default
            "settings": {name: value for name, value in given.items() if is_plain(value)},
            "scale": descriptor.scale,
            "multiple": sizes.multiple_of,
            "smallest": max(1, sizes.minimum),
        }
    log.info(
        "init_from=%s: model.generator is its %s, scale %d", source, descriptor.architecture.name, descriptor.scale
    )
    if descriptor.scale > 1:
        log.info(
            "init_from=%s: photos must be reduced by %d, as data/degradation=half_size or quarter_size does",
            source,
            descriptor.scale,
        )


def take_community_weights(model: ManualModule, init_from: str) -> None:
    """Fill the generator that `insert_generator` has described, and its average.

    Raises:
        UserError: the weights cannot be read, or do not fit.
    """
    assert isinstance(model, Enhancer)
    weights = read_descriptor(init_from).model.state_dict()
    averaged = [] if model.generator_ema is None else [model.generator_ema.module]
    for generator in (model.generator, *averaged):
        assert isinstance(generator, CommunityNetwork)
        try:
            generator.network.load_state_dict(weights)
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:200]
            raise UserError(
                f"init_from={init_from}: its weights do not fit the network of its settings ({reason}); name another"
            ) from error
    log.info("init_from=%s: took %d tensors", init_from, len(weights))


def read_descriptor(init_from: str) -> Any:
    """Return spandrel's description of a source, with its network."""
    where = f"init_from={init_from}"
    return recognise(read_source(init_from, where)[0], where)


def is_plain(value: object) -> bool:
    """Return whether a value may stand in a configuration."""
    if isinstance(value, tuple | list):
        return all(map(is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)
