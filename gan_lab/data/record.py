"""Which photos a run was trained on, by their content: whatever becomes of their folder, none of them counts as held out."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gan_lab.data.index import check_stored
from gan_lab.data.photos import list_first_paths
from gan_lab.data.roles import Roles
from gan_lab.data.splits import TEST, TRAIN, UNKNOWN, VALIDATION
from gan_lab.errors import UserError
from gan_lab.storage import open_regular, write_atomically

log = logging.getLogger(__name__)

#: The parts by the names of their splits.
PARTS = {"train": TRAIN, "val": VALIDATION, "test": TEST}
#: The file of a run's folder.
RECORD = "photos.npz"

Digests = NDArray[np.uint64]
Parts = NDArray[np.int8]


@dataclass(frozen=True)
class PhotoRecord:
    """The photos of a run and the part that each was in; what was once trained on stays so.

    Attributes:
        digests: [N] of the photos' files, ascending, each once.
        parts: [N] TRAIN, VALIDATION or TEST.
    """

    digests: Digests
    parts: Parts

    @classmethod
    def collect(cls, parts: Iterable[tuple[int, Digests]]) -> PhotoRecord:
        """Return the record of photos by part; one that is in several counts for the first of TRAIN, VALIDATION and TEST."""
        pairs = list(parts)
        digests = np.concatenate([np.zeros(0, np.uint64), *(each for _, each in pairs)])
        columns = [np.full(len(each), part, np.int8) for part, each in pairs]
        in_part = np.concatenate([np.zeros(0, np.int8), *columns])
        order = np.lexsort((in_part, digests))
        digests, in_part = digests[order], in_part[order]
        first = np.diff(digests, prepend=np.uint64(0)) > 0  # 0 is no digest
        return cls(digests[first], in_part[first])

    @classmethod
    def of_splits(cls, splits: dict[str, Roles]) -> PhotoRecord:
        """Return the record of the photos of all splits."""
        return cls.collect((PARTS[split], table.digests) for split, roles in splits.items() for table in roles.values())

    def __len__(self) -> int:
        return len(self.digests)

    def find_parts(self, digests: Digests) -> Parts:
        """Return the part [N] of each photo; UNKNOWN for one that is not in the record."""
        if not len(self):
            return np.full(len(digests), UNKNOWN, np.int8)
        places = np.searchsorted(self.digests, digests).clip(max=len(self) - 1)
        return np.where(self.digests[places] == digests, self.parts[places], np.int8(UNKNOWN))

    def join(self, other: PhotoRecord) -> PhotoRecord:
        """Return the record of the photos of both."""
        both = (self, other)
        return PhotoRecord.collect((int(part), each.digests[each.parts == part]) for each in both for part in range(3))

    def write(self, path: Path) -> None:
        """Write the record, 9 bytes a photo.

        Raises:
            OSError: the disk refuses it.
        """
        with write_atomically(path) as file:
            np.savez(file, digests=self.digests, parts=self.parts)

    @classmethod
    def read(cls, path: Path) -> PhotoRecord | None:
        """Return the record in a file; None where there is none. It is read as plain arrays, and runs nothing.

        Raises:
            UserError: it is damaged, or something else.
        """
        try:
            with open_regular(path) as opened:
                check_stored(opened)
                with np.load(opened, allow_pickle=False) as file:
                    record = cls(file["digests"], file["parts"])
            record.check()
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise UserError(
                f"{path}: is no record of a run's photos ({' '.join(str(error).split())[:160]}); remove it, and the split's "
                "rule alone says which photos are held out"
            ) from error
        return record

    def check(self) -> None:
        """Raise ValueError where the arrays are not as `collect` makes them."""
        digests, parts = self.digests, self.parts
        if digests.dtype != np.uint64 or parts.dtype != np.int8 or digests.ndim != 1 or digests.shape != parts.shape:
            raise ValueError("its arrays have another form")
        if (np.diff(digests, prepend=np.uint64(0)) == 0).any() or (digests[1:] < digests[:-1]).any():
            raise ValueError("its digests are not in order")
        if len(parts) and not (parts.min() >= 0 and parts.max() <= 2):
            raise ValueError("it names other parts")


def find_record(checkpoint: Path) -> PhotoRecord | None:
    """Return the record of the run whose folder a checkpoint lies in; None where it lies in none, or that has none.

    Raises:
        UserError: it is damaged.
    """
    return PhotoRecord.read(checkpoint.parent.parent / RECORD) if checkpoint.parent.name == "checkpoints" else None


def find_known(roles: Roles, record: PhotoRecord | None) -> Parts:
    """Return the parts that the photos of tables have by a record, of pairs once: a pair was trained on if either half was."""
    found = [
        np.full(len(table), UNKNOWN, np.int8) if record is None else record.find_parts(table.digests)
        for table in roles.values()
    ]
    if "gt" not in roles:
        return np.concatenate(found)
    trained = np.any([parts == TRAIN for parts in found], axis=0)
    return np.where(trained, np.int8(TRAIN), np.max(found, axis=0))


def keep_apart(splits: dict[str, Roles], record: PhotoRecord | None) -> tuple[dict[str, Roles], int]:
    """Leave out of validation and test what is trained on, or was; say that, and which photos a record does not know.

    Args:
        splits: the tables by split and role.
        record: of the run that goes on, or is evaluated.

    Returns:
        The splits, without those of which nothing is left; how many photos were left out.
    """
    trained = PhotoRecord.of_splits({split: roles for split, roles in splits.items() if split == "train"})
    if record is not None:
        report_changes(splits, record)
        trained = trained.join(record)
    kept, names = dict(splits), list[str]()
    for split, roles in splits.items():
        if split == "train":
            continue
        parts = find_known(roles, trained)
        halves = [parts] * len(roles) if "gt" in roles else np.split(parts, np.cumsum([*map(len, roles.values())])[:-1])
        out = {role: half == TRAIN for role, half in zip(roles, halves, strict=True)}
        if any(rows.any() for rows in out.values()):
            names += [name for role, table in roles.items() for name in table.take(out[role]).names]
            kept[split] = {role: table.take(~out[role]) for role, table in roles.items()}
            if not all(map(len, kept[split].values())):
                del kept[split]
    if names:
        log.warning(
            "%d photos would be held out and were trained on; they are left out: %s",
            len(names),
            list_first_paths(names),
        )
    return kept, len(names)


def report_changes(splits: dict[str, Roles], record: PhotoRecord) -> None:
    """Say how many photos came since a record was made, and how many are gone."""
    now = PhotoRecord.of_splits(splits)
    known = record.find_parts(now.digests) != UNKNOWN
    gone, held_out = len(record) - int(known.sum()), int((~known & (now.parts != TRAIN)).sum())
    if not known.any():
        log.info("none of these photos is among the %d that the run began with", len(record))
    elif gone or not known.all():
        log.warning(
            "since the run began %d photos came, %d to train on and %d held out, and %d are gone",
            (~known).sum(), (~known).sum() - held_out, held_out, gone,
        )  # fmt: skip
