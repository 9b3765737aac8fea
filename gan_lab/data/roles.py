"""Which of the tables that were found feed a model: single photos, pairs, or two domains."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import numpy as np

from gan_lab.data.source import Source
from gan_lab.errors import UserError

log = logging.getLogger(__name__)

NEEDS = {
    "images": "photos",
    "paired": "pairs of a bad and a good photo, or photos to degrade",
    "unpaired": "two folders of photos, A and B",
}
# Scans and crops round a side by a pixel or two; more than this and the two photos do not show the same.
ASPECT_TOLERANCE = 0.02

Roles = dict[str, Source]


@dataclass(frozen=True)
class Scan:
    """What a datamodule found.

    Attributes:
        splits: split -> role -> table. Roles are "image", or "lq" and "gt" row by row, or "A" and "B". A split that the
            data lack is absent.
        class_names: in the order of the labels; empty without classes.
        found: the data in words, for messages: "/photos (class folders dress, hat)".
        photos: how many files there are, in all splits and roles; 0 where pictures cannot be unreadable.
        unreadable: how many of them cannot be read and are in no table.
    """

    splits: dict[str, Roles]
    class_names: list[str] = field(default_factory=list)
    found: str = ""
    photos: int = 0
    unreadable: int = 0


def without_gaps(splits: dict[str, Roles]) -> dict[str, Roles]:
    """Let validation and test stand in for each other where one of them is missing."""
    for missing, other in (("val", "test"), ("test", "val")):
        if missing not in splits and other in splits:
            log.warning("The data have no %s split: the %s photos serve as both.", missing, other)
            splits[missing] = splits[other]
    return splits


@dataclass(frozen=True)
class Wanted:
    """What a model eats, and what the user chose where the data leave a choice.

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
            UserError: the data have none; the message says what the model needs, what there is, and the mend.
        """
        if self.domain is not None and self.domain in roles:
            roles = {"image": roles[self.domain]}
        if self.kind == "unpaired":
            if "image" in roles and any(self.classes):
                names = zip("AB", self.classes, strict=True)
                return {role: _of_class(roles["image"], f"class_{role.lower()}", name, scan) for role, name in names}
            mend = (
                "arrange them as trainA/ and trainB/, or name two folders (data.domain_a, data.domain_b) or two classes "
                "(data.class_a, data.class_b)"
            )
            return self._pick(roles, ("A", "B"), scan, mend)
        if self.kind == "paired" and {"lq", "gt"} <= roles.keys():
            _check_pairs(roles["lq"], roles["gt"])
            return {"gt": roles["gt"], "lq": roles["lq"]}
        if "image" not in roles and "gt" in roles:
            return {"image": roles["gt"]}
        return self._pick(roles, ("image",), scan, "choose one of its domains with data.domain=A or data.domain=B")

    def _pick(self, roles: Roles, names: tuple[str, ...], scan: Scan, mend: str) -> Roles:
        if not all(name in roles for name in names):
            raise self._refusal(scan, mend)
        return {name: roles[name] for name in names}

    def _refusal(self, scan: Scan, mend: str) -> UserError:
        return UserError(f"data.root: this model needs {NEEDS[self.kind]}; there is {scan.found}. To mend: {mend}.")


def _of_class(source: Source, option: str, name: str | None, scan: Scan) -> Source:
    if name not in scan.class_names:
        known = ", ".join(scan.class_names) or "none"
        raise UserError(f"data.{option}: {name} is not a class of {scan.found}; the classes are {known}.")
    return source.subset(np.flatnonzero(source.labels == scan.class_names.index(name)))


def _check_pairs(lq: Source, gt: Source) -> None:
    """Refuse pairs of different shapes: scaled onto each other they would not match. A smaller copy is fine."""
    ratio = (lq.sizes[:, 0] * gt.sizes[:, 1]) / (lq.sizes[:, 1] * gt.sizes[:, 0])
    unlike = np.flatnonzero(np.abs(np.log(ratio)) > ASPECT_TOLERANCE).tolist()
    if unlike:
        (w, h), (width, height) = lq.sizes[unlike[0]], gt.sizes[unlike[0]]
        raise UserError(
            f"data.root: {lq.names[unlike[0]]} is {w}x{h} but {gt.names[unlike[0]]} is {width}x{height}; {len(unlike)} of "
            f"{len(lq)} pairs of this split differ in shape, by more than {ASPECT_TOLERANCE:.0%} in width by height. To mend: "
            "crop both photos of such a pair to the same part of the scene, or take it out; for photos that cannot be made "
            "to match there is model=cyclegan, with data.domain_a and data.domain_b."
        )
