"""Photos and what a model makes of their neighbourhood in its latent space, as files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from gan_lab.inference.generation import Encoded, Generation, Label, Latents
from gan_lab.inference.inversion import STEPS
from gan_lab.inference.pretrained import Pretrained
from gan_lab.jobs.folder import result_names
from gan_lab.jobs.progress import Progress
from gan_lab.jobs.sampling import Gallery, add_images
from gan_lab.options import split_sides
from gan_lab.photo_files import UnreadableImage, read_image
from gan_lab.storage import hash_file
from gan_lab.terminal import printable


def add_variants(
    album: Gallery,
    pretrained: Pretrained,
    photos: Sequence[Path],
    way: Callable[[Encoded], Latents],
    *,
    root: Path | None,
    numbers: Sequence[int],
    label: Label,
    strength: float,
    file_name: str,
    columns: int | None,
) -> None:
    """Add variants of photos, with a grid that begins with the photo and its reconstruction.

    A photo that cannot be read is noted as failed, and the others go on.

    Args:
        album: where to.
        pretrained: generates.
        photos: files.
        way: latents of the variants by their numbers, from where a photo is.
        root: the photos' folder, if each shall have a folder of its own in the album at its place in this one; None
            for a single photo.
        numbers: of the variants.
        label: what is on the photos, for a conditional model.
        strength: that the variants are marked with.
        file_name: of a variant, with a place for its number.
        columns: of the grid; None for no grid.
    """
    generation = pretrained.generation
    assert generation is not None
    names = [photo.relative_to(root or photo.parent) for photo in photos]
    places = result_names(names, [""] * len(names))
    for photo, name, place in zip(photos, names, places, strict=True):
        try:
            encoded = search_photo(pretrained, photo, name, label)
        except UnreadableImage as error:
            album.fail(name.as_posix(), error)
            continue
        prefix = "" if root is None else f"{place.as_posix()}/"
        make = partial(generation.images, latents=way(encoded), classes=[encoded.label])
        own: dict[str, Any] = {
            "photo": name.as_posix(),
            "photo_sha256": hash_file(photo),
            "psnr": round(encoded.psnr, 2),
        }
        with Progress(f"varying {name}", len(numbers)) as progress:
            add_images(
                album,
                {number: prefix + file_name.format(number) for number in numbers},
                make,
                details=partial(generation.class_of, classes=[encoded.label]),
                progress=progress,
                columns=columns,
                grid_name=f"{prefix}grid.png",
                lead=(encoded.photo, encoded.reconstruction),
                strength=strength,
                common=own,
            )


def search_photo(pretrained: Pretrained, photo: Path, name: Path, label: Label) -> Encoded:
    """Return a photo in the model's latent space, and print how well it is met there.

    Args:
        pretrained: generates.
        photo: its file.
        name: what it is called in what is printed.
        label: see `add_variants`.

    Raises:
        UnreadableImage: it cannot be read.
    """
    generation = pretrained.generation
    assert generation is not None
    pixels = read_image(photo)
    with Progress(f"searching {name}", 1 if generation.encodes else STEPS, unit="steps") as progress:
        encoded = generation.encode_photo(pretrained.as_validated(pixels), label, progress.advance)
    height, width = pixels.shape[:2]
    rows, columns = split_sides(pretrained.image_size)
    shown_as = rows if rows == columns else f"{columns}x{rows}"
    print(f"photo        {printable(str(name))}: {width}x{height}, cut and resized to {shown_as} pixels as in training")
    print(f"encoded      {printable(describe(generation, encoded))}", flush=True)
    return encoded


def describe(generation: Generation, encoded: Encoded) -> str:
    """Return how well a photo is met in the latent space, in words."""
    label = generation.class_of(0, [encoded.label]).get("class")
    return f"its reconstruction has {encoded.psnr:.1f} dB" + (f", as {label}" if label else "")
