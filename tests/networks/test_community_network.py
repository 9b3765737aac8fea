"""A restorer of others as a network to train."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch
from spandrel.architectures.ESRGAN import ESRGAN
from spandrel.architectures.NAFNet import NAFNet

from gan_lab.errors import UserError
from gan_lab.networks import CommunityNetwork

NAF = {"width": 8, "middle_blk_num": 1, "enc_blk_nums": [1, 1], "dec_blk_nums": [1, 1]}


def test_it_computes_what_its_network_does_in_the_range_of_ours() -> None:
    torch.manual_seed(0)
    network = CommunityNetwork("NAFNet", NAF).eval()
    assert isinstance(network.network, NAFNet)
    image = torch.rand(2, 3, 12, 20) * 2 - 1
    torch.testing.assert_close(network(image), network.network((image + 1) / 2) * 2 - 1)


@pytest.mark.parametrize("size", [(1, 1), (9, 23), (16, 16), (33, 8)])
def test_any_size_is_extended_and_cut_again(size: tuple[int, int]) -> None:
    settings: dict[str, Any] = {"num_filters": 8, "num_blocks": 1, "scale": 2}
    network = CommunityNetwork("ESRGAN", settings, scale=2, multiple=8, smallest=16).eval()
    assert isinstance(network.network, ESRGAN)
    seen: list[torch.Size] = []
    network.network.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].shape))
    assert network(torch.zeros(1, 3, *size)).shape == (1, 3, 2 * size[0], 2 * size[1])
    assert all(side % 8 == 0 and side >= 16 for side in seen[0][-2:])


def test_what_spandrel_does_not_know_is_refused() -> None:
    with pytest.raises(
        UserError, match=r"^model.generator.architecture=os: spandrel knows no such one; it has: .*SwinIR"
    ):
        CommunityNetwork("os")


def test_without_spandrel_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spandrel", None)
    with pytest.raises(
        UserError, match=r'architecture=ESRGAN: is built by spandrel, .*; pip install "gan_lab\[community\]"$'
    ):
        CommunityNetwork("ESRGAN")
