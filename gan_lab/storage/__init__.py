"""Files that may come from anyone: opened without blocking, and read as data, never as code."""

from gan_lab.storage.plain_data import decode_json, plain_data, printable
from gan_lab.storage.regular_files import open_regular, read_regular

__all__ = ["decode_json", "open_regular", "plain_data", "printable", "read_regular"]
