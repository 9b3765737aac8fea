"""Files that torch.save wrote, read as tensors and plain containers; nothing in them can run or grow.

Not imported with the package: it needs torch, which takes seconds to import.
"""

from __future__ import annotations

import contextlib
import pickletools
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import torch

from gan_lab.errors import UserError
from gan_lab.storage.regular_files import open_regular, require_stored

#: All that the pickle of a file may name: tensors, their storages, ordered dicts.
NAMES = {
    *("collections OrderedDict", "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_tensor"),
    "torch._utils _rebuild_parameter",
    *(
        f"torch {kind}Storage"
        for kind in ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
    ),
}
#: Operations of a pickle that name something in another way.
NAMING = ("STACK_GLOBAL", "INST", "EXT1", "EXT2", "EXT4")
#: Pickles in a row at the beginning of a file of torch's old format.
OLD_PICKLES = 5
#: `forget_registered_classes` changes what torch knows in all threads.
_loading = threading.RLock()


def load_tensors(path: Path, old_format: bool = False) -> Any:
    """Load a file of `torch.save` to the CPU.

    Args:
        path: the file.
        old_format: whether it may be of the format that torch wrote before 1.6, which has no sums.

    Raises:
        OSError: the file cannot be read, or is a named pipe or a device.
        MemoryError: it does not fit.
        Exception: whatever the unpickler makes of a damaged file; ValueError where it is packed, differs from its sums, or
            names anything but `NAMES`.
    """
    with open_regular(path) as file:
        if not old_format or zipfile.is_zipfile(file):
            check_sums(file)
        check_names(file)
        file.seek(0)
        with forget_registered_classes():
            return torch.load(file, map_location="cpu", weights_only=True)


def check_sums(file: BinaryIO) -> None:
    """Compare an archive with the sums that were written into it: torch does not, and reads a flipped bit as another weight.

    Raises:
        ValueError: they differ, or it is packed, as none of torch's is: a few bytes could unpack to any size.
        zipfile.BadZipFile: it is no archive.
    """
    with zipfile.ZipFile(file) as archive:
        require_stored(archive)
        broken = archive.testzip()
    if broken is not None:
        raise ValueError(f"{broken} is not what was written")


def check_names(file: BinaryIO) -> None:
    """Refuse a file whose pickle names anything but `NAMES`.

    `weights_only` lets more through: whatever classes a package has registered for it, a `DeviceMesh` that opens a socket
    when it is made among them, and a `bytearray` of any length. This looks at what torch's own reader finds in the file.

    Raises:
        ValueError: it names something else.
    """
    is_archive = zipfile.is_zipfile(file)
    file.seek(0)
    if is_archive:
        pickles: list[Any] = [torch._C.PyTorchFileReader(file).get_record("data.pkl")]
    else:
        pickles = [file] * OLD_PICKLES
    for pickled in pickles:
        for operation, argument, _ in pickletools.genops(pickled):
            if operation.name in NAMING or (operation.name == "GLOBAL" and argument not in NAMES):
                raise ValueError(f"it names {str(argument or operation.name)[:100]}, where tensors alone may stand")


@contextlib.contextmanager
def forget_registered_classes() -> Iterator[None]:
    """Take back, for the block, what packages have registered as safe for `torch.load`."""
    with _loading:
        registered = torch.serialization.get_safe_globals()
        torch.serialization.clear_safe_globals()
        try:
            yield
        finally:
            torch.serialization.add_safe_globals(registered)


def load_weights(model: torch.nn.Module, weights: dict[str, torch.Tensor], path: Path) -> None:
    """Fill a model with weights that must fit it exactly.

    Raises:
        UserError: they do not.
    """
    try:
        model.load_state_dict(weights)
    except (RuntimeError, KeyError, TypeError, ValueError, OverflowError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"checkpoint {path}: its weights do not fit the model ({reason}); name another") from error
