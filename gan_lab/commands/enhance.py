"""Enhance a folder of photos: `python -m gan_lab.enhance input=/photos output=/better`."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from gan_lab.config import Command, parse_trust
from gan_lab.errors import UserError
from gan_lab.fidelity.guard import Thresholds
from gan_lab.imaging.adjust import Adjustment
from gan_lab.inference import Pretrained, open_checkpoint
from gan_lab.inference.enhancement import Enhanced, Finish, enhance_photo, mask_of
from gan_lab.inference.restoration import Wish
from gan_lab.jobs import Task, plan_job, report_job, run_job
from gan_lab.jobs.html_report import write_report
from gan_lab.jobs.masks import add_masks
from gan_lab.jobs.options import check_photo_options
from gan_lab.photo_files import read_image
from gan_lab.photo_files.formats import NAMES
from gan_lab.photo_files.photo import check_result, read_photo, write_photo
from gan_lab.photo_files.provenance import ENHANCED, FILLED, Provenance
from gan_lab.storage import write_atomically

log = logging.getLogger("gan_lab.enhance")

#: What decides a result beside the photo, its mask and the weights.
DECIDING = (
    *("correct", "scale", "strength", "format", "quality", "guard", "adjust", "ground", "provenance", "drop_gps"),
    *("tile", "max_pixels", "precision", "seed"),
)
#: The suffixes of a format, by Pillow's name of it.
SUFFIXES = {name: NAMES[name] for name in ("JPEG", "PNG", "WEBP", "TIFF")}


def enhance(config: DictConfig) -> None:
    """Enhance every photo of `input`; what an earlier call has done already is left as it is."""
    wish = Wish(config.correct, config.scale, config.strength, config.tile)
    finish = Finish(Adjustment(**fields_only(config.adjust, Adjustment, "adjust")), config.ground)
    check_photo_options(config, guard__enabled=config.guard.enabled)
    guard = thresholds(config.guard)
    todo = add_masks(plan_job(config.input, config.output, config.format), config.mask)
    pretrained = open_checkpoint(config.checkpoint, config.device, config.precision, parse_trust(config.trust))
    pretrained.require("restoration")
    assert pretrained.restoration is not None
    pretrained.restoration.check(wish)
    log.info("%s", pretrained.choice)
    torch.manual_seed(config.seed)
    settings = {name: value for name, value in list_settings(config).items() if name in DECIDING}
    settings |= {"command": "enhance", "model": pretrained.name, "model_sha256": pretrained.sha256}
    work = worker(pretrained, wish, guard, finish, settings, config.max_result_pixels)
    outcome = run_job(todo, work, settings=settings, verb="enhancing", jobs=config.jobs)
    if config.report:
        limits = None if guard is None else asdict(guard)
        title = f"Enhanced with {pretrained.name}"
        write_report(outcome.output, todo.root, outcome.records, title=title, settings=settings, limits=limits)
    report_job(outcome, "enhanced")


def worker(
    pretrained: Pretrained,
    wish: Wish,
    guard: Thresholds | None,
    finish: Finish,
    settings: Mapping[str, Any],
    most: int,
) -> Callable[[Task], dict[str, Any]]:
    """Return a function that makes the result of one task, of at most so many pixels, and returns its record."""
    restoration = pretrained.restoration
    assert restoration is not None

    def work(task: Task) -> dict[str, Any]:
        photo = read_photo(task.source, settings["max_pixels"])
        height, width = photo.pixels.shape[:2]
        whole, size = restoration.plan_size(wish.scale, height, width)
        check_result(task.target, (width, height), size[::-1], most)
        if whole**2 * height * width > max(most, height * width):
            raise UserError(
                f"max_result_pixels={most}: for scale={wish.scale} this photo of {width}x{height} is enlarged {whole} times on "
                "the way; give more, or ask for a smaller result"
            )
        mask = read_mask(task.others[0], width, height) if task.others else None
        made = enhance_photo(restoration, photo, wish, mask=mask, guard=guard, finish=finish)
        untouched = (made.strength == 0 or wish.correct == "none") and size == (height, width) and finish == Finish()
        own_format = task.target.suffix.lower() in SUFFIXES.get(photo.metadata.format, ())
        if untouched and own_format and not settings["drop_gps"]:
            copy(task.source, task.target)
            return make_record(made, width, height)
        provenance = None
        if settings["provenance"] == "on":
            filled = mask is not None and mask.any() and wish.fills and made.strength > 0
            source = None if untouched else FILLED if filled else ENHANCED
            provenance = Provenance(pretrained.sha256, made.strength, settings, digital_source_type=source)
        written = write_photo(
            task.target,
            made.photo,
            provenance=provenance,
            drop_gps=settings["drop_gps"],
            quality=settings["quality"],
        )
        return make_record(made, width, height, written)

    return work


def make_record(made: Enhanced, width: int, height: int, notes: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the manifest's record of a photo."""
    return {
        "verdict": made.verdict,
        "strength": round(made.strength, 4),
        "size": [width, height],
        "figures": {name: round(float(value), 4) for name, value in made.figures.items()},
        "notes": [*made.notes, *notes],
    }


def copy(source: Path, target: Path) -> None:
    """Copy a file's bytes, whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as old, write_atomically(target) as new:
        shutil.copyfileobj(old, new)


def read_mask(path: Path, width: int, height: int) -> Any:
    """Return a mask as uint8 [H, W], 255 in holes.

    Raises:
        UserError: it has another size than its photo.
    """
    mask = mask_of(read_image(path, channels=1))
    if mask.shape != (height, width):
        raise UserError(
            f"mask {path}: {mask.shape[1]}x{mask.shape[0]}, and its photo {width}x{height}; make them equal"
        )
    return mask


def thresholds(guard: DictConfig) -> Thresholds | None:
    """Return the guard's limits; None where it is off."""
    limits = fields_only(guard, Thresholds, "guard", "enabled")
    return Thresholds(**limits) if guard.enabled else None


def fields_only(group: DictConfig, kind: type[Any], name: str, *others: str) -> dict[str, Any]:
    """Return the settings of a group as the fields of a dataclass, without the `others` among them.

    Raises:
        UserError: there are more (`+` adds a key without a look at what there is).
    """
    settings = {str(key): value for key, value in group.items() if key not in others}
    known = [field.name for field in fields(kind)]
    for key in settings.keys() - known:
        raise UserError(f"{name}.{key}: there is no such key; under {name} there are: {', '.join((*others, *known))}")
    return settings


def list_settings(config: DictConfig) -> dict[str, Any]:
    """Return the configuration in plain containers."""
    container = OmegaConf.to_container(config, resolve=True)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


COMMAND = Command(enhance)
