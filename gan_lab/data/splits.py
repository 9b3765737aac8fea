"""Who goes to training, validation and test: by content or by order, with all photos of one product on one side."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

TRAIN, VALIDATION, TEST = 0, 1, 2
#: In the place of a part: nothing is known of the photo.
UNKNOWN = -1
#: A group larger than so many times what is to be held out stays in training.
LARGEST = 2


def split_by_content(
    keys: NDArray[np.uint64],
    groups: NDArray[np.int64],
    roles: NDArray[np.int64],
    known: NDArray[np.int8],
    *,
    validation: float,
    test: float,
    seed: int,
) -> NDArray[np.int64]:
    """Assign every photo to TRAIN, VALIDATION or TEST by a keyed hash of its content, whole groups at a time.

    The smallest key of a group decides for it, whatever other photos there are: shares are met on average. But a group that
    is much larger than what is to be held out stays in training, and every role of at least three photos gets at least one
    in each part that is wanted, if the groups allow it: the one that came nearest to being drawn.

    Args:
        keys: [N] a hash of each photo's content, or of the name of its group.
        groups: [N] group of each photo.
        roles: [N] role of each photo, 0 or 1 (the domains A and B, say); each role is held out in the same shares.
        known: [N] the part that a photo has already, or UNKNOWN. It keeps that; others of its group follow it, into training
            where one is there.
        validation, test: shares, in [0, 1).
        seed: the hash's key.

    Returns:
        [N] assignments.
    """
    members, counts = _count_groups(groups, roles)
    smallest = np.full(len(counts), np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(smallest, members, keys)
    draws = draw_uniform(smallest, seed)
    part_of = np.select([draws < test, draws < test + validation], [TEST, VALIDATION], TRAIN)
    settled = np.full(len(counts), UNKNOWN, np.int64)
    for part in (TEST, VALIDATION, TRAIN):  # the last one counts
        settled[members[known == part]] = part
    free, totals = settled == UNKNOWN, counts.sum(axis=0)
    part_of = np.where(free, part_of, settled)
    fillings = [(TRAIN, totals > 0, -draws)]
    for part, share in ((TEST, test), (VALIDATION, validation)):
        wanted = _count_wanted(totals, share)
        large = (counts > LARGEST * wanted).any(axis=1)
        part_of[free & large & (part_of == part)] = TRAIN
        fillings.append((part, wanted > 0, draws + large * counts.sum(axis=1)))
    for part, roles_of_part, order in fillings:
        for role in np.flatnonzero(roles_of_part):
            _fill(part, counts[:, role] > 0, order, part_of, free)
    return np.where(known == UNKNOWN, part_of[members], known)


def _count_groups(groups: NDArray[np.int64], roles: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the number of each photo's group, [N], and how many photos of each role are in each group, [groups, roles]."""
    ids, members = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(ids), int(roles.max(initial=0)) + 1), dtype=np.int64)
    np.add.at(counts, (members, roles), 1)
    return members, counts


def _count_wanted(totals: NDArray[np.int64], share: float) -> NDArray[np.int64]:
    """Return how many photos of each role a part should have: a share of them, and one at least of three."""
    wanted = np.where((totals >= 3) & (share > 0), np.maximum(1, np.rint(totals * share)), 0)
    return np.asarray(wanted, np.int64)


def _fill(
    part: int,
    here: NDArray[np.bool_],
    order: NDArray[np.float64],
    part_of: NDArray[np.int64],
    free: NDArray[np.bool_],
) -> None:
    """Give a part that has none of the groups of a role the first free one, of a part that has several; training first."""
    if (here & (part_of == part)).any():
        return
    several = [each for each in (TRAIN, VALIDATION, TEST) if (here & (part_of == each)).sum() > 1]
    able = np.flatnonzero(here & free & np.isin(part_of, several))
    if len(able):
        part_of[able[np.lexsort((order[able], part_of[able] != TRAIN))[0]]] = part


def make_keys(digests: NDArray[np.uint64], groups: Sequence[str | None]) -> NDArray[np.uint64]:
    """Return the key that decides for each photo: a hash of its group's name, or else the digest of its content."""
    keys = digests.copy()
    words: dict[str, np.uint64] = {}
    for name in {group for group in groups if group is not None}:
        digest = hashlib.blake2b(os.fsencode(name), digest_size=8).digest()
        words[name] = np.uint64(int.from_bytes(digest))
    for row, group in enumerate(groups) if words else ():
        if group is not None:
            keys[row] = words[group]
    return keys


def draw_uniform(keys: NDArray[np.uint64], seed: int) -> NDArray[np.float64]:
    """Return a number in [0, 1) for each key, even over all keys, and another one under another seed.

    Source: Steele, Lea, Flood 2014, Fast splittable pseudorandom number generators (the finaliser of SplitMix64).
    """
    words = keys ^ _mix(np.array([(seed + 1) * 0x9E3779B97F4A7C15 % 2**64], np.uint64))
    return np.asarray((_mix(words) >> np.uint64(11)) * 2.0**-53, np.float64)


def _mix(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    words = (words ^ words >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ words >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return words ^ words >> np.uint64(31)


def split_by_group(
    groups: NDArray[np.int64], roles: NDArray[np.int64], *, validation: float, test: float, seed: int
) -> NDArray[np.int64]:
    """Assign every photo to TRAIN, VALIDATION or TEST by the order of the photos, whole groups at a time.

    A photo more or less moves others to another side: it is for what does not change, and for runs that began with it. Groups
    come in a seeded order and are held out while they fit into what is still wanted, so one giant group cannot take the
    place of many. Every role of at least three photos gets at least one in each part that is wanted, if the groups allow it.

    Args:
        groups: [N] group of each photo.
        roles: [N] role of each photo, 0 or 1 (the domains A and B, say); each role is held out in the same shares.
        validation, test: shares, in [0, 1).
        seed: of the order.

    Returns:
        [N] assignments.
    """
    members, counts = _count_groups(groups, roles)
    totals = counts.sum(axis=0)
    order = np.random.default_rng(seed).permutation(len(counts))
    part_of = np.full(len(counts), TRAIN, dtype=np.int64)
    for part, share in ((TEST, test), (VALIDATION, validation)):
        wanted = _count_wanted(totals, share)
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
