"""What is printed on goods."""

from __future__ import annotations

import numpy as np

from gan_lab.data.catalogue.prints import INKS, cover, emblem, label, write


def test_a_word_is_written_around_its_middle_in_its_ink() -> None:
    picture = np.zeros((60, 200, 3), np.uint8)
    write(picture, "NORA", (100, 30), 24, (255, 0, 0))
    rows, columns = np.nonzero(picture[..., 0])
    assert not picture[..., 1:].any()
    assert abs(rows.mean() - 30) < 2
    assert abs((columns.min() + columns.max()) / 2 - 100) < 3
    assert 22 <= rows.max() - rows.min() <= 32
    narrow = np.zeros_like(picture)
    write(narrow, "ELF", (100, 30), 24, (255, 0, 0))
    assert np.ptp(np.nonzero(narrow[..., 0])[1]) < np.ptp(columns)


def test_labels_differ_and_come_again_for_the_same_draw() -> None:
    first, again, other = (label(np.random.default_rng(seed), 80, 100) for seed in (0, 0, 1))
    assert (first.shape, first.dtype) == ((100, 80, 3), np.float32)
    assert 0 <= first.min() < first.max() <= 1
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_a_cover_has_its_main_colour_at_the_edge() -> None:
    for seed in range(8):
        picture, base = cover(np.random.default_rng(seed))
        np.testing.assert_allclose(picture[0, -1], (np.array(base) / 255) ** 2.2, atol=1e-6)
        assert picture.std() > 0.01


def test_an_emblem_covers_where_it_has_ink() -> None:
    colour, coverage = emblem(np.random.default_rng(0), 128)
    assert (colour.shape, coverage.shape) == ((128, 128, 3), (128, 128))
    assert coverage[0, 0] == 0
    assert coverage.max() == 1
    inks = [(np.array(ink) / 255) ** 2.2 for ink in INKS]
    solid = colour[coverage == 1]
    assert np.mean([min(np.abs(pixel - ink).max() for ink in inks) < 1e-3 for pixel in solid[::37]]) > 0.6
