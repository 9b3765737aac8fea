"""Translated photos: how close they are to the other domain, whether the product stayed itself, and whether they come back."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gan_lab import metrics
from gan_lab.errors import UserError
from gan_lab.evaluation.extractors import Extractor
from gan_lab.evaluation.heldout import EvaluationPhotos, HeldOut
from gan_lab.evaluation.pairs import PERCEPTUAL, describe_judge, list_judge_cautions, load_judge
from gan_lab.evaluation.report import Picture, Report
from gan_lab.evaluation.sets import GROUPS, INTERVALS, list_with_intervals
from gan_lab.imaging.cutout import cut_out
from gan_lab.imaging.ground import LIMIT, white_ground
from gan_lab.jobs import Progress
from gan_lab.metrics import Interval, ciede2000_map, from_uint8, interval_of_mean, perceptual_distance, psnr, to_uint8
from gan_lab.metrics.restoration import PSNR_CAP
from gan_lab.networks import PerceptualDistance
from gan_lab.photo_files import grid

FEWEST, SHOWN = 4, 12
#: What the translation is compared with, by the names of their figures.
BASELINES = {"as_is": "as it is", "cut_out": "cut out on white"}
#: Heads of the columns, and digits, of the figures of photos brought there and back, by name.
BACK = {"psnr": ("PSNR there and back (dB)", 2), PERCEPTUAL: ("perceptual there and back", 4)}


class DomainPair(NamedTuple):
    """A direction of translation: where photos come from and where they go, "A" or "B"."""

    source: str
    target: str

    def __str__(self) -> str:
        return f"{self.source} to {self.target}"


@dataclass
class Translations:
    """What became of the held-out photos of one domain, by method; one entry a photo.

    Attributes:
        pixels: the photos, uint8 [N, C, H, W].
        outputs: by method, likewise.
        features: by method, [N, D].
        drift: by method, the mean CIEDE2000 difference from the photo within the product; photos without a certain
            product left out.
        cycle: figures of the photo brought there and back, by name: PSNR in dB, and the perceptual distance where its
            network is there; empty where there is no way back.
    """

    pixels: list[Tensor] = field(default_factory=list)
    outputs: dict[str, list[Tensor]] = field(default_factory=dict)
    features: dict[str, list[Tensor]] = field(default_factory=dict)
    drift: dict[str, list[float]] = field(default_factory=dict)
    cycle: dict[str, list[float]] = field(default_factory=dict)


def evaluate_translation(
    model: Any, photos: HeldOut, extractor: Extractor, *, n: int | None = None, seed: int = 0, name: str = "translated"
) -> Report:
    """Return how close translations come to the target domain and how far the product moved, beside doing nothing.

    The domain distance is a kernel distance to the training photos of the target domain, all of them: these sets are
    small. Its floor is that of the domain's own held-out photos. Without training photos, the held-out ones are the
    reference, and there is no floor.

    Args:
        model: has `translate` and its `directions`.
        photos: of the domains A and B.
        extractor: the embedding.
        n: photos of the larger domain to use, chosen by the seed; None: all.
        seed: of the choice and of the intervals' groups.
        name: of the model, for its rows.

    Raises:
        UserError: too few photos of a domain to compare.
    """
    directions = [DomainPair(*direction) for direction in model.directions]
    indices = photos.draw_indices(n, seed)
    count = {side: len({order[key] for key in indices}) for side, order in get_orders(photos).items()}
    check_enough(count, photos, n)
    judge = load_judge(model.device)
    trained = [] if photos.training is None else photos.training.draw_indices(None, seed)
    with Progress("evaluating", len(indices) * (len(directions) + 1) + len(trained)) as progress:
        held_out = embed_domains(photos, indices, extractor, model.device, progress)
        training = (
            embed_domains(photos.training, trained, extractor, model.device, progress) if photos.training else None
        )
        found = {
            direction: translate_domain(model, photos, indices, direction, extractor, judge, progress)
            for direction in directions
        }
    reference = held_out if training is None else training
    report = Report(
        title=f"Translation, {count['A']} photos of A and {count['B']} of B, features: {extractor.name}",
        columns=["[95 % interval]", "KID to the target", "product's CIEDE2000", *(title for title, _ in BACK.values())],
        protocol={
            "n_A": count["A"],
            "n_B": count["B"],
            "reference": {side: len(features) for side, features in reference.items()},
            "extractor": extractor.name,
            "resize": extractor.resize,
            "kid": "unbiased, of the whole sets, kernel (x.y / D + 1)^3: 0 for equal distributions, whatever N",
            "product": f"where a cut-out of the photo is certain ({LIMIT} of 1); mean over its pixels, then over photos",
            "perceptual": describe_judge(judge),
            "intervals": INTERVALS,
        },
    )
    for direction, each in found.items():
        floor = None if training is None else held_out[direction.target]
        report.add(compare_methods(direction, each, reference[direction.target], floor, extractor.key, seed, name))
    report.notes += list_domain_cautions(found, count) + list_judge_cautions(judge)
    return report


def compare_methods(
    direction: DomainPair,
    made: Translations,
    reference: Tensor,
    held_out: Tensor | None,
    extractor: str,
    seed: int,
    name: str,
) -> Report:
    """Return the rows, figures and picture of one direction.

    Args:
        direction: of the translation.
        made: what became of the photos, by method.
        reference: features [N, D] of photos of the target domain.
        held_out: likewise of others, whose distance is the floor; None for no floor.
        extractor: its key, for names of figures.
        seed: of the intervals' groups.
        name: of the model, for its row.
    """
    report = Report()
    distances = {method: measure_distance(reference, torch.cat(f), seed) for method, f in made.features.items()}
    drifts = {method: average(values) for method, values in made.drift.items()}
    back = {key: average(made.cycle.get(key, [])) for key in BACK}
    for method, title in {**BASELINES, "translated": name}.items():
        cells = [
            str(distances[method]),
            format_interval(drifts[method]),
            *(format_interval(back[key] if method == "translated" else None, d) for key, (_, d) in BACK.items()),
        ]
        report.rows.append([f"{direction}: {title}", *cells])
    if held_out is not None:
        distances["floor"] = measure_distance(reference, held_out, seed)
        report.rows.append([f"{direction.target} itself", str(distances["floor"]), "", "", ""])
    figures = {f"kid_{extractor}_{method}": interval for method, interval in distances.items()}
    figures |= {f"product_ciede2000_{m}": drift for m, drift in drifts.items() if drift is not None}
    figures |= {f"cycle_{key}": figure for key, figure in back.items() if figure is not None}
    report.figures["".join(direction)] = list_with_intervals(figures) | {"products": len(made.drift["as_is"])}
    report.pictures["_".join(direction)] = make_picture(direction, made, name)
    return report


def check_enough(count: dict[str, int], photos: HeldOut, n: int | None) -> None:
    """Refuse to compare a handful of photos, before anything is computed.

    Args:
        count: of photos by domain, "A" and "B".
        photos: where they are from.
        n: what the count was limited to, if it was.

    Raises:
        UserError: naming the option that would give more.
    """
    if min(count.values()) >= FEWEST:
        return
    have = f"{count['A']} photos of A and {count['B']} of B; comparing needs {FEWEST} of each"
    if min(len(set(order)) for order in get_orders(photos).values()) >= FEWEST:
        raise UserError(f"n={n}: leaves {have}; give more, or null for all")
    raise UserError(
        f"{photos.places}: held out are {have}; put more there, or hold more of them out with a larger data.test_share; to "
        f"compare other photos, name their two folders with data.domain_a and data.domain_b"
    )


def get_orders(photos: EvaluationPhotos) -> dict[str, Sequence[int]]:
    """Return which photo each sample shows, by domain: the smaller one is repeated."""
    keys = range(len(photos))
    orders = {"A": photos.view.order_A, "B": photos.view.order_B}
    return {side: [order[key] for key in keys] for side, order in orders.items()}


def embed_domains(
    photos: EvaluationPhotos, indices: Sequence[int], extractor: Extractor, device: torch.device, progress: Progress
) -> dict[str, Tensor]:
    """Return the features [N, D] of the photos of each domain, each photo once."""
    features: dict[str, list[Tensor]] = {"A": [], "B": []}
    for batch, rows in iterate_once(photos, indices):
        for side, own in rows.items():
            if own:
                features[side].append(extractor(batch[side][own].to(device))[0].cpu())
        progress.advance(len(batch["A"]))
    return {side: torch.cat(parts) for side, parts in features.items()}


def translate_domain(
    model: Any,
    photos: EvaluationPhotos,
    indices: Sequence[int],
    direction: DomainPair,
    extractor: Extractor,
    judge: PerceptualDistance | None,
    progress: Progress,
) -> Translations:
    """Translate the photos of a domain by each method."""
    made = Translations()
    there, back = "".join(direction), "".join(reversed(direction))
    methods: dict[str, Callable[[Tensor], Tensor]] = {
        "as_is": lambda image: image,
        "cut_out": place_on_white,
        "translated": lambda image: model.translate(image.to(model.device), there).cpu(),
    }
    for batch, rows in iterate_once(photos, indices):
        progress.advance(len(batch["A"]))
        if not rows[direction.source]:
            continue
        image = batch[direction.source][rows[direction.source]]
        pixels = to_uint8(image)
        found = [cut_out(each.expand(3, -1, -1).permute(1, 2, 0).contiguous().numpy()) for each in pixels]
        # where the product is on each; None where that is not certain
        masks = [
            torch.from_numpy(each.mask) if each.confidence >= LIMIT and each.mask.any() else None for each in found
        ]
        made.pixels.append(pixels)
        for method, work in methods.items():
            out = work(image)
            made.features.setdefault(method, []).append(extractor(out.to(model.device))[0].cpu())
            made.outputs.setdefault(method, []).append(to_uint8(out))
            difference = ciede2000_map(to_uint8(out), pixels)
            drift = [float(one[mask].mean()) for one, mask in zip(difference, masks, strict=True) if mask is not None]
            made.drift.setdefault(method, []).extend(drift)
        if back in model.directions:
            again = model.translate(from_uint8(made.outputs["translated"][-1].to(model.device)), back)
            pair = to_uint8(again).cpu(), pixels
            made.cycle.setdefault("psnr", []).extend(psnr(*pair).clamp(max=PSNR_CAP).tolist())
            if judge is not None:
                made.cycle.setdefault(PERCEPTUAL, []).extend(perceptual_distance(judge, *pair).tolist())
    return made


def iterate_once(photos: EvaluationPhotos, indices: Sequence[int]) -> Any:
    """Yield batches, and by domain the rows whose photo has not been seen: the smaller domain is repeated in them."""
    orders = get_orders(photos)
    seen: dict[str, set[int]] = {"A": set(), "B": set()}
    position = 0
    for batch in photos.batches(indices):
        keys = list(indices[position : position + len(batch["A"])])
        position += len(keys)
        yield batch, {side: take_unseen([orders[side][key] for key in keys], seen[side]) for side in "AB"}


def take_unseen(photos: Sequence[int], seen: set[int]) -> list[int]:
    """Return the rows of a batch of such photos of a domain that have not been seen; they now have."""
    rows = []
    for row, photo in enumerate(photos):
        if photo not in seen:
            seen.add(photo)
            rows.append(row)
    return rows


def place_on_white(images: Tensor) -> Tensor:
    """Return images [N, C, H, W] in [-1, 1] with the product cut out on white; as they are where it is not certain."""
    made = [white_ground(image.permute(1, 2, 0).numpy()).pixels for image in to_uint8(images)]
    return from_uint8(torch.stack([torch.from_numpy(pixels.copy()).permute(2, 0, 1) for pixels in made]))


def measure_distance(f_real: Tensor, f_fake: Tensor, seed: int) -> Interval:
    """Return the kernel distance of two sets of features with its interval."""
    distance = metrics.KernelDistance(metrics.GivenFeatures(f_real.shape[1]))
    figures = metrics.JackknifeIntervals([distance], groups=GROUPS, seed=seed)
    figures.update(f_real, real=True)
    figures.update(f_fake, real=False)
    return figures.compute_intervals()["kernel_distance"]


def average(values: Sequence[float]) -> Interval | None:
    """Return the mean of a figure over photos; None where there are too few for an interval."""
    return interval_of_mean(values) if len(values) >= 2 and all(map(math.isfinite, values)) else None


def format_interval(interval: Interval | None, digits: int = 2) -> str:
    """Return an interval as the table shows it."""
    if interval is None:
        return ""
    value, low, high = (f"{number:.{digits}f}" for number in (interval.value, interval.low, interval.high))
    return f"{value} [{low}, {high}]"


def make_picture(direction: DomainPair, made: Translations, name: str) -> Picture:
    """Return photos beside what became of them, from all over the set."""
    pixels = torch.cat(made.pixels)
    spread = torch.linspace(0, len(pixels) - 1, min(SHOWN, len(pixels))).long()
    columns = [pixels[spread], *(torch.cat(made.outputs[method])[spread] for method in ("cut_out", "translated"))]
    cells = torch.stack(columns, dim=1).flatten(0, 1).permute(0, 2, 3, 1).numpy()
    return Picture(str(direction), f"The photo, cut out on white, and by {name}; two photos a row.", grid(cells, 6))


def list_domain_cautions(found: dict[DomainPair, Translations], count: dict[str, int]) -> list[str]:
    """Return sentences about the limits of the figures."""
    notes = [f"{side}: {n} photos are few; read the direction, not the digits." for side, n in count.items() if n < 50]
    for direction, made in found.items():
        products, total = len(made.drift["as_is"]), sum(map(len, made.pixels))
        if products < total:
            notes.append(
                f"{direction}: the product is certain on {products} of {total} photos; its drift is that of these."
            )
    return notes
