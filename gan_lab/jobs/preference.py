"""The photos that say what a user likes, and images by that taste as files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gan_lab.errors import UserError
from gan_lab.inference.generation import BATCH
from gan_lab.inference.preference import Candidates, PreferenceSearch, keep_different
from gan_lab.inference.pretrained import Pretrained
from gan_lab.jobs.folder import find_input
from gan_lab.jobs.progress import Progress
from gan_lab.jobs.sampling import Gallery, add_images
from gan_lab.photo_files import UnreadableImage, read_image
from gan_lab.photo_files.listing import path_order
from gan_lab.storage import hash_file


@dataclass(frozen=True)
class Examples:
    """Photos that a user likes, or does not.

    Attributes:
        option: that names them, with its value, for messages.
        hashes: their SHA-256, by their names.
        features: [P, 1280] in each network of a search; P is 0 where the option is not given.
    """

    option: str
    hashes: dict[str, str]
    features: list[Tensor]

    @property
    def record(self) -> dict[str, Any] | None:
        """Return which photos they are for the record of settings: by what they are, wherever they lie."""
        if not self.hashes:
            return None
        content = "".join(sorted(self.hashes.values()))
        return {"photos": len(self.hashes), "sha256": hashlib.sha256(content.encode()).hexdigest()}


def read_examples(pretrained: Pretrained, search: PreferenceSearch, option: str, given: str | None) -> Examples:
    """Return the photos of a folder, or a single one, as a search compares them: cut and resized as in training.

    Raises:
        UserError: there are none, or one cannot be read.
    """
    if given is None:
        return Examples(option, {}, [torch.zeros(0, network.num_features) for network in search.networks])
    root, found = find_input(given, option)
    if found.unlisted:
        raise UserError(f"{option}={given}: cannot list {found.unlisted[0]}; make it readable, or name another folder")
    names = sorted((*found.photos, *found.unread), key=path_order)
    hashes, parts = {}, []
    with Progress(f"reading {option}=", len(names)) as progress:
        for start in range(0, len(names), BATCH):
            cut = []
            for name in names[start : start + BATCH]:
                try:
                    cut.append(pretrained.as_validated(read_image(root / name)))
                except UnreadableImage as error:
                    raise UserError(f"{option}={given}: {error}; repair it, or take it out") from error
                hashes[name] = hash_file(root / name)
                progress.advance()
            parts.append(search.describe(np.stack(cut)))
    return Examples(f"{option}={given}", hashes, [torch.cat(features) for features in zip(*parts, strict=True)])


def check_apart(liked: Examples, unliked: Examples) -> None:
    """Refuse a photo that is liked and disliked at once.

    Raises:
        UserError: naming one.
    """
    both = [name for name, known in unliked.hashes.items() if known in liked.hashes.values()]
    if both:
        raise UserError(
            f"{unliked.option}: {len(both)} of its photos, {both[0]} among them, are those of {liked.option}, too; leave each "
            "in one of the two"
        )


def add_preferred(
    album: Gallery,
    search: PreferenceSearch,
    liked: Examples,
    unliked: Examples,
    *,
    numbers: range,
    candidates: int,
    steps: int,
    file_name: str,
    columns: int | None,
) -> None:
    """Add the images of a seed that meet a taste best, the best first, and say how near they are.

    Args:
        album: where to.
        search: looks at images.
        liked: photos, one at least.
        unliked: photos.
        numbers: of the images to add.
        candidates: images that are looked at for each of them.
        steps: in which each is steered; 0 for none.
        file_name: of an image, with a place for its number.
        columns: of the grid; None for no grid.
    """
    looked = range(numbers.start * candidates, numbers.stop * candidates)
    with Progress("looking for what is liked", len(looked)) as progress:
        best, plain = search.look(looked, len(numbers), liked.features, unliked.features, progress.advance)
    kept = chosen = keep_different(best, len(numbers))
    if steps:
        with Progress("steering", len(kept) * steps, unit="steps") as progress:
            kept = search.steer(chosen, steps, progress.advance)
    report_distances(float(plain.mean()), len(looked), chosen, kept)
    if search.tastes[0].is_outside(kept):
        print(
            "far away     the images are much further from the liked photos than these are from one another: the model seems "
            "to make nothing of their kind"
        )
    kept = kept.take(kept.scores.argsort(descending=True, stable=True))
    with Progress("generating", len(numbers)) as progress:
        add_images(
            album,
            {place: file_name.format(number) for place, number in enumerate(numbers)},
            lambda places: search.make(kept, places),
            details=lambda place: describe_image(search, kept, place),
            progress=progress,
            columns=columns,
        )


def describe_image(search: PreferenceSearch, kept: Candidates, place: int) -> dict[str, Any]:
    """Return the record of an image: its number in the seed's row, its class, its score and its distance."""
    return {
        "candidate": int(kept.numbers[place]),
        "score": round(float(kept.scores[place]), 4),
        "distance": round(float(kept.distances[place]), 4),
        "steered": bool(kept.steered[place]),
        **search.generation.class_of(place, kept.labels.tolist()),
    }


def report_distances(plain: float, looked: int, chosen: Candidates, kept: Candidates) -> None:
    """Print how much nearer to the liked photos images are than plain ones, and how much of it steering did.

    Args:
        plain: the mean distance of the images that were looked at.
        looked: how many.
        chosen: of them.
        kept: the same after steering, or themselves.
    """
    print(
        f"chosen       {len(chosen)} of {looked} images, on average {float(chosen.distances.mean()):.3f} from the nearest "
        f"liked photo, where all are {plain:.3f}"
    )
    if kept is not chosen:
        print(f"steered      {int(kept.steered.sum())} of them, which makes it {float(kept.distances.mean()):.3f}")
