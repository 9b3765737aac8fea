"""What `compile=true` compiles, and what it leaves alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from gan_lab.config import compose, instantiate
from gan_lab.models import ManualModule
from tests.integration.runs import tiny


def built(model: str, *overrides: str) -> ManualModule:
    made: ManualModule = instantiate(compose("train", [*tiny(model), "name=few", *overrides]).model)
    return made


def test_the_average_is_not_compiled() -> None:
    model: Any = built("dcgan")
    assert model.generator_ema is not None
    assert model.list_trainable_networks() == [model.generator, model.discriminator]


@pytest.mark.parametrize(
    ("model", "overrides"), [("cyclegan", []), ("cut", []), ("enhancer", ["model.ema_half_life=null"])]
)
def test_pictures_are_made_uncompiled_whatever_their_number(model: str, overrides: list[str]) -> None:
    torch.compiler.reset()  # what other tests compiled counts against torch's limit
    made, graphs = built(model, *overrides), []

    def backend(graph: torch.fx.GraphModule, examples: list[torch.Tensor]) -> Any:
        graphs.append(graph)
        return graph.forward

    for network in made.list_trainable_networks():
        network.compile(backend=backend, dynamic=False)
    for count in (1, 2, 3):
        image = torch.zeros(count, 3, 32, 32)
        made.sample_grid({"A": image, "B": image, "lq": image, "gt": image})
    assert graphs == []
    generator: Any = made.list_trainable_networks()[0]
    generator(image)
    assert graphs  # and the training calls what is compiled
