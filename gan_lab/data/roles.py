"""Which of the tables that were found feed a model: single photos, pairs, or two domains."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import numpy as np

from gan_lab.data.store import Unreadable
from gan_lab.data.table import PhotoTable
from gan_lab.errors import UserError
from gan_lab.options import format_value

log = logging.getLogger(__name__)

NEEDS = {
    "images": "photos",
    "paired": "pairs of a bad and a good photo, or photos to degrade",
    "unpaired": "two folders of photos, A and B",
}
# Scans and crops round a side by a pixel or two; more than this and the two photos do not show the same.
ASPECT_TOLERANCE = 0.02

Roles = dict[str, PhotoTable]


@dataclass(frozen=True)
class Scan:
    """What a datamodule found.

    Attributes:
        splits: split -> role -> table. Roles are "image", or "lq" and "gt" row by row, or "A" and "B". A split that the
            data lack is absent.
        class_names: in the order of the labels; empty without classes.
        found: the data in words, for messages: "/photos (2 classes)".
        given: the options that say where they are, with their values.
        unreadable: the count of files that cannot be read.
    """

    splits: dict[str, Roles]
    class_names: list[str] = field(default_factory=list)
    found: str = ""
    given: str = "data.root=null"
    unreadable: Unreadable = field(default_factory=lambda: Unreadable(allowed=0, photos=0))


def fill_missing_splits(splits: dict[str, Roles]) -> dict[str, Roles]:
    """Let validation and test stand in for each other where one of them is missing."""
    for missing, other in (("val", "test"), ("test", "val")):
        if missing not in splits and other in splits:
            log.warning("The data have no %s split: the %s photos serve as both.", missing, other)
            splits[missing] = splits[other]
    return splits


@dataclass(frozen=True)
class RoleChoice:
    """Which tables a model takes, and what the user chose where the data leave a choice.

    Attributes:
        kind: a key of `NEEDS`.
        domain: "A" or "B": this domain serves as single photos.
        classes: two class names that serve as the domains A and B.
    """

    kind: str
    domain: str | None = None
    classes: tuple[str | None, str | None] = (None, None)

    def choose(self, roles: Roles, scan: Scan) -> Roles:
        """Return the tables of one split that the model's view takes, by role.

        Raises:
            UserError: the data have none; the message says what the model needs, what there is, and what to do.
        """
        if self.domain is not None and self.domain in roles:
            roles = {"image": roles[self.domain]}
        if self.kind == "unpaired":
            if "image" in roles and any(self.classes):
                names = zip("AB", self.classes, strict=True)
                return {role: _take_class(roles["image"], f"class_{role.lower()}", name, scan) for role, name in names}
            advice = (
                "arrange them as trainA/ and trainB/, or name two folders (data.domain_a, data.domain_b) or two classes "
                "(data.class_a, data.class_b)"
            )
            return self._pick(roles, ("A", "B"), scan, advice)
        if self.kind == "paired" and {"lq", "gt"} <= roles.keys():
            _check_pairs(roles["lq"], roles["gt"], scan)
            return {"gt": roles["gt"], "lq": roles["lq"]}
        if "image" not in roles and "gt" in roles:
            return {"image": roles["gt"]}
        return self._pick(roles, ("image",), scan, "choose one of its domains with data.domain=A or data.domain=B")

    def _pick(self, roles: Roles, names: tuple[str, ...], scan: Scan, advice: str) -> Roles:
        if not all(name in roles for name in names):
            raise UserError(f"{scan.given}: this model needs {NEEDS[self.kind]}, and there is {scan.found}; {advice}")
        return {name: roles[name] for name in names}


def _take_class(table: PhotoTable, option: str, name: str | None, scan: Scan) -> PhotoTable:
    if name not in scan.class_names:
        known = ", ".join(scan.class_names) or "none"
        raise UserError(f"data.{option}={format_value(name)}: is not a class of {scan.found}; the classes are {known}")
    return table.take(table.labels == scan.class_names.index(name))


def _check_pairs(lq: PhotoTable, gt: PhotoTable, scan: Scan) -> None:
    """Refuse pairs of different shapes: scaled onto each other they would not match. A smaller copy is fine."""
    ratio = (lq.sizes[:, 0] * gt.sizes[:, 1]) / (lq.sizes[:, 1] * gt.sizes[:, 0])
    unlike = np.flatnonzero(np.abs(np.log(ratio)) > ASPECT_TOLERANCE)
    if len(unlike):
        first = (table.take(unlike[:1]) for table in (lq, gt))
        bad, good = (f"{table.names[0]} is {table.sizes[0, 0]}x{table.sizes[0, 1]}" for table in first)
        raise UserError(
            f"{scan.given}: {bad} but {good}, and {len(unlike)} of {len(lq)} pairs of this split differ in shape, by more than "
            f"{ASPECT_TOLERANCE:.0%} in width by height; crop both photos of such a pair to the same part of the scene, or "
            "take it out; for photos that cannot be made to match there is model=cyclegan, with data.domain_a and data.domain_b"
        )
