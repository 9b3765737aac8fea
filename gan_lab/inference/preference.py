"""Images by a user's taste: chosen among many by the photos that the user likes, and steered towards these."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.nn import functional

from gan_lab.errors import UserError
from gan_lab.inference.generation import Generation, Latents, Pixels
from gan_lab.metrics import from_uint8
from gan_lab.networks import efficientnet_lite
from gan_lab.networks.efficientnet_lite import SELECTOR, TRAINER

#: Cosines that count as one: the smaller, the more the nearest of the liked photos decides alone. This value, and centred
#: features in the place of whitened ones, found most photos of the liked classes among clothing photos.
TEMPERATURE = 0.3
#: Images whose features are averaged for the centre, at most.
CENTRED = 1024
#: Distance below which two images are near-doubles: half of recoloured photos are so near to themselves, and no two photos
#: of 35 were nearer to one another than 0.86.
DOUBLES = 0.7
#: Images that are held beside each that shall be kept, in case that the best are near-doubles.
POOL = 4
#: How many times as far from the liked photos as these are from one another images are that show something else: at most
#: 1.2 for ten classes of clothing that the generator had been trained on, at least 1.5 for groceries, noise and plain grey.
OUTSIDE = 1.35
#: Rate of the latents' optimiser, and images that are steered at once.
RATE, TOGETHER = 0.05, 16

#: Called with the number of images that are newly done.
Tick = Callable[[int], Any]


@runtime_checkable
class Renders(Protocol):
    """A generative model whose images can be differentiated by their latents."""

    def render(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Return images [N, C, H, W] in [-1, 1] for z [N, latents] and labels int64 [N], with a graph back to z."""


@dataclass(frozen=True)
class Taste:
    """What a user likes, as directions in a space of features.

    Attributes:
        centre: the mean features of what the generator makes, [D]: what all of its images share does not count.
        liked: directions from there to the liked photos, [L, D] of length 1.
        unliked: to the disliked ones, [U, D]; U may be 0.
    """

    centre: Tensor
    liked: Tensor
    unliked: Tensor

    def score(self, points: Tensor) -> Tensor:
        """Return how well images [N, D] of length 1 meet the taste, [N]: likeness to liked photos less that to disliked ones.

        Likeness is the mean over photos of the kernel exp(cosine / `TEMPERATURE`), as a cosine: between the mean cosine
        and that of the nearest photo, so that a taste may be for several kinds of things.
        """
        score = measure_likeness(points, self.liked)
        return score - measure_likeness(points, self.unliked) if len(self.unliked) else score

    def measure_distance(self, points: Tensor) -> Tensor:
        """Return the distance of images [N, D] to the liked photo that is nearest to each, [N] in [0, 2]."""
        return torch.cdist(points, self.liked).min(dim=1).values

    def is_outside(self, kept: Candidates) -> bool:
        """Return whether images are much further from the liked photos than these are from one another.

        A single liked photo cannot tell: it has no other one to be near to.
        """
        own = torch.cdist(self.liked, self.liked).fill_diagonal_(math.inf).min(dim=1).values.mean()
        return bool(kept.distances.mean() > OUTSIDE * own)


@dataclass(frozen=True)
class Candidates:
    """Images beside a taste.

    Attributes:
        numbers: in the row of the seed, int64 [N].
        z: latents, [N, latents].
        labels: classes, int64 [N].
        points: the directions of their features from the taste's centre, [N, D] of length 1.
        scores: how well they meet it, [N].
        distances: to the nearest liked photo, [N] in [0, 2].
        steered: which of them are no more what the seed gives, bool [N].
    """

    numbers: Tensor
    z: Tensor
    labels: Tensor
    points: Tensor
    scores: Tensor
    distances: Tensor
    steered: Tensor

    def take(self, rows: Tensor) -> Candidates:
        """Return those in some places, int64 [n]."""
        return Candidates(**{name: values[rows] for name, values in vars(self).items()})

    def __len__(self) -> int:
        return len(self.numbers)


class PreferenceSearch:
    """Look at many images of a generator, keep those that meet a taste best, and steer them.

    EfficientNet-Lite1 chooses, and Lite0 gives the gradient, so that Lite2 can judge what became of it (ADR 33): an image
    counts as steered only where it is nearer in Lite1's features, too.

    Args:
        generation: makes the images.
        latents: of their numbers.
        classes: which they take in turn by their numbers.
        option: what asked for it, in refusals.
        steering: whether latents will be steered.

    Raises:
        UserError: a network's package is not installed, or its file is damaged; the model cannot be steered.
    """

    def __init__(
        self, generation: Generation, latents: Latents, classes: Sequence[int], option: str, steering: bool
    ) -> None:
        if steering and not isinstance(generation.model, Renders):
            raise UserError(
                f"steer: latents are moved by the gradient of render(z, label), and the model {generation.name} has none; "
                "give steer=0"
            )
        self.generation = generation
        self.latents = latents
        self.classes = classes
        self.device = generation.model.device
        versions = (SELECTOR, TRAINER) if steering else (SELECTOR,)
        self.networks = [  # in channels last they take half the time
            efficientnet_lite(version, option=option).to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
            for version in versions
        ]
        self.tastes: list[Taste] = []

    @torch.no_grad()
    def describe(self, pixels: Pixels) -> list[Tensor]:
        """Return the features [N, 1280] of images uint8 [N, H, W, C] in each network, on the CPU."""
        images = from_uint8(torch.from_numpy(pixels).permute(0, 3, 1, 2).to(self.device))
        return [network(images).cpu() for network in self.networks]

    def look(
        self, numbers: Sequence[int], n: int, liked: Sequence[Tensor], unliked: Sequence[Tensor], tick: Tick
    ) -> tuple[Candidates, Tensor]:
        """Look at the seed's images with some numbers, and keep the taste that they are compared with.

        Args:
            numbers: ascending.
            n: images that are to be kept of them; `POOL` times as many are returned, whatever there are.
            liked: features [L, 1280] of the liked photos in each network, as of `describe`.
            unliked: likewise [U, 1280] of the disliked ones; U may be 0.
            tick: called with a number of images that have been looked at.

        Returns:
            The images that meet the taste best, ascending by number; and the distances of all, [N].
        """
        first = [self.describe(images) for images in self._make(numbers[:CENTRED], tick)]
        self.tastes = []
        for features, one, other in zip(zip(*first, strict=True), liked, unliked, strict=True):
            centre = torch.cat(features).mean(dim=0)
            self.tastes.append(Taste(centre, direct(one, centre), direct(other, centre)))
        taste = self.tastes[0]
        distances: list[Tensor] = []
        held, rows, scores = taste.liked[:0], torch.arange(0), torch.zeros(0)
        rest = (self.describe(images) for images in self._make(numbers[CENTRED:], tick))
        for seen in itertools.chain(first, rest):
            new = direct(seen[0], taste.centre)
            distances.append(taste.measure_distance(new))
            rows = torch.cat([rows, torch.arange(len(new)) + sum(map(len, distances[:-1]))])
            scores, held = torch.cat([scores, taste.score(new)]), torch.cat([held, new])
            best = scores.topk(min(POOL * n, len(scores))).indices.sort().values
            held, rows, scores = held[best], rows[best], scores[best]
        apart, chosen = torch.cat(distances), [numbers[row] for row in rows.tolist()]
        labels = torch.tensor([self.classes[number % len(self.classes)] for number in chosen])
        return (
            Candidates(
                torch.tensor(chosen),
                self.latents(chosen),
                labels,
                held,
                scores,
                apart[rows],
                torch.zeros(len(rows), dtype=torch.bool),
            ),
            apart,
        )

    def steer(self, kept: Candidates, steps: int, tick: Tick) -> Candidates:
        """Move the latents of images uphill towards the taste; those whose images are no better for it stay.

        They stay, too, where the image has become the near-double of another one.

        Args:
            kept: at least one image.
            steps: of each.
            tick: called with a number of images that have made a step.
        """
        parts = range(0, len(kept), TOGETHER)
        z = torch.cat(
            [self._climb(kept.take(torch.arange(len(kept))[start:][:TOGETHER]), steps, tick) for start in parts]
        )
        moved = replace(kept, z=z)
        images = [pixels for _, pixels in self.make(moved, range(len(kept)))]
        points = torch.cat([direct(self.describe(pixels)[0], self.tastes[0].centre) for pixels in images])
        scores = self.tastes[0].score(points)
        places, steered = kept.points.clone(), kept.steered.clone()
        for row in torch.nonzero(scores > kept.scores).flatten().tolist():
            apart = (places - points[row]).norm(dim=1)
            apart[row] = math.inf
            if apart.min() >= DOUBLES:
                places[row], steered[row] = points[row], True
        return replace(
            kept,
            z=torch.where(steered[:, None], z, kept.z),
            points=places,
            scores=torch.where(steered, scores, kept.scores),
            distances=self.tastes[0].measure_distance(places),
            steered=steered,
        )

    def make(self, kept: Candidates, places: Sequence[int]) -> Iterator[tuple[list[int], Pixels]]:
        """Yield places among the images that were kept, and what lies there: uint8 [N, H, W, C]."""
        latents = lambda numbers: kept.z[[number % len(kept) for number in numbers]]  # noqa: E731
        return self.generation.images(places, latents, kept.labels.tolist())

    def _make(self, numbers: Sequence[int], tick: Tick) -> Iterator[Pixels]:
        for found, images in self.generation.images(numbers, self.latents, self.classes):
            yield images
            tick(len(found))

    def _climb(self, kept: Candidates, steps: int, tick: Tick) -> Tensor:
        """Return latents after so many steps of Adam up the trainer's score, as long as they were: as likely, as truncated."""
        length = kept.z.norm(dim=1, keepdim=True).to(self.device)
        z = kept.z.to(self.device).requires_grad_(True)
        taste, network = self.tastes[-1], self.networks[-1]
        optimizer = torch.optim.Adam([z], lr=RATE)
        for _ in range(steps):
            images = self.generation.model.render(z, kept.labels.to(self.device))
            score = taste.score(direct(network(images).cpu(), taste.centre))
            (gradient,) = torch.autograd.grad(score.sum(), [z])  # and none of the weights
            z.grad = -gradient
            optimizer.step()
            with torch.no_grad():
                z *= length / z.norm(dim=1, keepdim=True)
            tick(len(kept))
        return z.detach().cpu()


def direct(features: Tensor, centre: Tensor) -> Tensor:
    """Return the directions of features [N, D] from a centre [D], of length 1."""
    return functional.normalize(features - centre, dim=1)


def measure_likeness(points: Tensor, photos: Tensor) -> Tensor:
    """Return the likeness of images [N, D] to photos [P, D], all of length 1: a soft maximum of cosines, [N]."""
    cosines = points @ photos.T
    return TEMPERATURE * ((cosines / TEMPERATURE).logsumexp(dim=1) - math.log(len(photos)))


def keep_different(found: Candidates, n: int) -> Candidates:
    """Return the n images that meet the taste best, none the near-double of a better one, the best first.

    Where there are not so many different ones, near-doubles fill up.
    """
    best = found.take(found.scores.argsort(descending=True, stable=True))
    apart = torch.full((len(best),), math.inf, dtype=best.points.dtype)  # to the nearest that is kept
    kept: list[int] = []
    for row in range(len(best)):
        if len(kept) < n and apart[row] >= DOUBLES:
            kept.append(row)
            apart = apart.minimum((best.points - best.points[row]).norm(dim=1))
    doubles = [row for row in range(len(best)) if row not in set(kept)][: n - len(kept)]
    return best.take(torch.tensor(sorted(kept + doubles)))
