"""What a job has done so far, in a file that a kill cannot spoil: `manifest.jsonl`.

Its first line is a header: `{"manifest": 1, "settings": {<sha256>: {...}}}`, the settings in plain words that the
records below were made with. Each further line is one image's record. A record is appended as soon as it is there; a
later one of the same path counts; the end of a job leaves one of each path, sorted.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import math
import os
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_lab.errors import UserError
from gan_lab.photo_files import UnreadableImage
from gan_lab.storage import decode_json, hash_file, open_regular, plain_data, write_atomically

log = logging.getLogger(__name__)

Record = dict[str, Any]

NAME = "manifest.jsonl"
VERSION = 1
#: What of a record is read again, and of which kind it is.
KINDS: dict[str, Any] = {
    **dict.fromkeys(("path", "status", "error", "verdict", "settings_sha256", "input_sha256", "output_sha256"), str),
    **dict.fromkeys(("others_sha256", "notes", "size"), list),
    **dict.fromkeys(("figures", "stamps"), dict),
    "output": str | None,
}
#: Seconds in which a file may change twice without its times telling: the coarsest clock of a file system (FAT).
CLOCK_TICK = 2.0


class Manifest:
    """The records of an output folder; a context in which they can be added.

    Opening it drops what a kill left torn. Entering writes the file anew, so that a folder that cannot be written to is
    known before any work.

    Attributes:
        path: the file.
        settings_sha256: of the settings now.
        records: by their path.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        """Read what is there.

        Args:
            folder: the output folder.
            settings: everything that decides a result beside the image: plain containers.

        Raises:
            UserError: the file cannot be read, or is no manifest.
        """
        self.path = folder / NAME
        self.settings_sha256 = settings_sha256(settings)
        self.records: dict[str, Record] = {}
        self._settings: dict[str, Any] = {}
        self._file = -1
        self._read()
        self._settings[self.settings_sha256] = make_plain(settings)

    def __enter__(self) -> Manifest:
        """Write the file anew and open it for more."""
        self.compact()
        self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        os.close(self._file)

    def append(self, record: Record) -> None:
        """Add a record, or put it in the place of its path's earlier one.

        Raises:
            OSError: it cannot be written.
        """
        self.records[record["path"]] = record
        line, end = encode_record(record), os.fstat(self._file).st_size
        if os.write(self._file, line) < len(line):  # in one go: a kill tears the last line at most
            os.ftruncate(self._file, end)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))

    def compact(self) -> None:
        """Write one record of each path, sorted, and the settings they were made with, whole or not at all.

        Raises:
            OSError: it cannot be written.
        """
        used = {self.settings_sha256, *(record.get("settings_sha256") for record in self.records.values())}
        settings = {key: value for key, value in sorted(self._settings.items()) if key in used}
        with write_atomically(self.path) as file:
            file.write(encode_record({"manifest": VERSION, "settings": settings}))
            file.writelines(encode_record(self.records[path]) for path in sorted(self.records))

    def _read(self) -> None:
        try:
            with open_regular(self.path) as file:
                self._check_header(decode_record(next(file, b"{}")), file.tell() == 0)
                spoilt = 0
                for line in file:
                    record = decode_record(line)
                    if isinstance(record.get("path"), str):
                        self.records[record["path"]] = record
                    elif line.endswith(b"\n"):  # one that is torn was not finished: a kill leaves it
                        spoilt += 1
                if spoilt:
                    log.warning("%s: %d records cannot be read; their photos are done again", self.path, spoilt)
        except FileNotFoundError:
            return
        except OSError as error:
            raise UserError(f"output: {self.path} cannot be read ({error.strerror}); repair or remove it") from error

    def _check_header(self, header: Record, empty: bool) -> None:
        version, settings = header.get("manifest"), header.get("settings")
        if empty:
            return
        if version != VERSION or not isinstance(settings, dict):
            what = "is of another version" if isinstance(version, int) else "was not made by this program"
            raise UserError(f"output: {self.path} {what}; move it away, or name another folder")
        self._settings = settings


@dataclass(frozen=True)
class Fingerprint:
    """What tells one content of a file from another.

    Attributes:
        sha256: of the content, in hexadecimal.
        stamp: size, times and inode, which spare reading the file again; empty where they could deceive.
    """

    sha256: str
    stamp: str


def fingerprint(path: Path, known: Fingerprint | None = None, own: bool = False) -> Fingerprint:
    """Return a file's fingerprint; it is read only where its stamp is not the known one.

    Args:
        path: the file.
        known: an earlier fingerprint of it.
        own: whether this program wrote it just now. Of other files that are younger than a file system's clock can
            tell, the stamp is left out: the next change might not show in it.

    Raises:
        UnreadableImage: it is no regular file (a named pipe would block for ever).
        OSError: it cannot be read.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableImage(path, "not a regular file")
    stamp = f"{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}:{status.st_ino}"
    if known is not None and known.stamp == stamp:
        return known
    settled = own or time.time() - max(status.st_mtime, status.st_ctime) > CLOCK_TICK
    return Fingerprint(hash_file(path), stamp if settled else "")


def settings_sha256(settings: Mapping[str, Any]) -> str:
    """Return the SHA-256 of settings, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(make_plain(settings), sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def make_plain(value: Any) -> Any:
    """Return a value as JSON has it: mappings, lists, text, finite numbers; numpy's numbers too, others as null.

    Raises:
        TypeError: JSON has nothing like it.
    """
    if isinstance(value, Mapping):
        return {str(key): make_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [make_plain(item) for item in value]
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float) or hasattr(value, "item"):
        number = value if isinstance(value, float) else value.item()
        return (number if math.isfinite(number) else None) if isinstance(number, float) else number
    raise TypeError(f"not for a manifest: {value!r}")


def encode_record(record: Record) -> bytes:
    """Return a record as a line; names stay readable, but for those that are no Unicode."""
    try:
        return json.dumps(record, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(record, allow_nan=False).encode() + b"\n"


def decode_record(line: bytes) -> Record:
    """Return the record of a line; of a torn or spoilt one, an empty record."""
    try:
        record = plain_data(decode_json(line), NAME)
    except (ValueError, UserError):
        return {}
    return record if isinstance(record, dict) and is_sound(record) else {}


def is_sound(record: Record) -> bool:
    """Return whether what a record says is of the kinds that this program writes."""
    if any(key in record and not isinstance(record[key], kind) for key, kind in KINDS.items()):
        return False
    stamps = record.get("stamps", {})
    inputs = stamps.get("inputs", [])
    texts = [*record.get("others_sha256", []), *record.get("notes", []), stamps.get("output", "")]
    texts += inputs if isinstance(inputs, list) else [inputs]
    paths = f"{record.get('path')}{record.get('output')}"
    return all(isinstance(text, str) for text in texts) and isinstance(inputs, list) and "\0" not in paths
