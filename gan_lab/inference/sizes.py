"""How large a result is to be: by a factor, or by its longer side."""

from __future__ import annotations

import math
import re

from gan_lab.errors import UserError

#: A factor, or "to:" and the pixels of the longer side.
Scale = int | float | str
LARGEST_FACTOR, SMALLEST_SIDE = 4, 16
_LONGER_SIDE = re.compile(r"to:(\d{1,6})")


def check_scale(scale: Scale) -> int | None:
    """Return the whole factor by which the networks must enlarge for `scale=`; None where that hangs on the photo.

    Raises:
        UserError: it is neither a number from 1 to 4 nor "to:" and a number of pixels.
    """
    if isinstance(scale, str) and (found := _LONGER_SIDE.fullmatch(scale)) and int(found[1]) >= SMALLEST_SIDE:
        return None
    if isinstance(scale, int | float) and not isinstance(scale, bool) and 1 <= scale <= LARGEST_FACTOR:
        return math.ceil(scale)
    raise UserError(
        f"scale={scale}: needs a number from 1 to {LARGEST_FACTOR}, or to:<pixels> of the longer side, as to:2000"
    )


def plan_size(scale: Scale, height: int, width: int) -> tuple[int, tuple[int, int]]:
    """Return the whole factor by which the networks enlarge a photo, and the (height, width) of its result.

    Args:
        scale: a number from 1 to 4, or "to:" and the pixels of the result's longer side, which may be smaller.
        height, width: of the photo.

    Raises:
        UserError: as `check_scale`; the longer side would have to be enlarged more than 4 times.
    """
    whole = check_scale(scale)
    if whole is not None:
        factor = float(scale)
        return whole, (round(factor * height), round(factor * width))
    side, longer = int(str(scale).removeprefix("to:")), max(height, width)
    if side > LARGEST_FACTOR * longer:
        raise UserError(
            f"scale={scale}: the photo's longer side has {longer} pixels, and networks enlarge {LARGEST_FACTOR} times at most; "
            f"ask for {LARGEST_FACTOR * longer} or less"
        )
    size = max(1, round(height * side / longer)), max(1, round(width * side / longer))
    return max(1, math.ceil(side / longer)), size
