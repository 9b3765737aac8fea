"""A restorer in an ONNX file, run by onnxruntime; what it takes and gives is found by trying it."""

from __future__ import annotations

import importlib.util
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from gan_lab.errors import UserError
from gan_lab.storage import open_regular

#: Sides that are tried, in pixels, and what sides may have to be multiples of.
SIDE, MULTIPLES = 128, (1, 2, 4, 8, 16, 32, 64)
#: Ranges of values that are tried, by their upper end.
RANGES = (1.0, 255.0)
#: How far a result may lie from what was given, in the mean, as a share of the range; how near says enough;
#: and how many times nearer another must come to be taken. (A network for [0, 1] may be proportional enough to do well in
#: [0, 255]; one for [0, 255] sees [0, 1] as black, and gives back black.)
AGREEMENT, NEAR, CLEARLY = 0.08, 0.015, 4.0
#: The smallest fixed size that tiles can be made of.
SMALLEST_SIDE = 48


@dataclass(frozen=True)
class OnnxNetwork:
    """A network with one image in and one out.

    Attributes:
        session: of onnxruntime.
        channels: of the images, 1 or 3.
        scale: how much larger the result is.
        highest: value of white: 1 or 255.
        side: of the square that it takes alone; None where it takes any size.
        multiple: of sides.
    """

    session: Any
    channels: int
    scale: int
    highest: float
    side: int | None
    multiple: int

    def __call__(self, image: Tensor) -> Tensor:
        """Return [1, C, scale * h, scale * w] in [-1, 1] for [1, C, h, w] in [-1, 1], padded meanwhile as needed."""
        height, width = image.shape[-2:]
        if self.side is None:
            sides = [math.ceil(side / self.multiple) * self.multiple for side in (height, width)]
        else:
            sides = [self.side, self.side]
        # by its edges: a mirror image would need sides larger than the padding
        padded = functional.pad(image.float(), (0, sides[1] - width, 0, sides[0] - height), mode="replicate")
        made = run(self.session, ((padded + 1) * (self.highest / 2)).cpu().numpy())
        result = torch.from_numpy(made).to(image.device) * (2 / self.highest) - 1
        return result[..., : self.scale * height, : self.scale * width]


def open_onnx(path: Path, where: str, device: torch.device) -> OnnxNetwork:
    """Open a file, and find the network's scale, range of values and sizes by trying it on a smooth picture.

    Weights must lie in the file itself: no other file is read.

    Args:
        path: the file.
        where: the option, for messages.
        device: where to compute.

    Raises:
        UserError: onnxruntime is not installed; the file cannot be read or has operators that it lacks; the network has
            other inputs than one image, or gives back nothing like it.
    """
    if importlib.util.find_spec("onnxruntime") is None:
        raise UserError(f'{where}: needs onnxruntime, which is not installed; pip install "gan_lab[onnx]"')
    session = open_session(path, where, device)
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(outputs) != 1:
        raise UserError(
            f"{where}: has {len(inputs)} inputs ({', '.join(each.name for each in inputs)}) and {len(outputs)} outputs; name a "
            "network with one image in and one out"
        )
    shape = [each if isinstance(each, int) and each > 0 else None for each in inputs[0].shape]
    if len(shape) != 4 or shape[0] not in (1, None) or shape[1] not in (1, 3, None):
        raise UserError(f"{where}: takes {inputs[0].shape}; name a network for images [1, 3 or 1, height, width]")
    if shape[2] != shape[3] or (shape[2] is not None and shape[2] < SMALLEST_SIDE):
        raise UserError(
            f"{where}: takes images of {shape[2]} x {shape[3]} pixels alone; export it for any size, or for squares of "
            f"{SMALLEST_SIDE} pixels at least"
        )
    channels, side = shape[1] or 3, shape[2]
    scale, highest = find_scale_and_range(session, channels, side or SIDE, where)
    multiple = 1 if side is not None else find_multiple(session, channels, scale, where)
    return OnnxNetwork(session, channels, scale, highest, side, multiple)


def open_session(path: Path, where: str, device: torch.device) -> Any:
    """Return onnxruntime's session of a file.

    Weights that lie in other files are looked for in an empty folder: a stranger's file must not read those of the user.

    Raises:
        UserError: it cannot be read.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4
    wanted = ["CUDAExecutionProvider"] if device.type == "cuda" else []
    available = [each for each in (*wanted, "CPUExecutionProvider") if each in onnxruntime.get_available_providers()]
    try:
        with open_regular(path) as file:
            content = file.read()
        with tempfile.TemporaryDirectory() as empty:
            options.add_session_config_entry("session.model_external_initializers_file_folder_path", empty)
            return onnxruntime.InferenceSession(content, options, providers=available)
    except OSError as error:
        raise UserError(f"{where}: cannot be read ({error.strerror or error}); name another") from error
    except MemoryError as error:
        raise UserError(f"{where}: is larger than this machine's memory; use a machine with more") from error
    except Exception as error:  # onnxruntime has an exception of its own for each kind of fault
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{where}: onnxruntime cannot open it ({reason}); export it with its weights in one file"
        ) from error


def run(session: Any, image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Run a network on an image [1, C, h, w] and return its output, float32 [1, C, H, W]."""
    given = session.get_inputs()[0]
    kind = np.float16 if given.type == "tensor(float16)" else np.float32
    (made,) = session.run(None, {given.name: np.ascontiguousarray(image, kind)})
    return np.asarray(made, np.float32)


def draw_probe(channels: int, height: int, width: int) -> NDArray[np.float32]:
    """Return a smooth picture in [0, 1], [1, channels, height, width], whose channels differ: it should come back as it is."""
    down, across = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None, :]
    waves = [
        0.5 + 0.2 * down + 0.15 * np.sin(3 * across),
        0.4 - 0.2 * across + 0.1 * down,
        0.6 + 0.2 * np.cos(2 * down * across),
    ]
    return np.ascontiguousarray(np.stack(waves[:channels])[None], np.float32)


def find_scale_and_range(session: Any, channels: int, side: int, where: str) -> tuple[int, float]:
    """Return how much larger results are, and the value of white: by how well a picture comes back.

    Raises:
        UserError: it cannot be run, results are of another shape, or like the picture in no range.
    """
    probe = draw_probe(channels, side, side)
    errors: dict[float, float] = {}
    scale = 1
    for highest in RANGES:
        try:
            made = run(session, probe * highest)
        except Exception as error:  # likewise
            raise UserError(
                f"{where}: cannot be run on {channels} x {side} x {side} ({str(error)[:160]}); name another"
            ) from error
        scale, rest = divmod(made.shape[-1], side) if made.ndim == 4 else (0, 1)
        if rest or scale < 1 or made.shape != (1, channels, scale * side, scale * side):
            raise UserError(
                f"{where}: makes {list(made.shape)} of {[1, channels, side, side]}; name a network whose results are as large, "
                "or a whole number of times as large"
            )
        small = made.reshape(channels, side, scale, side, scale).mean(axis=(2, 4)) / highest
        errors[highest] = float(np.abs(small - probe[0]).mean())
    one, other = RANGES
    best = one if errors[one] < NEAR or not errors[other] * CLEARLY < errors[one] else other
    if not errors[best] < AGREEMENT:  # nor where it is NaN
        tried = " and ".join(f"{error:.2f} in [0, {highest:g}]" for highest, error in errors.items())
        raise UserError(
            f"{where}: a smooth picture comes back changed by {tried}, as a share of the range; name a network that restores "
            "or enlarges, for values in [0, 1] or [0, 255]"
        )
    return scale, best


def find_multiple(session: Any, channels: int, scale: int, where: str) -> int:
    """Return the number that the sides of an image must be divisible by.

    Raises:
        UserError: none of those that are tried works.
    """
    for multiple in MULTIPLES:
        height, width = SIDE + multiple, SIDE - multiple
        try:
            made = run(session, draw_probe(channels, height, width))
        except Exception:  # likewise; the next multiple is tried
            continue
        if made.shape == (1, channels, scale * height, scale * width):
            return multiple
    raise UserError(f"{where}: takes squares of {SIDE} pixels and no other size that was tried; export it for any size")
