"""Who goes to training, validation and test: seeded, with all photos of one product on one side."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

TRAIN, VALIDATION, TEST = 0, 1, 2


def split_by_group(
    groups: NDArray[np.int64], roles: NDArray[np.int64], *, validation: float, test: float, seed: int
) -> NDArray[np.int64]:
    """Assign every photo to TRAIN, VALIDATION or TEST, whole groups at a time.

    Groups come in a seeded order and are held out while they fit into what is still wanted, so one giant group cannot
    take the place of many. Every role of at least three photos gets at least one in each part that is wanted, if the
    groups allow it.

    Args:
        groups: [N] group of each photo.
        roles: [N] role of each photo, 0 or 1 (the domains A and B, say); each role is held out in the same shares.
        validation, test: shares, in [0, 1).
        seed: of the order.

    Returns:
        [N] assignments.
    """
    ids, members = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(ids), int(roles.max(initial=0)) + 1), dtype=np.int64)
    np.add.at(counts, (members, roles), 1)
    totals = counts.sum(axis=0)
    order = np.random.default_rng(seed).permutation(len(ids))
    part_of = np.full(len(ids), TRAIN, dtype=np.int64)
    for part, share in ((TEST, test), (VALIDATION, validation)):
        wanted = np.where((totals >= 3) & (share > 0), np.maximum(1, np.rint(totals * share)), 0).astype(np.int64)
        _hold_out(part, wanted, counts, order, part_of)
    return part_of[members]


def _hold_out(
    part: int,
    wanted: NDArray[np.int64],
    counts: NDArray[np.int64],
    order: NDArray[np.int64],
    part_of: NDArray[np.int64],
) -> None:
    free = order[part_of[order] == TRAIN]
    # As long as all fit, which is to the end where few photos have a near-duplicate, they are taken at once.
    fitting = (counts[free].cumsum(axis=0) <= wanted).all(axis=1)
    run = len(free) if fitting.all() else int(fitting.argmin())
    part_of[free[:run]] = part
    missing = wanted - counts[free[:run]].sum(axis=0)
    for group in free[run:]:
        if not missing.any():
            return
        if (counts[group] <= missing).all():
            part_of[group] = part
            missing -= counts[group]
    for role in np.flatnonzero((missing == wanted) & (wanted > 0)):
        # Every group was too large to fit: rather the smallest than none, unless training would lose its last.
        left = [group for group in order if part_of[group] == TRAIN and counts[group, role]]
        if len(left) > 1:
            part_of[min(left, key=lambda group: counts[group].sum())] = part


def join_groups(*columns: Sequence[Hashable | None]) -> NDArray[np.int64]:
    """Return one group per row: rows that share a value in any column are together. None shares with nothing."""
    parents = list(range(len(columns[0])))

    def find_root(row: int) -> int:
        while parents[row] != row:
            parents[row] = parents[parents[row]]
            row = parents[row]
        return row

    for column in columns:
        first: dict[Hashable, int] = {}
        for row, value in enumerate(column):
            if value is not None and (other := first.setdefault(value, row)) != row:
                parents[find_root(row)] = find_root(other)
    roots = np.array(parents, dtype=np.int64)
    while (roots[roots] != roots).any():
        roots = roots[roots]
    return roots
