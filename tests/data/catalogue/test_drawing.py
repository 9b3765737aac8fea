"""The demo catalogue: paired, reproducible, and unchanged since other results were made with it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from gan_lab.data.catalogue import KINDS, draw, kind_of, product_of

SIZE = 64
FIRST_OF_KIND = [2 * k for k in range(12)]


def edges(image: np.ndarray) -> np.ndarray:
    grey = cv2.cvtColor(cv2.GaussianBlur(image, (0, 0), 1.0), cv2.COLOR_RGB2GRAY).astype(np.float32)
    strength = np.abs(cv2.Sobel(grey, cv2.CV_32F, 1, 0)) + np.abs(cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    strength -= strength.mean()
    return strength / np.linalg.norm(strength)


def test_numbering() -> None:
    assert len(KINDS) == len(set(KINDS)) == 12
    assert [kind_of(i) for i in range(0, 48, 2)] == [*range(12), *range(12)]
    assert all(product_of(i) == product_of(i + 1) != product_of(i + 2) for i in range(0, 40, 2))
    assert all(kind_of(i) == kind_of(i + 1) for i in range(0, 40, 2))


@pytest.mark.parametrize("size", [16, 28, 32, 100, 256])
@pytest.mark.parametrize("domain", ["studio", "snapshot"])
def test_every_kind_at_every_size(domain: str, size: int) -> None:
    for index in FIRST_OF_KIND if size < 256 else FIRST_OF_KIND[::4]:
        image = draw(index, domain, size)  # type: ignore[arg-type]
        assert image.shape == (size, size, 3)
        assert image.dtype == np.uint8
        assert image.std() > 8, KINDS[kind_of(index)]


def test_many_products_can_be_drawn() -> None:
    for index in (*range(24, 480, 11), 10**6, 10**12 + 1):
        draw(index, "studio", 32)
        draw(index, "snapshot", 32)


def test_same_bytes_in_any_process_and_order() -> None:
    pictures = [(i, d) for i in (3, 10, 23, 1001) for d in ("studio", "snapshot")]
    # An empty stand-in for gan_lab.data: its own imports take seconds and are none of the catalogue's business.
    code = (
        "import hashlib, sys, types, gan_lab; data = types.ModuleType('gan_lab.data')\n"
        "data.__path__ = [gan_lab.__path__[0] + '/data']; sys.modules['gan_lab.data'] = data\n"
        "from gan_lab.data.catalogue import draw; h = hashlib.sha256()\n"
        f"for i, d in {pictures[::-1]!r}: h.update(draw(i, d, {SIZE}).tobytes())\n"
        "print(h.hexdigest())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    drawn = {picture: draw(*picture, SIZE).tobytes() for picture in pictures}  # type: ignore[arg-type]
    assert other.stdout.strip() == hashlib.sha256(b"".join(drawn[picture] for picture in pictures[::-1])).hexdigest()


def test_both_domains_show_the_same_product_in_the_same_pose() -> None:
    studio = [edges(draw(i, "studio", SIZE)) for i in FIRST_OF_KIND]
    snapshot = [edges(draw(i, "snapshot", SIZE)) for i in FIRST_OF_KIND]
    likeness = np.array([[float((a * b).sum()) for b in snapshot] for a in studio])
    assert (likeness.argmax(1) == np.arange(12)).sum() >= 10
    assert np.diag(likeness).mean() > 2.5 * likeness[~np.eye(12, dtype=bool)].mean()
    other_view = [edges(draw(i + 1, "studio", SIZE)) for i in FIRST_OF_KIND]
    closer = [(a * c).sum() > (b * c).sum() for a, b, c in zip(studio, other_view, snapshot, strict=True)]
    assert sum(closer) >= 11


def test_views_share_the_product_but_not_the_pose() -> None:
    for index in FIRST_OF_KIND:
        first, second, other = (draw(i, "studio", SIZE).astype(np.float32) for i in (index, index + 1, index + 24))
        assert np.abs(first - second).mean() > 1.5, KINDS[kind_of(index)]
        colours = [image[image.min(-1) < 215].mean(0) for image in (first, second, other)]
        assert np.abs(colours[0] - colours[1]).max() < 25, KINDS[kind_of(index)]
        assert np.abs(first - other).mean() > 1.5, KINDS[kind_of(index)]


def test_studio_is_white_around_and_snapshots_are_poor() -> None:
    for index in FIRST_OF_KIND:
        studio, snapshot = (draw(index, d, SIZE).astype(np.float32) for d in ("studio", "snapshot"))  # type: ignore[arg-type]
        assert studio[0].mean() > 240, KINDS[kind_of(index)]
        assert snapshot.mean() < studio.mean() - 40, KINDS[kind_of(index)]
        assert snapshot[..., 0].mean() > snapshot[..., 2].mean(), "warm light"
        corner = studio[:12, :12].std((0, 1)).max()
        assert snapshot[:12, :12].std((0, 1)).max() > corner + 0.3, KINDS[kind_of(index)]


def test_the_drawings_have_not_changed() -> None:
    """Other tests and published figures rest on these pictures: a change must be meant, and named in the changelog."""
    for domain, expected in MEANS.items():
        found = np.array([draw(i, domain, SIZE).mean((0, 1)) for i in FIRST_OF_KIND])  # type: ignore[arg-type]
        np.testing.assert_allclose(found, expected, atol=0.6)


@pytest.mark.parametrize(("index", "domain", "size"), [(-1, "studio", 64), (0, "beach", 64), (0, "studio", 8)])
def test_refuses_what_cannot_be_drawn(index: int, domain: str, size: int) -> None:
    with pytest.raises(ValueError, match="draw\\(index="):
        draw(index, domain, size)  # type: ignore[arg-type]


MEANS: dict[str, list[tuple[float, float, float]]] = {
    "studio": [
        (232.7, 222.6, 202.9),
        (228.0, 226.9, 226.0),
        (221.0, 212.9, 205.4),
        (222.0, 225.2, 222.2),
        (207.7, 207.6, 210.1),
        (166.5, 166.2, 167.1),
        (225.3, 226.7, 223.5),
        (192.4, 187.8, 189.6),
        (186.8, 190.6, 183.7),
        (230.7, 224.6, 216.9),
        (202.9, 191.3, 170.7),
        (217.1, 217.6, 218.2),
    ],
    "snapshot": [
        (93.2, 70.3, 36.0),
        (79.9, 64.7, 44.1),
        (102.7, 96.3, 81.5),
        (113.9, 99.1, 84.1),
        (84.7, 69.3, 56.0),
        (50.5, 47.7, 40.1),
        (135.4, 131.5, 100.4),
        (101.2, 90.2, 74.4),
        (90.0, 84.2, 64.3),
        (164.7, 127.1, 94.1),
        (118.6, 97.6, 59.8),
        (157.4, 143.3, 119.6),
    ],
}
