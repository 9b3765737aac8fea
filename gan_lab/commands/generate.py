"""Generate images: `python -m gan_lab.generate checkpoint=runs/<name> n=64 output=/images`."""

from __future__ import annotations

import logging
import re
from functools import partial
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from gan_lab.config import Command, instantiate, parse_trust
from gan_lab.data.base import FACTS, PLACES, ImageDataModule
from gan_lab.data.views import collate
from gan_lab.errors import UserError
from gan_lab.inference import Pretrained, open_checkpoint
from gan_lab.inference.generation import Encoded, Generation, Latents, check_strength, class_number, is_number
from gan_lab.inference.latents import directions, walk_in_circle
from gan_lab.inference.preference import PreferenceSearch, Renders
from gan_lab.inference.pretrained import number_images
from gan_lab.jobs import Progress, report_job
from gan_lab.jobs.folder import find_input, output_folder
from gan_lab.jobs.preference import add_preferred, check_apart, read_examples
from gan_lab.jobs.sampling import add_images, gallery
from gan_lab.jobs.variants import add_variants
from gan_lab.models.class_rows import describe_change
from gan_lab.options import check_whole
from gan_lab.photo_files import grid, read_image
from gan_lab.photo_files.animation import write_animation
from gan_lab.photo_files.listing import path_order
from gan_lab.terminal import printable

log = logging.getLogger("gan_lab.generate")

#: What decides a picture beside its number and the weights; and what else does for an animation, for variants, and by
#: a taste.
DECIDING = ("seed", "label", "truncation", "format", "provenance", "precision")
DECIDING_ANIMATION, DECIDING_VARIANTS = ("interpolate", "frames", "fps", "first", "grid"), ("strength", "direction")
DECIDING_TASTE = ("candidates", "n", "first")
#: Photos that a direction is taken from at most: with an encoder, and where each is searched for, in fewer steps.
LABELLED, SEARCHED = 2000, 64
SEARCH_STEPS = 100
#: Steps in which an image is steered towards a taste.
STEER_STEPS = 20


def generate(config: DictConfig) -> None:
    """Write `n` images of the model of `checkpoint`, or an animation between some, or variants of photos, or by a taste."""
    numbers = number_images(config.n, config.first)
    check_options(config)
    output_folder(config.output)
    pretrained = open_checkpoint(config.checkpoint, config.device, config.precision, parse_trust(config.trust))
    pretrained.require("generation")
    generation = pretrained.generation
    assert generation is not None
    classes = generation.classes(parse_classes(config.label))
    drawn = generation.draw_latents(config.seed, config.truncation)
    log.info("%s", pretrained.choice)
    if config.image is not None:
        vary(pretrained, generation, drawn, numbers, config)
    elif config.interpolate is not None:
        animate(pretrained, generation, drawn, classes, config)
    elif config.like is not None:
        prefer(pretrained, generation, drawn, classes, numbers, config)
    else:
        draw_images(pretrained, generation, drawn, classes, numbers, config)


def draw_images(
    pretrained: Pretrained,
    generation: Generation,
    drawn: Latents,
    classes: list[int],
    numbers: range,
    config: DictConfig,
) -> None:
    """Write images of random latents and a grid of them; with classes in turn, each column is one class."""
    with (
        gallery(config.output, settings(pretrained, config), marked=config.provenance == "on") as album,
        Progress("generating", len(numbers)) as progress,
    ):
        add_images(
            album,
            {number: f"seed{config.seed}-{number:06d}.{suffix(config)}" for number in numbers},
            partial(generation.images, latents=drawn, classes=classes),
            details=partial(generation.class_of, classes=classes),
            progress=progress,
            columns=columns(config.grid, len(classes)),
        )
    report_job(album.outcome, "generated")


def animate(
    pretrained: Pretrained, generation: Generation, drawn: Latents, classes: list[int], config: DictConfig
) -> None:
    """Write an animation through some images and back to the first; several classes go side by side."""
    walk = walk_in_circle(drawn(range(config.first, config.first + config.interpolate)), config.frames)
    own = settings(pretrained, config, DECIDING_ANIMATION)
    name = f"interpolation.{suffix(config)}"
    with (
        gallery(config.output, own, marked=config.provenance == "on") as album,
        Progress("generating", len(walk) * len(classes)) as progress,
    ):
        strips: list[list[Any]] = [[] for _ in classes]
        for strip, label in zip(strips, classes, strict=True):
            along = lambda numbers: walk[[number % len(walk) for number in numbers]]  # noqa: E731
            for _, images in generation.images(range(len(walk)), along, [label]):
                strip += list(images)
                progress.advance(len(images))
        across = columns(config.grid, len(classes)) or len(classes)
        frames = [grid(together, across) for together in zip(*strips, strict=True)]
        album.add(name, lambda path, provenance: write_animation(path, frames, config.fps, provenance), {})
        album.outcome.done += progress.done
    report_job(album.outcome, "generated")
    print(f"animation    {printable(str(album.folder / name))}, {len(frames)} frames", flush=True)


def prefer(
    pretrained: Pretrained,
    generation: Generation,
    drawn: Latents,
    classes: list[int],
    numbers: range,
    config: DictConfig,
) -> None:
    """Write images near to the photos of `like`, the nearest first, and a grid of them."""
    steps = config.steer
    if steps is None:
        steps = STEER_STEPS if isinstance(generation.model, Renders) else 0
    search = PreferenceSearch(generation, drawn, classes, f"like={config.like}", steering=steps > 0)
    liked, unliked = (read_examples(pretrained, search, option, config[option]) for option in ("like", "unlike"))
    check_apart(liked, unliked)
    own = settings(pretrained, config, DECIDING_TASTE)
    own |= {"steer": steps, "like": liked.record, "unlike": unliked.record}
    with gallery(config.output, own, marked=config.provenance == "on") as album:
        add_preferred(
            album,
            search,
            liked,
            unliked,
            numbers=numbers,
            candidates=config.candidates,
            steps=steps,
            file_name=f"seed{config.seed}-{{:06d}}.{suffix(config)}",
            columns=columns(config.grid, 1),
        )
    report_job(album.outcome, "generated")


def vary(pretrained: Pretrained, generation: Generation, drawn: Latents, numbers: range, config: DictConfig) -> None:
    """Write variants of a photo, or of each photo of a folder."""
    root, found = find_input(config.image, "image")
    photos = [root / name for name in sorted((*found.photos, *found.unread), key=path_order)]
    single = Path(config.image).expanduser().is_file()
    if single:
        read_image(photos[0])  # a single photo that cannot be read is an error; of several, the others go on
    direction = None if config.direction is None else direction_of(pretrained, generation, config)

    def way(encoded: Encoded) -> Latents:
        if direction is None:
            return generation.vary(encoded.z, drawn, config.strength)
        return generation.towards(encoded.z, direction, config.strength, numbers.stop)

    # along a direction, n says how long a step is
    own = settings(pretrained, config, (*DECIDING_VARIANTS, *(() if direction is None else ("n", "first"))))
    with gallery(config.output, own, marked=config.provenance == "on") as album:
        add_variants(
            album,
            pretrained,
            photos,
            way,
            root=None if single else root,
            numbers=numbers,
            label=parse_classes(config.label),
            strength=config.strength,
            file_name=f"seed{config.seed}-{{:06d}}.{suffix(config)}",
            columns=columns(config.grid, 1),
        )
    album.outcome.unlisted = tuple(found.unlisted)
    album.outcome.others, album.outcome.aside = tuple(found.others), tuple(found.aside)
    report_job(album.outcome, "generated")


def direction_of(pretrained: Pretrained, generation: Generation, config: DictConfig) -> Tensor:
    """Return the direction from the other classes to one, of the run's training photos or those of `data.root`: [latents].

    Raises:
        UserError: the model is conditional, the photos have no classes, or not this one.
    """
    if generation.conditional:
        raise UserError(
            f"direction={config.direction}: {pretrained.name} was trained with classes, which its latents know nothing of; "
            "leave direction= out, or take a model without classes"
        )
    datamodule = load_labelled_photos(pretrained, config.data.root)
    if not datamodule.class_names:
        raise UserError(
            f"direction={config.direction}: the run's photos have no classes; name a folder with one folder per class: "
            "data.root=/photos"
        )
    check_number(pretrained, config, datamodule.class_names)
    chosen = class_number(
        "direction", parse_classes(config.direction), datamodule.class_names, datamodule.classes, "the data"
    )
    view = datamodule.train_dataloader().dataset
    count = min(len(view), LABELLED if generation.encodes else SEARCHED)  # type: ignore[arg-type]
    starts = range(0, count, 64)
    z, labels = [], []
    steps = len(starts) * (1 if generation.encodes else SEARCH_STEPS)
    with Progress("searching the data", steps, unit="steps") as progress:
        for start in starts:
            batch = collate([view[position] for position in range(start, min(start + 64, count))])
            z.append(generation.encode(batch["image"], [0], progress.advance, SEARCH_STEPS)[0].cpu())
            labels.append(batch["label"])
    member = torch.cat(labels) == chosen
    if member.all() or not member.any():
        what = "is all of" if member.all() else "is not among"
        raise UserError(
            f"direction={config.direction}: the class {what} the {len(member)} photos that were looked at, and a direction is "
            "what tells a class from others; name a folder with photos of each class, one folder per class: data.root=/photos"
        )
    return directions(torch.cat(z), member.long(), 2)[1]


def check_number(pretrained: Pretrained, config: DictConfig, names: list[str]) -> None:
    """Refuse the number of a class where the classes of the run's photos are not what they were when it was counted.

    Raises:
        UserError: naming what is gone and what is new.
    """
    direction, before = str(config.direction), pretrained.config["data"].get("class_names")
    if config.data.root is not None or not before or not direction.isdigit() or direction in names:
        return
    change = describe_change(before, names)
    if change is not None:
        raise UserError(
            f"direction={direction}: the classes of the run's photos have changed ({change}), and a number would mean another "
            "one; give the class by its name"
        )


def load_labelled_photos(pretrained: Pretrained, root: str | None) -> ImageDataModule:
    """Return the run's data, or those of another folder cut and resized in the same way."""
    given = {name: value for name, value in pretrained.config["data"].items() if name not in (*FACTS, *PLACES)}
    if root is not None:
        others = {"domain_a", "domain_b", "labels", "group_column"} & given.keys()
        given |= dict.fromkeys(others) | {"root": root}
    datamodule: ImageDataModule = instantiate(
        given, "data", ImageDataModule, pretrained.trust, batch_kind=pretrained.model.batch_kind
    )
    datamodule.prepare(training=False)
    if "train" not in datamodule.splits:
        raise UserError(f"data.root={root}: has no photos to take a direction from; name another folder")
    return datamodule


def settings(pretrained: Pretrained, config: DictConfig, others: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return everything that decides a picture beside its number."""
    chosen = {name: make_plain_value(config[name]) for name in (*DECIDING, *others)}
    chosen["format"] = suffix(config)
    chosen |= {name: recall_number(chosen[name]) for name in ("label", "direction") if name in chosen}
    return chosen | {"command": "generate", "model": pretrained.name, "model_sha256": pretrained.sha256}


def suffix(config: DictConfig) -> str:
    """Return the format that the results have."""
    return str(config.format or ("png" if config.interpolate is None else "webp"))


def columns(given: object, classes: int) -> int | None:
    """Return the columns that `grid=` means; None for no grid."""
    if given == "off":
        return None
    if given == "auto":
        return min(classes, 16) if classes > 1 else 8
    assert isinstance(given, int)
    return given


def check_options(config: DictConfig) -> None:
    """Refuse what no picture could be made with, before anything is read.

    Raises:
        UserError: naming the option.
    """
    if config.image is not None and config.interpolate is not None:
        raise UserError("interpolate: goes between random images; leave it out, or image=")
    if config.like is not None and (config.image is not None or config.interpolate is not None):
        raise UserError(f"like={config.like}: chooses among random images; leave it out, or image= and interpolate=")
    if config.unlike is not None and config.like is None:
        raise UserError(f"unlike={config.unlike}: needs photos that are liked beside it: like=/path/to/photos")
    if config.direction is not None and config.image is None:
        raise UserError(f"direction={config.direction}: a photo is varied along it; name one: image=/path/to/photo.jpg")
    check_strength(config.strength)
    what, formats = ("an animation", ("webp", "gif")) if config.interpolate else ("images", ("png", "jpg", "webp"))
    if config.format not in (None, *formats):
        raise UserError(f"format={config.format}: {what} cannot be written so; give {' or '.join(formats)}")
    if config.provenance not in ("on", "off"):
        raise UserError(f"provenance={config.provenance}: needs on or off")
    check_whole("candidates", config.candidates, at_least=1)
    if config.steer is not None:
        check_whole("steer", config.steer, at_least=0)
    lowest = {"interpolate": 2, "frames": 1, "grid": 1}
    passed = {"interpolate": (None,), "frames": (), "grid": ("auto", "off")}
    for name, low in lowest.items():
        value = config[name]
        if value not in passed[name] and (isinstance(value, bool) or not isinstance(value, int) or value < low):
            others = "".join(f", or {word}" for word in passed[name] if word)
            raise UserError(f"{name}={value}: needs a whole number from {low}{others}")
    if not is_number(config.fps) or not 0 < config.fps <= 50:
        raise UserError(f"fps={config.fps}: needs a number above 0, up to 50")


def make_plain_value(value: Any) -> Any:
    """Return a configuration's value in plain containers."""
    return OmegaConf.to_container(value) if OmegaConf.is_config(value) else value


def recall_number(label: Any) -> Any:
    """Return classes as the records of results have them, in which digits are a number."""
    if isinstance(label, list):
        return [recall_number(each) for each in label]
    return int(label) if isinstance(label, str) and re.fullmatch("0|[1-9][0-9]*", label) else label


def parse_classes(label: Any) -> Any:
    """Return classes as words: what the command line takes for a number may be the name of a folder."""
    value = make_plain_value(label)
    if isinstance(value, list):
        return [parse_classes(each) for each in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


COMMAND = Command(generate)
