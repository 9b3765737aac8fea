"""Files: what may come from anyone is read as data, without blocking; what is written appears complete or not at all."""

from gan_lab.storage.atomic import remove_incomplete_files, write_atomically
from gan_lab.storage.hashes import hash_file
from gan_lab.storage.plain_data import PlainCopy, decode_json, plain_data
from gan_lab.storage.regular_files import open_regular, read_regular, require_stored

__all__ = [
    "PlainCopy",
    "decode_json",
    "hash_file",
    "open_regular",
    "plain_data",
    "read_regular",
    "remove_incomplete_files",
    "require_stored",
    "write_atomically",
]
