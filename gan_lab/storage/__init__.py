"""Files: what may come from anyone is read as data, without blocking; what is written appears whole or not at all."""

from gan_lab.storage.plain_data import PlainCopy, decode_json, plain_data
from gan_lab.storage.regular_files import open_regular, read_regular, require_stored
from gan_lab.storage.whole_files import write_whole

__all__ = ["PlainCopy", "decode_json", "open_regular", "plain_data", "read_regular", "require_stored", "write_whole"]
