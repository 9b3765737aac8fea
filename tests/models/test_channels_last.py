"""Every yaml of conf/model computes the same gradients in channels_last, in which runs train, as in torch's own layout.

It found that the gradient of torch's instance norm is another one there, for single images on a CPU.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from gan_lab.config import compose, instantiate
from gan_lab.models import ManualModule
from gan_lab.run.codes import insert_autoencoder
from tests.integration.runs import MODELS, tiny
from tests.models.fitting import fit


def built(model: str) -> tuple[ManualModule, dict[str, Tensor]]:
    """Return the model of a yaml and a batch for it, of one image where the paper takes one."""
    config = compose("train", [*tiny(model), "name=layout", "++data.classes=3", "++data.class_names=[a,b,c]"])
    if model == "code_prior":
        insert_autoencoder(config)
    torch.manual_seed(0)  # here: the first time, an autoencoder was made just now
    made: ManualModule = instantiate(config.model)
    for layer in made.modules():
        if isinstance(layer, (nn.Dropout, nn.Dropout2d)):
            layer.p = 0.0  # the mask follows the memory
    channels, size, images = config.data.channels, config.data.image_size, min(config.recipe.batch_size, 3)
    pictures = torch.rand(2 * images, channels, 8, 8) * 2 - 1
    one, two = functional.interpolate(pictures, size=size, mode="bilinear").chunk(2)
    kinds = {"images": {"image": one, "label": torch.arange(images)}, "paired": {"lq": one, "gt": two}}
    return made, kinds.get(made.batch_kind, {"A": one, "B": two})


@pytest.mark.parametrize("model", MODELS)
def test_channels_last_changes_no_gradient(model: str) -> None:
    gradients = []
    for layout in (torch.contiguous_format, torch.channels_last):
        made, batch = built(model)
        made.to(memory_format=layout)
        fit(made, lambda _, batch=batch: dict(batch), 1)
        gradients.append({name: p.grad for name, p in made.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, expected in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], expected, rtol=0.02, atol=0.02 * float(expected.abs().max()))
