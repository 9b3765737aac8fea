"""Where values that are not finite begin."""

from __future__ import annotations

import torch
from torch import nn

from gan_lab.models.divergence import find_origin


class Logarithm(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.log()


def test_the_first_layer_whose_output_is_not_finite_is_named() -> None:
    model = nn.Sequential(nn.Identity(), nn.Sequential(nn.Identity(), Logarithm()), nn.Identity())
    ran: list[str] = []
    assert find_origin(model, lambda: (model(torch.zeros(2)), ran.append("on"))) == "layer 1.1"
    assert ran == []
    model(torch.zeros(2))  # nothing watches any longer


def test_weights_that_an_update_spoilt_are_named_first() -> None:
    model = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))
    with torch.no_grad():
        model[1].weight.fill_(torch.inf)
    assert find_origin(model, lambda: model(torch.zeros(1, 1))) == "the weights of 1, since an update"


def test_a_loss_that_goes_wrong_after_sound_layers_has_no_layer() -> None:
    model = nn.Sequential(nn.Identity())

    def again() -> None:
        raise RuntimeError(str(model(torch.ones(1))))

    assert find_origin(model, again) == ""
    assert find_origin(model, lambda: None) == ""
