"""Translate a folder of photos: `python -m gan_lab.translate checkpoint=runs/<name> input=/photos output=/results`."""

from __future__ import annotations

import logging
from typing import Any

import torch
from omegaconf import DictConfig

from gan_lab.config import Command, parse_trust
from gan_lab.inference import open_checkpoint
from gan_lab.inference.translation import TranslationWish, translate_photo
from gan_lab.jobs import Task, plan_job, report_job, run_job
from gan_lab.jobs.html_report import write_report
from gan_lab.jobs.options import check_photo_options
from gan_lab.photo_files.photo import check_result, read_photo, write_photo
from gan_lab.photo_files.provenance import FILLED, Provenance

log = logging.getLogger("gan_lab.translate")

#: What decides a result beside the photo and the weights.
DECIDING = (
    "direction",
    "size",
    "full_size",
    "strength",
    "format",
    "quality",
    "provenance",
    "drop_gps",
    "tile",
    "max_pixels",
    "precision",
    "seed",
)


def translate(config: DictConfig) -> None:
    """Give every photo of `input` the look of the other domain of the model of `checkpoint`."""
    wish = TranslationWish(config.direction, config.size, config.strength, config.tile, config.full_size)
    check_photo_options(config)
    todo = plan_job(config.input, config.output, config.format)
    pretrained = open_checkpoint(config.checkpoint, config.device, config.precision, parse_trust(config.trust))
    pretrained.require("translation")
    translation = pretrained.translation
    assert translation is not None
    translation.check(wish)
    log.info("%s", pretrained.choice)
    torch.manual_seed(config.seed)
    most = config.max_result_pixels
    settings: dict[str, Any] = {name: config[name] for name in DECIDING}
    settings |= {"command": "translate", "model": pretrained.name, "model_sha256": pretrained.sha256}

    def work(task: Task) -> dict[str, Any]:
        photo = read_photo(task.source, settings["max_pixels"])
        height, width = photo.pixels.shape[:2]
        shown = translation.size(width, height, wish)
        for size in {shown, (width, height)} if wish.full_size else {shown}:
            check_result(task.target, (width, height), size, most)
        made = translate_photo(translation, photo, wish)
        provenance = None
        if settings["provenance"] == "on":
            source = FILLED if wish.strength > 0 else None
            provenance = Provenance(pretrained.sha256, wish.strength, settings, digital_source_type=source)
        quality, drop_gps = settings["quality"], settings["drop_gps"]
        written = write_photo(task.target, made, provenance=provenance, drop_gps=drop_gps, quality=quality)
        height, width = made.pixels.shape[:2]
        return {"size": [width, height], "notes": [*photo.metadata.notes, *written]}

    outcome = run_job(todo, work, settings=settings, verb="translating", jobs=config.jobs)
    if config.report:
        title = f"Translated {config.direction} with {pretrained.name}"
        write_report(outcome.output, todo.root, outcome.records, title=title, settings=settings)
    report_job(outcome, "translated")


COMMAND = Command(translate)
