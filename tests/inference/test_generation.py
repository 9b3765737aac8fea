"""Images out of latents: the same whatever else is asked for, and by the name of a class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from gan_lab.errors import UserError
from gan_lab.inference import Pretrained
from gan_lab.inference.generation import Generation, class_number
from gan_lab.inference.latents import draw_latents


def test_a_network_always_computes_as_many_images_each_in_its_place(cgan: Pretrained) -> None:
    seen = []
    model = cgan.model

    class Spy:
        latents, conditional, classes, device = model.latents, True, 3, model.device

        def generate(self, z: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
            seen.append((z, label.tolist()))
            return model.generate(z, label)

    generation = Generation(Spy(), "spy", Path())
    ((numbers, images),) = generation.images([21, 19], generation.draw_latents(3), [2, 0])
    assert (numbers, images.shape) == ([19, 21], (2, 32, 32, 3))
    ((z, labels),) = seen
    torch.testing.assert_close(z, draw_latents(model.latents, 3, range(32)))
    assert labels == [2, 0] * 16


def test_truncation_brings_images_nearer_to_each_other(cgan: Pretrained) -> None:
    spread = [cgan.generate(16, label="hat", truncation=share).std(axis=0).mean() for share in (1.0, 0.5, 0.1)]
    assert spread[0] > spread[1] > spread[2]
    for share in (0, 1.5, -1, float("nan"), True, "half"):
        with pytest.raises(UserError, match=f"truncation={share}: needs a number above 0"):
            cgan.generate(1, truncation=share)  # type: ignore[arg-type]


def test_a_name_in_digits_is_no_number() -> None:
    names = ["1", "10", "2"]  # the order of folders
    assert [class_number("label", number, names, 3, "it") for number in range(3)] == [0, 1, 2]
    assert [class_number("label", name, names, 3, "it") for name in ("1", "10", "2", "0")] == [0, 1, 2, 0]


def test_labels_go_by_name_and_number(cgan: Pretrained) -> None:
    hats = cgan.generate(3, label="hat")
    np.testing.assert_array_equal(hats, cgan.generate(3, label=1))
    assert np.abs(hats.astype(int) - cgan.generate(3, label="dress")).max() > 8
    np.testing.assert_array_equal(hats[1], cgan.generate(3)[1])  # classes in turn
    np.testing.assert_array_equal(cgan.generate(3), cgan.generate(3, label="all"))
    np.testing.assert_array_equal(hats, cgan.generate(3, label=[1]))
    mixed = cgan.generate(4, label=["shoe", "hat"])
    np.testing.assert_array_equal(mixed[1], hats[1])
    np.testing.assert_array_equal(mixed[2], cgan.generate(3, label="shoe")[2])
    for label, near in (("Dresses", "dress"), ("hut", "hat")):
        with pytest.raises(UserError, match=f"label={label}: there is no such class; did you mean {near}"):
            cgan.generate(3, label=label)
    for label in ("coat", 3, -1, True):
        with pytest.raises(UserError, match=f"label={label}: .*dress, hat, shoe"):
            cgan.generate(3, label=label)
