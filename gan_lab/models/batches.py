"""Batches as methods take them: split into parts, and thinned out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from torch import Tensor

from gan_lab.errors import UserError

Batch = dict[str, Any]


def split_batch(batch: Batch, parts: int) -> list[Batch]:
    """Split a batch into `parts` along the first dimension of its tensors; other values go to every part.

    Raises:
        UserError: the parts do not divide the rows.
    """
    length = next(len(value) for value in batch.values() if isinstance(value, Tensor))
    if length % parts:
        raise UserError(
            f"model.micro_batches={parts}: does not divide a batch of {length}; give a divisor of data.batch_size"
        )
    size = length // parts
    return [
        {
            name: value[i * size : (i + 1) * size] if isinstance(value, Tensor) else value
            for name, value in batch.items()
        }
        for i in range(parts)
    ]


def spread_samples(batch: Batch, n: int) -> Batch:
    """Return at most `n` samples of a batch, evenly spread over it: in sorted folders the first ones are all of a kind."""
    length = len(next(iter(batch.values())))
    rows = [index * length // n for index in range(n)] if length > n else list(range(length))
    return {name: value[rows] for name, value in batch.items()}


def skip_repeats(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Yield of each batch the images of domains A and B that no earlier row has shown; there may be none of a domain.

    Of two domains the smaller one is repeated, and a distance would count its photos as often.

    Args:
        batches: images by domain, and the number of each one's photo, `row_A` and `row_B`, int64 [N]. Without numbers every
            image is another photo.
    """
    shown: dict[str, set[int]] = {"A": set(), "B": set()}
    for batch in batches:
        new: Batch = {}
        for domain, numbers in shown.items():
            if f"row_{domain}" not in batch:
                new[domain] = batch[domain]
                continue
            rows = []
            for row, number in enumerate(batch[f"row_{domain}"].tolist()):
                if number not in numbers:
                    numbers.add(number)
                    rows.append(row)
            new[domain] = batch[domain][rows]
        yield new
