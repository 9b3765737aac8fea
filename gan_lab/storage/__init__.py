"""Files that may come from anyone: opened without blocking, and read as data, never as code."""

from gan_lab.storage.plain_data import PlainCopy, decode_json, plain_data
from gan_lab.storage.regular_files import open_regular, read_regular, require_stored

__all__ = ["PlainCopy", "decode_json", "open_regular", "plain_data", "read_regular", "require_stored"]
