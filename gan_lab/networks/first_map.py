"""The smallest map of a network that doubles, or halves, its way between an image and a map of a few pixels."""

from __future__ import annotations

from gan_lab.errors import UserError
from gan_lab.options import ImageSize, format_value, join_sides, split_sides

#: Pixels that the shorter side of a smallest map may have, and how often it must double at least.
LONGEST, FEWEST = 7, 2


def find_first_map(image_size: ImageSize, shortest: int = 4) -> tuple[tuple[int, int], int]:
    """Return the height and width of the smallest map, in the image's aspect ratio, and how often it doubles.

    Both sides are halved together as long as both are even and the shorter one keeps `shortest` pixels: 64 becomes 4x4 by
    4 doublings, (96, 64) becomes 6x4.

    Args:
        image_size: the side of a square, or (height, width).
        shortest: pixels that the shorter side is to have at least.

    Raises:
        UserError: the shorter side would have more than 7 pixels, or fewer than `shortest`, or be doubled only once.
    """
    height, width = split_sides(image_size)
    doublings = 0
    while min(height, width) >= 2 * shortest and height % 2 == 0 and width % 2 == 0:
        height, width, doublings = height // 2, width // 2, doublings + 1
    if not shortest <= min(height, width) <= LONGEST or doublings < FEWEST:
        raise UserError(
            f"data.image_size={format_value(join_sides(*split_sides(image_size)))}: both sides can be halved {doublings} times "
            f"together, to {height}x{width}, and the network needs {FEWEST} times at least, to a shorter side of {shortest} to "
            f"{LONGEST}; give for instance {format_value(find_nearest_size(image_size, shortest))}"
        )
    return (height, width), doublings


def find_nearest_size(image_size: ImageSize, shortest: int) -> ImageSize:
    """Return the size nearest to a given one that `find_first_map` takes."""
    height, width = split_sides(image_size)
    found: list[tuple[int, int]] = []
    for step in (2**doublings for doublings in range(FEWEST, max(height, width).bit_length() + FEWEST)):
        rows, columns = (max(shortest, round(side / step)) for side in (height, width))
        if min(rows, columns) <= LONGEST:
            found.append((rows * step, columns * step))
    return join_sides(*min(found, key=lambda size: abs(size[0] - height) + abs(size[1] - width)))
