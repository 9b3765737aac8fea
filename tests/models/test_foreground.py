"""What holds a product while its surroundings are translated."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gan_lab.errors import UserError
from gan_lab.models.foreground import compute_foreground_terms, get_masks, has_attention, split_attention


class Drawer(nn.Module):
    """Lays a drawing over an image, by a share that is the same everywhere."""

    attention = True

    def __init__(self, drawing: float, logit: float) -> None:
        super().__init__()
        self.drawing, self.logit = drawing, logit

    def forward(self, x: Tensor, *, return_attention: bool = False) -> Any:
        assert not self.training
        logits = torch.full_like(x[:, :1], self.logit)
        out = x + logits.sigmoid() * (self.drawing - x)
        return (out, logits) if return_attention else out


def test_masks_are_those_of_the_domains_that_are_asked_for() -> None:
    batch = {"A": 1, "mask_A": 2, "mask_B": 3}
    assert get_masks(batch, "A") == {"mask_A": 2}
    with pytest.raises(UserError, match=r"no masks of the product; set data\.masks=true"):
        get_masks({"mask_A": 2}, "AB")


def test_the_terms_by_hand() -> None:
    real = torch.zeros(1, 3, 2, 2)
    fake, product = real + 0.25, torch.tensor([1.0, 1, 0, 0]).view(1, 1, 2, 2)
    fake[..., 1, :] = 1.0  # beside the product
    assert compute_foreground_terms("B", fake, real, product, None) == {"loss_foreground_B": torch.tensor(0.25)}
    logits = torch.tensor([-2.0, -2, 2, 2]).view(1, 1, 2, 2)
    terms = compute_foreground_terms("A", fake, real, product, logits)
    torch.testing.assert_close(terms["loss_attention_A"], -torch.tensor(2.0).sigmoid().log())


def test_attention_that_nothing_guides_is_refused() -> None:
    assert has_attention(Drawer(0, 0), 1.0)
    assert not has_attention(nn.Identity(), 0.0)
    with pytest.raises(UserError, match=r"attention=true.*add model\.lambda_foreground=1"):
        has_attention(Drawer(0, 0), 0.0)


def test_the_drawing_is_found_under_its_share() -> None:
    generator = Drawer(drawing=0.5, logit=-1.0).train()
    drawing, share = split_attention(generator, torch.rand(2, 3, 4, 4) - 0.5)
    torch.testing.assert_close(drawing, torch.full((2, 3, 4, 4), 0.5))
    torch.testing.assert_close(share, torch.full((2, 1, 4, 4), 1 / (1 + torch.e)))
    assert generator.training
