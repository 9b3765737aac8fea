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
from gan_lab.evaluation.pairs import PERCEPTUAL
from gan_lab.evaluation.translation import take_unseen
from gan_lab.metrics import ciede2000


def with_square(n: int, ground: float, product: float, seed: int) -> Tensor:
    """Return images with some noise and a square of another brightness in the middle."""
    images = ground + 0.02 * torch.randn(n, 3, 48, 48, generator=torch.Generator().manual_seed(seed))
    images[:, :, 12:36, 12:36] += product - ground
    return images


class Domains:
    """A square on a dark ground (A), and one on a light ground, fewer of them (B), which are repeated."""

    def __init__(self, n_A: int = 20, n_B: int = 10, training: Domains | None = None, seed: int = 0) -> None:
        self.A, self.B = with_square(n_A, -0.7, 0.0, seed), with_square(n_B, 0.7, 0.0, seed + 1)
        most = max(n_A, n_B)
        order_A, order_B = ([position * n // most for position in range(most)] for n in (n_A, n_B))
        self.view = SimpleNamespace(order_A=order_A, order_B=order_B)
        self.training = training
        self.places = "data.domain_a, data.domain_b"

    def __len__(self) -> int:
        return max(len(self.A), len(self.B))

    def draw_indices(self, n: int | None, seed: int) -> list[int]:
        return list(range(max(len(self.A), len(self.B))))[:n]

    def batches(self, indices: Sequence[int]) -> Iterator[dict[str, Tensor]]:
        for part in torch.tensor(indices).split(6):
            rows = {"A": self.view.order_A, "B": self.view.order_B}
            yield {side: getattr(self, side)[[rows[side][key] for key in part.tolist()]] for side in "AB"}


class Translator:
    """Changes the ground, and the product by as much as it is told."""

    device = torch.device("cpu")

    def __init__(self, drift: float = 0.0, directions: tuple[str, ...] = ("AB", "BA")) -> None:
        self.drift = drift
        self.directions = directions

    def translate(self, image: Tensor, direction: str) -> Tensor:
        assert direction in self.directions
        ground = image.abs() > 0.5
        return torch.where(ground, -image, image + (self.drift if direction == "AB" else 0.0))


class Moments(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        flat = images.flatten(2)
        return torch.cat([flat.mean(2), flat.std(2)], dim=1)


EXTRACTOR = Extractor("moments", "moments", "none", Moments())


def evaluate(translator: Translator, domains: Any, **options: Any) -> Any:
    return evaluate_translation(translator, domains, EXTRACTOR, **options)


def test_a_right_translation_is_near_keeps_the_product_and_comes_back() -> None:
    report = evaluate(Translator(), Domains())
    assert (report.protocol["n_A"], report.protocol["n_B"]) == (20, 10)
    for direction in ("AB", "BA"):
        figures = report.figures[direction]
        assert abs(figures["kid_moments_translated"]) < 0.1 * figures["kid_moments_as_is"]
        assert figures["product_ciede2000_as_is"] == 0
        assert figures["product_ciede2000_translated"] < 0.5
        assert figures["cycle_psnr"] > 50
        assert figures[f"cycle_{PERCEPTUAL}"] < 0.1
        low, high = figures["intervals"]["kid_moments_as_is"]
        assert low < figures["kid_moments_as_is"] < high
    assert set(report.pictures) == {"A_B", "B_A"}


def test_the_cut_out_on_white_is_measured_beside_it() -> None:
    figures = evaluate(Translator(), Domains()).figures["AB"]
    assert figures["product_ciede2000_cut_out"] < 3  # its edge alone
    assert figures["kid_moments_cut_out"] < figures["kid_moments_as_is"]


def test_a_product_that_moves_is_seen_within_its_outline() -> None:
    figures = evaluate(Translator(drift=0.4), Domains()).figures
    truth = ciede2000(
        torch.full((1, 3, 1, 1), 179, dtype=torch.uint8), torch.full((1, 3, 1, 1), 128, dtype=torch.uint8)
    )
    assert figures["AB"]["product_ciede2000_translated"] == pytest.approx(float(truth), rel=0.1)
    assert figures["BA"]["product_ciede2000_translated"] < 0.5
    assert figures["AB"]["cycle_psnr"] < 21


def test_training_photos_of_the_target_are_the_reference_and_give_the_floor() -> None:
    domains = Domains(training=Domains(n_A=12, n_B=24, seed=7))  # type: ignore[arg-type]
    report = evaluate(Translator(), domains)
    assert report.protocol["reference"] == {"A": 12, "B": 24}
    figures = report.figures["AB"]
    assert abs(figures["kid_moments_floor"]) < 0.1 * figures["kid_moments_as_is"]
    assert "kid_moments_floor" not in evaluate(Translator(), Domains()).figures["AB"]


def test_a_model_of_one_direction_has_no_way_back() -> None:
    report = evaluate(Translator(directions=("AB",)), Domains(), name="cut")
    assert set(report.figures) == {"AB"}
    assert "cycle_psnr" not in report.figures["AB"]
    assert [row[0] for row in report.rows] == ["A to B: as it is", "A to B: cut out on white", "A to B: cut"]


def test_a_repeated_photo_counts_once() -> None:
    seen: set[int] = set()
    assert take_unseen([0, 1, 1, 2], seen) == [0, 1, 3]
    assert take_unseen([2, 0, 4], seen) == [2]


class Unused(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        raise AssertionError("computed before the photos were counted")


@pytest.mark.parametrize(
    ("n_B", "n", "message"),
    [
        (3, None, "data.domain_a, data.domain_b: held out are 20 photos of A and 3 of B; .* data.test_share"),
        (10, 3, "n=3: leaves 3 photos of A and [123] of B; comparing needs 4 of each; give more"),
    ],
)
def test_too_few_photos_are_refused_at_once_by_the_option_that_is_to_blame(
    n_B: int, n: int | None, message: str
) -> None:
    unused = Extractor("unused", "unused", "none", Unused())
    with pytest.raises(UserError, match=message):
        evaluate_translation(Translator(), Domains(n_B=n_B), unused, n=n)  # type: ignore[arg-type]
