"""What is printed on goods: labels, covers and emblems, with letters drawn by the pen so that no font is needed."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from gan_lab.data.catalogue.surfaces import Array
from gan_lab.data.catalogue.textures import to_linear

# Strokes on a grid of 3 columns (0..2) and 5 rows (0..4): "02" is column 0, row 2.
_LETTERS = {
    "A": "04 01 10 21 24,02 22",
    "E": "20 00 04 24,02 12",
    "F": "20 00 04,02 12",
    "I": "10 14",
    "K": "00 04,20 02 24",
    "L": "00 04 24",
    "M": "04 00 12 20 24",
    "N": "04 00 24 20",
    "O": "10 01 03 14 23 21 10",
    "R": "04 00 10 21 12 02,12 24",
    "S": "21 10 01 23 14 03",
    "T": "00 20,10 14",
    "U": "00 03 14 23 20",
    "V": "00 14 20",
}
_WORDS = (
    "NORA",
    "LUNA",
    "SOLE",
    "MIRO",
    "TERRA",
    "KILN",
    "AURA",
    "TONIK",
    "SAVON",
    "NOIR",
    "FERN",
    "OLIVA",
    "MAREN",
    "ELF",
)
Tint = tuple[int, int, int]
INKS: tuple[Tint, ...] = (
    (28, 28, 32),
    (30, 58, 92),
    (120, 34, 38),
    (34, 84, 62),
    (150, 96, 30),
    (86, 52, 96),
    (236, 232, 222),
    (214, 160, 60),
)


def write(
    picture: NDArray[np.uint8], word: str, centre: tuple[float, float], tall: float, ink: Tint, weight: float = 0.16
) -> None:
    """Write a word of capitals on a picture, `tall` pixels high."""
    cell = tall / 4
    start = centre[0] - (len(word) * 3 - 1) * cell / 2
    for k, letter in enumerate(word):
        for line in _LETTERS[letter].split(","):
            at = [(start + (3 * k + int(p[0])) * cell, centre[1] - tall / 2 + int(p[1]) * cell) for p in line.split()]
            cv2.polylines(
                picture,
                [np.round(np.array(at) * 8).astype(np.int32)],
                False,
                ink,
                max(1, round(tall * weight)),
                cv2.LINE_AA,
                3,
            )


def _words(
    picture: NDArray[np.uint8], rng: np.random.Generator, left: int, right: int, top: int, rows: int, ink: Tint
) -> None:
    """Draw lines of print too small to read."""
    for row in range(rows):
        x = left
        while x < right - 6:
            step = int(rng.integers(5, 16))
            cv2.line(picture, (x, top + 6 * row), (min(right, x + step), top + 6 * row), ink, 2)
            x += step + 4


def _emblem(
    picture: NDArray[np.uint8], rng: np.random.Generator, x: int, y: int, r: int, ink: Tint, other: Tint
) -> None:
    """Draw a little sign: sun, leaf, waves, hills, rings or a bean."""
    kind = rng.integers(6)
    if kind == 0:
        cv2.circle(picture, (x, y), r // 2, ink, -1, cv2.LINE_AA)
        for a in np.arange(12) * np.pi / 6:
            tip = (int(x + r * np.cos(a)), int(y + r * np.sin(a)))
            cv2.line(picture, (int(x + 0.7 * r * np.cos(a)), int(y + 0.7 * r * np.sin(a))), tip, ink, 2, cv2.LINE_AA)
    elif kind == 1:
        for a in (-50, 0, 50):
            tilt = np.deg2rad(a - 90)
            cv2.ellipse(
                picture,
                (int(x + 0.5 * r * np.cos(tilt)), int(y + 0.4 * r + 0.5 * r * np.sin(tilt))),
                (r // 2, r // 5),
                a - 90,
                0,
                360,
                ink,
                -1,
                cv2.LINE_AA,
            )
        cv2.line(picture, (x, y + r), (x, y), ink, 2, cv2.LINE_AA)
    elif kind == 2:
        t = np.linspace(-1, 1, 40)
        for k in range(4):
            wave = np.stack([x + r * t, y + (k - 1.5) * r * 0.45 + 0.15 * r * np.sin(t * 9)], 1)
            cv2.polylines(picture, [np.round(wave).astype(np.int32)], False, (ink, other)[k % 2], 3, cv2.LINE_AA)
    elif kind == 3:
        cv2.circle(picture, (x + r // 3, y - r // 3), r // 3, other, -1, cv2.LINE_AA)
        cv2.fillPoly(
            picture,
            [np.array([(x - r, y + r * 2 // 3), (x - r // 4, y - r // 2), (x + r // 2, y + r * 2 // 3)])],
            ink,
            cv2.LINE_AA,
        )
        cv2.fillPoly(
            picture,
            [np.array([(x - r // 5, y + r * 2 // 3), (x + r // 2, y), (x + r, y + r * 2 // 3)])],
            tuple(c * 4 // 5 for c in ink),
            cv2.LINE_AA,
        )
    elif kind == 4:
        for k, q in enumerate((r, r * 2 // 3, r // 3)):
            cv2.circle(picture, (x, y), q, (ink, other)[k % 2], -1, cv2.LINE_AA)
    else:
        cv2.ellipse(picture, (x, y), (r, r * 2 // 3), 35, 0, 360, ink, -1, cv2.LINE_AA)
        cv2.ellipse(picture, (x, y), (r, r // 5), 35, 10, 170, other, 2, cv2.LINE_AA)


def label(rng: np.random.Generator, width: int, height: int) -> Array:
    """Return a printed label, linear light [height, width, 3]."""
    papers: tuple[Tint, ...] = (
        (246, 243, 234),
        (250, 250, 250),
        (226, 212, 182),
        (38, 42, 46),
        (206, 222, 210),
        (244, 208, 196),
    )
    paper = papers[rng.integers(len(papers))]
    dark = sum(paper) > 360
    inks = [c for c in INKS if (sum(c) < 360) == dark]
    ink, other = inks[rng.integers(len(inks))], INKS[rng.integers(len(INKS))]
    picture = np.full((height, width, 3), paper, np.uint8)
    style, middle = rng.integers(3), width // 2
    word = _WORDS[rng.integers(len(_WORDS))]
    if style == 0:
        cv2.rectangle(picture, (0, int(height * 0.56)), (width, int(height * 0.84)), other, -1)
        cv2.rectangle(picture, (4, 4), (width - 5, height - 5), ink, 2)
    elif style == 1:
        cv2.rectangle(picture, (0, 0), (width, height // 7), ink, -1)
        cv2.rectangle(picture, (0, height - height // 9), (width, height), ink, -1)
    tall = min(height * 0.17, width * 0.8 / (len(word) * 3) * 4)
    _emblem(picture, rng, middle, int(height * 0.33), int(min(width, height) * 0.13), ink, other)
    write(picture, word, (middle, height * 0.62), tall, ink if style or sum(other) > 360 else (246, 243, 234))
    _words(
        picture,
        rng,
        int(width * 0.26),
        int(width * 0.74),
        int(height * 0.76 if style else height * 0.89),
        2 if style else 1,
        ink,
    )
    return to_linear(picture)


def cover(rng: np.random.Generator, width: int = 180, height: int = 256) -> tuple[Array, Tint]:
    """Return a book's cover, linear light [height, width, 3], and its main colour in display values."""
    shade = rng.uniform(0.75, 1.1)
    ground = INKS[rng.integers(len(INKS))]
    red, green, blue = (int(min(250, c * shade + 12)) for c in ground)
    base: Tint = (red, green, blue)
    dark = sum(base) < 380
    ink: Tint = (244, 238, 222) if dark else (34, 34, 40)
    other = INKS[rng.integers(len(INKS))]
    picture = np.full((height, width, 3), base, np.uint8)
    style = rng.integers(4)
    if style == 0:
        cv2.rectangle(picture, (0, int(height * 0.36)), (width, height), other, -1)
        _emblem(picture, rng, width // 2, int(height * 0.68), width // 4, ink, base)
    elif style == 1:
        cv2.rectangle(picture, (12, 12), (width - 12, height - 12), ink, 2)
        _emblem(picture, rng, width // 2, int(height * 0.6), width // 5, ink, other)
    elif style == 2:
        for k in range(9):
            y = int(height * (0.42 + 0.06 * k))
            t = np.linspace(0, 1, 50)
            hill = (
                np.stack([t * width, y - 18 * np.sin(t * rng.uniform(3, 8) + rng.uniform(0, 6))], 1)
                .round()
                .astype(np.int32)
            )
            mix = tuple(int(a + (b - a) * k / 8) for a, b in zip(base, other, strict=True))
            cv2.fillPoly(
                picture, [np.concatenate([hill, [[width, height], [0, height]]]).astype(np.int32)], mix, cv2.LINE_AA
            )
    else:
        cv2.circle(picture, (width // 2, int(height * 0.62)), int(width * 0.34), other, -1, cv2.LINE_AA)
        _emblem(picture, rng, width // 2, int(height * 0.62), width // 5, ink, base)
    word = _WORDS[rng.integers(len(_WORDS))]
    write(picture, word, (width / 2, height * 0.17), min(34.0, width * 0.8 / (len(word) * 3) * 4), ink, 0.18)
    _words(picture, rng, width // 4, width * 3 // 4, int(height * 0.28), 1, ink)
    cv2.rectangle(picture, (7, 0), (9, height), tuple(c * 3 // 4 for c in base), -1)
    return to_linear(picture), base


def emblem(rng: np.random.Generator, side: int = 128) -> tuple[Array, Array]:
    """Return a print for cloth or china: linear colour [side, side, 3] and its coverage [side, side] in [0, 1]."""
    ink, other = INKS[rng.integers(len(INKS))], INKS[rng.integers(len(INKS))]
    seed = int(rng.integers(1 << 30))
    word = _WORDS[rng.integers(len(_WORDS))] if rng.random() < 0.6 else ""
    planes: list[Array] = []
    for first, second in ((ink, other), ((255, 255, 255), (255, 255, 255))):
        picture = np.full((side, side, 3), ink if not planes else 0, np.uint8)
        _emblem(picture, np.random.default_rng(seed), side // 2, int(side * 0.4), int(side * 0.3), first, second)
        if word:
            write(picture, word, (side / 2, side * 0.84), min(side * 0.17, side * 0.9 / (len(word) * 3) * 4), first)
        planes.append(picture)
    return to_linear(planes[0]), planes[1][..., 0].astype(np.float32) / 255
