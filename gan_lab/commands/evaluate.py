"""Evaluate a model on held-out photos: `python -m gan_lab.evaluate checkpoint=runs/<name> output=/figures`."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf
from torch import nn

from gan_lab.callbacks import WandbRun
from gan_lab.callbacks.spared import survive_errors
from gan_lab.config import Command, instantiate, parse_trust
from gan_lab.data.base import FACTS, PLACES, ImageDataModule
from gan_lab.data.record import RECORD, find_record
from gan_lab.errors import UserError
from gan_lab.evaluation import (
    HeldOut,
    Picture,
    Report,
    choose_extractor,
    evaluate_augmentation,
    evaluate_generation,
    evaluate_reconstruction,
    evaluate_restoration,
    evaluate_translation,
    write_page,
)
from gan_lab.evaluation.extractors import find_missing_inception
from gan_lab.inference import Pretrained, open_checkpoint
from gan_lab.jobs.folder import output_folder
from gan_lab.metrics import to_uint8
from gan_lab.models.class_rows import describe_change, read_class_names
from gan_lab.networks import HasMultiple
from gan_lab.options import check_image_size, format_value
from gan_lab.photo_files import grid, write_png
from gan_lab.run.resume import merge_loggers
from gan_lab.run.trainer import build_added_loggers
from gan_lab.storage import hash_file
from gan_lab.storage.locks import refuse_linked_folders
from gan_lab.terminal import printable
from gan_lab.version import VERSION

log = logging.getLogger("gan_lab.evaluate")

#: Data settings that change neither which photos there are nor what is seen of them.
LOADING = {
    "batch_size", "num_workers", "worker_timeout", "cache_mb", "cache", "index", "max_unreadable",
    "degradation", "validation_degradation",
}  # fmt: skip


def evaluate(config: DictConfig) -> None:
    """Measure the model of `checkpoint` on the held-out photos of its data, or of those that `data.*` names."""
    if config.n is not None and (not isinstance(config.n, int) or isinstance(config.n, bool) or config.n < 1):
        raise UserError(f"n={config.n}: needs a whole number above 0, or null")
    if config.task not in (None, "augmentation"):
        raise UserError(f"task={config.task}: needs augmentation, or null for the figures of the model's own task")
    pretrained = open_checkpoint(config.checkpoint, config.device, trust=parse_trust(config.trust))
    if pretrained.model is None:
        raise UserError(
            f"checkpoint={config.checkpoint}: no run stands behind it, so no photos were held out; measure it on "
            "yours: python -m gan_lab.compare input=/photos reference=/better output=/compared"
        )
    if config.task is not None:
        pretrained.require("generation")
    folder = output_folder(config.output) if config.output is not None else beside(pretrained.path, config.task)
    torch.manual_seed(config.seed)
    settings = data_settings(pretrained.config["data"], list_given_data(config))
    check_fits(pretrained, settings)
    check_writable(folder)
    if config.output is None:  # it came with the run
        refuse_linked_folders(folder.parent, [folder], "name a folder with output=")
    record = open_record(config, pretrained)
    datamodule: ImageDataModule = instantiate(
        settings, "data", ImageDataModule, pretrained.trust, batch_kind=pretrained.model.batch_kind
    )
    datamodule.record = find_record(pretrained.path)
    if datamodule.record is None and settings.get("split_by"):
        log.info("no %s lies beside %s: the split alone says which photos it was trained on", RECORD, pretrained.path)
    photos = HeldOut(datamodule, own=is_training_data(pretrained.config["data"], settings))
    check_photo_classes(pretrained, datamodule, settings)
    report = measure_model(pretrained, photos, config)
    images, columns = pretrained.model.sample_grid(photos.spread(16))
    cells = to_uint8(images).permute(0, 2, 3, 1).cpu().numpy()
    shown = Picture("Samples", "What the model makes, as in its run's sample grids.", grid(cells, columns))
    report.pictures = {"samples": shown} | report.pictures
    report.protocol |= {
        "checkpoint": str(pretrained.path),
        "checkpoint_sha256": hash_file(pretrained.path),
        "iteration": pretrained.model.iteration,
        "model": pretrained.name,
        "task": pretrained.model.task,
        "data": datamodule.describe(),
        "data_settings": settings,
        "image_size": datamodule.image_size,
        "precision": str(pretrained.dtype).removeprefix("torch."),
        "split": photos.split,
        "seed": config.seed,
        "gan_lab_version": VERSION,
    }
    report.print()
    report.write(folder / "metrics.json")
    for name, picture in report.pictures.items():
        write_png(folder / f"{name}.png", picture.pixels)
    page = write_page(folder, report, f"{pretrained.name}, iteration {pretrained.model.iteration}")
    if record is not None:
        log_report(record, report, page, pretrained.model.iteration)
    print(f"split        {printable(photos.split)}")
    print(f"metrics      {printable(str(folder / 'metrics.json'))}")
    print(f"pictures     {printable(', '.join(str(folder / f'{name}.png') for name in report.pictures))}")
    print(f"page         {printable(str(page))}", flush=True)


def open_record(config: DictConfig, pretrained: Pretrained) -> WandbRun | None:
    """Return the W&B run that the evaluated run has, where `logger=wandb` asks for it.

    Where it is goes by the command line; of the checkpoint it takes what a continued run does.

    Raises:
        UserError: the checkpoint lies in no run's folder, or another logger is asked for.
    """
    if not config.get("logger"):
        return None
    if pretrained.path.parent.name != "checkpoints":
        raise UserError(
            f"logger: checkpoint={pretrained.path} lies in no run's folder, so it has no record; leave logger out"
        )
    folder = pretrained.path.parent.parent
    merged = OmegaConf.merge(config, {"logger": merge_loggers(pretrained.config.get("logger") or {}, config.logger)})
    assert isinstance(merged, DictConfig)
    loggers = build_added_loggers(merged, folder, pretrained.config.get("runs_dir") or folder.parent)
    if len(loggers) != 1 or not isinstance(loggers[0], WandbRun):
        raise UserError(
            f"logger={','.join(map(str, config.logger))}: an evaluation goes to W&B alone; give logger=wandb, or leave it out"
        )
    return loggers[0]


def log_report(record: WandbRun, report: Report, page: Path, iteration: int) -> None:
    """Log a report's table, its numbers and its page, whatever comes of that."""
    numbers = dict(list_numbers(report.figures))
    record.start()
    with survive_errors("the evaluation in W&B's record", Exception):
        record.log_evaluation(report.columns, report.rows, numbers, page, iteration)
    record.finish()


def list_numbers(figures: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Yield the numbers of nested figures with their names, "a/b" of one that is in a group."""
    for name, value in figures.items():
        if isinstance(value, dict):
            yield from list_numbers(value, f"{prefix}{name}/")
        elif isinstance(value, (int, float)):
            yield f"{prefix}{name}", value


def check_fits(pretrained: Pretrained, settings: dict[str, Any]) -> None:
    """Refuse images that the networks of the checkpoint were not built for.

    Raises:
        UserError: the channels differ, or the size of a model that has but one.
    """
    model = pretrained.model
    one_size = model.task in ("generation", "reconstruction") or any(
        name == "generator" and isinstance(network, HasMultiple) for name, network in model.named_children()
    )
    taken: dict[str, tuple[Any, Any]] = {"channels": (settings["channels"], pretrained.channels)}
    if one_size:
        taken["image_size"] = check_image_size("data.image_size", settings["image_size"]), pretrained.image_size
    for name, (given, own) in taken.items():
        if given != own:
            raise UserError(
                f"data.{name}={format_value(given)}: the networks of {pretrained.path} take {format_value(own)}; leave it out"
            )


def check_photo_classes(pretrained: Pretrained, datamodule: ImageDataModule, settings: dict[str, Any]) -> None:
    """Refuse photos whose classes are not those that the model's labels stand for; photos from elsewhere may have none.

    Raises:
        UserError: naming what is gone and what is new.
    """
    before, folders = read_class_names(pretrained.config), places(settings)
    elsewhere = folders != places(pretrained.config["data"])
    if before == [] or not folders or (elsewhere and not datamodule.class_names):  # the demo catalogue is nobody's
        return
    change = describe_change(before or [], datamodule.class_names)
    if change is not None:
        raise UserError(
            f"data.root={format_value(settings.get('root'))}: the classes of the photos are not those of {pretrained.path} "
            f"({change}); name them as they were, or name a folder of photos without classes"
        )


def check_writable(folder: Path) -> None:
    """Look at once whether the figures can be written: minutes of measuring must not end in a folder that refuses them.

    Raises:
        UserError: the folder, or the one that it would be made in, cannot be written to.
    """
    place = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        raise UserError(f"output={folder}: {place} cannot be written to; name another folder with output=")


def measure_model(pretrained: Pretrained, photos: HeldOut, config: DictConfig) -> Report:
    """Take the figures that belong to the model's task."""
    model, n, seed = pretrained.model, config.n, config.seed
    if model.task == "restoration":
        return evaluate_restoration(model, pretrained.name, photos, n=n, traditional=config.traditional, seed=seed)
    if model.task == "reconstruction":
        return evaluate_reconstruction(model, pretrained.name, photos, n=n, seed=seed)
    if config.task == "augmentation":
        return evaluate_augmentation(pretrained, photos, n=n, seeds=config.seeds, seed=seed)
    given = config.extractor
    if not isinstance(given, str | None):
        given = instantiate(given, "extractor", nn.Module, pretrained.trust)
    extractor = choose_extractor(given, model.device, config.extractor_weights)
    if model.task == "translation":
        return evaluate_translation(model, photos, extractor, n=n, seed=seed, name=pretrained.name)
    beside = None
    if given is None and find_missing_inception() is None:
        beside = choose_extractor("inception", model.device)
    return evaluate_generation(pretrained, photos, extractor, n=n, seed=seed, beside=beside)


def beside(checkpoint: Path, task: str | None) -> Path:
    """Return the folder for the figures of a checkpoint that names none: `evaluation`, or the task, in its run's folder."""
    parent = checkpoint.parent
    return (parent.parent if parent.name == "checkpoints" else parent) / (task or "evaluation")


def list_given_data(config: DictConfig) -> dict[str, Any]:
    """Return the data settings that the command line gives, a null among them included; one that it deletes is not given."""
    container = OmegaConf.to_container(config.data, resolve=True)
    assert isinstance(container, dict)
    names = {
        override.key_or_group.replace("/", ".").split(".")[1]
        for override in OverridesParser.create().parse_overrides(list(HydraConfig.get().overrides.task))
        if override.key_or_group.replace("/", ".").startswith("data.")
    }
    return {str(name): value for name, value in container.items() if name in {"batch_size", *names}}


def data_settings(trained: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of the datamodule: those of the checkpoint, with the given ones in their place.

    What says where the photos lie, or how they are degraded, is replaced as a whole: a new `root` takes the place of
    `domain_a` and `domain_b`, a new `degradation` that of `validation_degradation`. Photos from elsewhere that nobody has
    split are test photos all: none of them was trained on.
    """
    settings = {name: value for name, value in trained.items() if name not in (*FACTS, *PLACES)}
    replaced = {
        "root": ("domain_a", "domain_b", "labels", "group_column"),
        "domain_a": ("root", "labels", "group_column"),
        "degradation": ("validation_degradation",),
    }
    # by the place, not by the words: the run's own photos under another spelling were trained on
    own, foreign = places(trained), places(given)
    elsewhere = bool(foreign) and not foreign & own
    if elsewhere and "test_share" in settings:
        settings["test_share"] = 1.0
    for name, others in replaced.items():
        if name in given:
            settings |= dict.fromkeys([other for other in others if other in settings])
    return settings | given


def is_training_data(trained: dict[str, Any], settings: dict[str, Any]) -> bool:
    """Return whether settings give the very training photos, and the pixels, of the checkpoint's run."""
    changed = {name for name in settings if settings[name] != trained.get(name)}
    if "root" in changed and places(settings) == places(trained):
        changed.remove("root")
    return changed <= LOADING


def places(settings: dict[str, Any]) -> set[Path]:
    """Return the folders that data settings name."""
    named = [settings.get(name) for name in ("root", "domain_a", "domain_b")]
    return {
        Path(os.path.realpath(os.path.expanduser(folder))) for folder in named if folder and isinstance(folder, str)
    }


COMMAND = Command(evaluate)
