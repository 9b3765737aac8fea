"""Near-duplicates among many photos: a perceptual hash of each, and the groups whose hashes are close."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

_SIDE = 12
HASH_BITS = 2 * _SIDE * _SIDE
# Measured on clothing photos: copies rescaled to half, dimmed and saved as JPEG differ from their source in at most 13
# bits (99 %), different photos of shirts in 31 or more (99 %). With the usual 8x8 the two overlap.
NEAR = 14

_ONES_IN_16_BITS = np.array([value.bit_count() for value in range(1 << 16)], np.uint8)


def dhash(image: np.ndarray) -> int:
    """Return the difference hash: is each of 12x12 fields brighter than its left, and than its upper neighbour?

    It survives scaling, JPEG, and changes of brightness and contrast; not crops, turns or mirroring. Brighter means by
    more than one level, so that the noise of a plain ground leaves no mark.

    Args:
        image: uint8 [H, W, C] in [0, 255], C = 1 or 3.

    Returns:
        A number of `HASH_BITS` bits.
    """
    grey = image[..., 0] if image.shape[2] == 1 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    grey = grey.astype(np.float32)
    across = np.diff(cv2.resize(grey, (_SIDE + 1, _SIDE), interpolation=cv2.INTER_AREA), axis=1)
    down = np.diff(cv2.resize(grey, (_SIDE, _SIDE + 1), interpolation=cv2.INTER_AREA), axis=0)
    return int.from_bytes(np.packbits(np.concatenate([across.ravel(), down.ravel()]) > 1).tobytes())


def near_duplicate_groups(hashes: Sequence[int] | np.ndarray, distance: int = NEAR) -> list[int]:
    """Return for each hash the number of its group: hashes within `distance` bits, and theirs in turn, share one.

    Exact: two hashes that differ in at most d of their bits agree wholly in at least one of d + 1 bands of bits, so
    only hashes with an equal band are compared. Fifty thousand hashes of photos take some seconds.

    Args:
        hashes: of `dhash`; or their bytes, uint8 [N, HASH_BITS / 8].
        distance: bits in which two near-duplicates may differ.

    Returns:
        One group number per hash, from 0 in the order of first appearance.
    """
    if not len(hashes):
        return []
    if not isinstance(hashes, np.ndarray):
        data = b"".join(value.to_bytes(HASH_BITS // 8) for value in hashes)
        hashes = np.frombuffer(data, np.uint8).reshape(len(hashes), -1)
    whole = np.ascontiguousarray(hashes).view(f"V{HASH_BITS // 8}").reshape(-1)
    unique, place = np.unique(whole, return_inverse=True)
    words = unique.view(np.uint16).reshape(len(unique), -1)  # [N, HASH_BITS / 16]
    parents = np.arange(len(unique))
    for first in range(distance + 1):
        # Every so many bits: a band of neighbours would be the same plain ground in half of the photos.
        _join_within_band(parents, words, _band(words, range(first, HASH_BITS, distance + 1)), distance)
    roots = _roots(parents, np.arange(len(parents)))[place.reshape(-1)]
    numbers: dict[int, int] = {}
    return [numbers.setdefault(root, len(numbers)) for root in roots.tolist()]


def _band(words: np.ndarray, bits: Sequence[int]) -> np.ndarray:
    """Return a number per row of words, equal where those bits are; a hash of them where they are more than 64."""
    octets = words.view(np.uint8)
    band = np.zeros(len(words), np.uint64)
    for bit in bits:
        one = octets[:, bit // 8] >> (7 - bit % 8) & 1
        band = (band << np.uint64(1) | band >> np.uint64(63)) ^ one
    return band


def _join_within_band(parents: np.ndarray, words: np.ndarray, keys: np.ndarray, distance: int) -> None:
    """Join all pairs that agree in the band's keys and differ in at most `distance` bits over all."""
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    # Equal keys lie side by side, so comparing each with the next, the one after it ... covers all their pairs.
    starts, step = np.arange(len(keys)), 0
    while len(starts):
        step += 1
        starts = starts[starts < len(keys) - step]
        starts = starts[keys[starts] == keys[starts + step]]
        left, right = order[starts], order[starts + step]
        apart = _ONES_IN_16_BITS[words[left] ^ words[right]].sum(axis=1)
        near = apart <= distance
        left, right = _roots(parents, left[near]), _roots(parents, right[near])
        separate = left != right
        for one, other in zip(left[separate].tolist(), right[separate].tolist(), strict=True):
            root, leaf = sorted((_root(parents, one), _root(parents, other)))
            parents[leaf] = root


def _roots(parents: np.ndarray, members: np.ndarray) -> np.ndarray:
    found = parents[members]
    while (parents[found] != found).any():
        found = parents[found]
    parents[members] = found  # shortens the way for the next call
    return found


def _root(parents: np.ndarray, member: int) -> int:
    while parents[member] != member:
        member = int(parents[member])
    return member
