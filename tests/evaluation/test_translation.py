"""Translation figures: there and back, and the distance to the target domain, each photo counted once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gan_lab.errors import UserError
from gan_lab.evaluation import Extractor, evaluate_translation
from gan_lab.evaluation.translation import fresh


class Domains:
    """Dark pictures (A) and fewer light ones (B), which are repeated."""

    def __init__(self, n_A: int = 40, n_B: int = 16) -> None:
        def draw(n: int, mean: float) -> Tensor:
            generator = torch.Generator().manual_seed(n)
            return mean + 0.1 * torch.randn(n, 3, 8, 8, generator=generator) * torch.rand(
                n, 1, 1, 1, generator=generator
            )

        self.A, self.B = draw(n_A, -0.5), draw(n_B, 0.5)
        self.view = SimpleNamespace(images_A=self.A, images_B=self.B)

    def chosen(self, n: int | None, seed: int) -> list[int]:
        return list(range(max(len(self.A), len(self.B))))[:n]

    def batches(self, indices: Sequence[int]) -> Iterator[dict[str, Tensor]]:
        for part in torch.tensor(indices).split(6):
            yield {"A": self.A[part % len(self.A)], "B": self.B[part % len(self.B)]}


class Translator:
    """Shifts the brightness: right in one direction, and by `error` too far in the other."""

    device = torch.device("cpu")

    def __init__(self, error: float = 0.0) -> None:
        self.error = error

    def translate(self, image: Tensor, direction: str) -> Tensor:
        return image + 1 if direction == "AB" else image - 1 + self.error


class Moments(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        flat = images.flatten(2)
        return torch.cat([flat.mean(2), flat.std(2)], dim=1)


EXTRACTOR = Extractor("moments", "moments", "none", Moments())


def evaluate(translator: Translator, domains: Any, **options: Any) -> Any:
    return evaluate_translation(translator, domains, EXTRACTOR, **options)


def test_a_right_translation_is_near_and_comes_back() -> None:
    report = evaluate(Translator(), Domains())
    assert (report.protocol["n_A"], report.protocol["n_B"]) == (40, 16)
    for direction in ("AB", "BA"):
        figures = report.figures[direction]
        assert figures["cycle_error"] == pytest.approx(0, abs=1e-6)
        assert abs(figures["kid_moments_translated"]) < 0.1 * figures["kid_moments_as_is"]
        assert abs(figures["kid_moments_target_halves"]) < 0.1 * figures["kid_moments_as_is"]


def test_each_direction_has_its_own_figures() -> None:
    figures = evaluate(Translator(error=0.4), Domains()).figures
    assert figures["AB"]["cycle_error"] == pytest.approx(0.4, abs=1e-5)
    assert abs(figures["AB"]["kid_moments_translated"]) < 0.1 * figures["AB"]["kid_moments_as_is"]
    assert figures["BA"]["kid_moments_translated"] > 5 * abs(figures["AB"]["kid_moments_translated"])


def test_a_repeated_photo_counts_once() -> None:
    seen: set[int] = set()
    assert fresh([0, 1, 2, 3], 3, seen) == [0, 1, 2]
    assert fresh([4, 5, 6], 3, seen) == []


def test_too_few_photos_are_refused() -> None:
    with pytest.raises(UserError, match="40 photos of A and 3 of B"):
        evaluate(Translator(), Domains(n_B=3))
