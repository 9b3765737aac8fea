from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from gan_lab.augment import ADA
from gan_lab.errors import UserError

GROUPS = [{"blitting": True}, {"geometric": True}, {"colour": True}]
NONE = {"blitting": False, "geometric": False, "colour": False}


def fixed(p: float, **options: Any) -> ADA:
    return ADA(target=None, p=p, **options)


def pictures(n: int = 4, channels: int = 3, side: int = 16) -> Tensor:
    return torch.rand(n, channels, side, side, generator=torch.Generator().manual_seed(1)) * 2 - 1


# ---------------------------------------------------------------------------------------------------- what it does to images


def test_at_zero_images_pass_bit_for_bit() -> None:
    for x in (pictures(), pictures(2, 1, 28)):
        assert torch.equal(ADA(p=0.0)(x), x)


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_alone_changes_what_it_should(group: dict[str, bool]) -> None:
    torch.manual_seed(0)
    x = pictures(32, side=28)
    out = fixed(1.0, **(NONE | group))(x)
    assert (out != x).flatten(1).any(1).float().mean() > 0.9
    if "colour" in group:  # every pixel stays where it is: equal pixels stay equal
        flat = fixed(1.0, **(NONE | group))(x[:, :, :1, :1].expand_as(x))
        assert torch.equal(flat, flat[:, :, :1, :1].expand_as(flat))
    if "blitting" in group:  # no new values
        assert torch.isin(out, x).all()


@pytest.mark.parametrize(
    ("groups", "share"),
    [
        # a drawn flip is none as often as one, a turn one time in four, a move of 8 pixels by -1, 0 or 1 by half
        ({"blitting": True}, (1 - 0.2 / 2) * (1 - 0.2 * 3 / 4) ** 2),
        ({"geometric": True}, 0.8**4),
        ({"colour": True}, 0.8**4 * (1 - 0.2 / 2)),
        ({}, 0.9 * 0.85**2 * 0.8**4 * 0.8**4 * 0.9),
    ],
)
def test_images_that_nothing_befalls_are_untouched_and_as_many_as_p_says(groups: dict[str, bool], share: float) -> None:
    torch.manual_seed(0)
    x = pictures(1, side=8).expand(4000, -1, -1, -1).contiguous()
    out = fixed(0.2, **(NONE | groups if groups else {}))(x)
    assert (out == x).flatten(1).all(1).float().mean().item() == pytest.approx(share, abs=0.025)


def test_images_have_their_own_draws_and_calls_theirs() -> None:
    torch.manual_seed(0)
    augment = fixed(1.0)
    x = pictures(1).expand(32, -1, -1, -1)
    once, again = augment(x), augment(x)
    assert len(torch.unique(once.flatten(1), dim=0)) == 32
    assert not torch.equal(once, again)
    torch.manual_seed(0)
    assert torch.equal(augment(x), once)


def test_some_images_of_a_batch_go_alone() -> None:
    """What is done to an image does not depend on its neighbours, nor on whether they are changed."""
    torch.manual_seed(0)
    x = pictures(16)
    out = fixed(0.2)(x)
    changed = (out != x).flatten(1).any(1)
    assert 0 < changed.sum() < 16
    torch.manual_seed(0)
    y = x.clone()
    y[0] = -y[0]
    assert torch.equal(fixed(0.2)(y)[1:], out[1:])


@pytest.mark.parametrize("p", [0.3, 1.0])
def test_gradients(p: float) -> None:
    augment = fixed(p)

    def seeded(x: Tensor) -> Tensor:
        torch.manual_seed(0)
        return augment(x)

    x = torch.randn(3, 3, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(seeded, x, fast_mode=True)
    assert torch.autograd.gradgradcheck(lambda x: seeded(x).square(), x, fast_mode=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_dtype_is_the_images_own(dtype: torch.dtype, channels: int) -> None:
    x = pictures(4, channels).to(dtype)
    torch.manual_seed(0)
    with torch.autocast("cpu", torch.bfloat16):
        out = fixed(1.0)(x)
    assert out.dtype == dtype
    torch.manual_seed(0)
    expected = fixed(1.0)(x.float())
    torch.testing.assert_close(out.float(), expected.to(dtype).float(), rtol=1e-5, atol=1e-5)


# ---------------------------------------------------------------------------------------------------- how strong it is


def test_p_follows_the_papers_rule() -> None:
    """Every second update: up by images / speed_images where the mean sign is above 0.6, down where it is below."""
    augment = ADA(interval=2, speed_images=1000, p=0.1)
    values = []
    for real in (10, 10, 10, 10, 8, 8, 8, 9, 9, 10, 0, 10):  # of ten logits, this many take real for real
        logits = torch.cat([torch.full((real,), 0.3), torch.full((10 - real,), -7.0)])
        augment.observe(logits, images=20)
        values.append(augment.p.item())
    #      mean signs:     1          1      0.6 (= target)  0.7         0.9         0
    expected = [0.1, 0.14, 0.14, 0.18, 0.18, 0.18, 0.18, 0.22, 0.22, 0.26, 0.26, 0.22]
    assert values == pytest.approx(expected, abs=1e-6)


def test_p_stays_between_zero_and_its_limit() -> None:
    augment = ADA(interval=1, speed_images=100, max_p=0.5)
    augment.observe(-torch.ones(4), images=40)
    assert augment.p == 0
    for _ in range(3):
        augment.observe(torch.ones(4), images=40)
    assert augment.p == 0.5


def test_p_takes_speed_images_from_zero_to_one() -> None:
    augment = ADA(max_p=1.0)
    for _ in range(40):
        augment.observe(torch.ones(64), images=2500)
    assert augment.p.item() == pytest.approx(1)
    assert augment(pictures()).shape == (4, 3, 16, 16)


def test_a_batch_counts_by_its_logits_and_any_shape_will_do() -> None:
    """Seven logits for and three against in updates of different sizes: 0.4, not the updates' mean of 0."""
    augment = ADA(interval=2, target=0.3, speed_images=100)
    augment.observe(torch.ones(7, 1, 1, 1).bfloat16(), images=1)
    augment.observe(-torch.ones(3), images=1)
    assert augment.p.item() == pytest.approx(0.02)


def test_logits_keep_no_graph_and_half_precision_no_counts() -> None:
    augment = ADA()
    logits = torch.cat([torch.ones(230), -torch.ones(29)]).bfloat16().requires_grad_()
    augment.observe(logits, images=259)
    assert augment.signs.tolist() == [201, 259]  # bfloat16 has no 259
    assert not augment.signs.requires_grad


def test_a_fixed_strength_stays() -> None:
    augment = fixed(0.2)
    before = copy.deepcopy(augment.state_dict())
    assert not augment.adaptive
    for _ in range(8):
        augment.observe(torch.ones(8), images=1000)
    assert all(torch.equal(value, before[name]) for name, value in augment.state_dict().items())
    assert ADA().adaptive


def test_a_resumed_strength_goes_on_bit_for_bit() -> None:
    """The state is taken between two adjustments, and carries what came since the last."""
    torch.manual_seed(0)
    script = [(torch.randn(8) + 0.7, 8) for _ in range(12)]
    straight = ADA(speed_images=300)
    for logits, images in script:
        straight.observe(logits, images)
    first, second = ADA(speed_images=300), ADA(speed_images=300)
    for logits, images in script[:6]:
        first.observe(logits, images)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for logits, images in script[6:]:
        second.observe(logits, images)
    assert straight.p > 0
    assert all(torch.equal(value, second.state_dict()[name]) for name, value in straight.state_dict().items())


def test_the_accumulators_are_in_the_state() -> None:
    augment = ADA()
    augment.observe(torch.ones(3), images=5)
    assert {name: value.tolist() for name, value in augment.state_dict().items()} == {
        "p": 0.0,
        "signs": [3.0, 3.0],
        "images": 5.0,
        "updates": 1,
    }


def observe_in_process(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    store = torch.distributed.FileStore(f"{folder}/store", 2)
    torch.distributed.init_process_group("gloo", store=store, rank=rank, world_size=2)
    augment = ADA(interval=2, speed_images=100, p=0.5)
    # together the mean sign is 10 / 26, below the target; the first process alone would raise p, and so would both if
    # they put their sums together only when p is due, for by then the second's are lost
    for _ in range(2):
        for buffer in augment.buffers():
            torch.distributed.broadcast(buffer, 0)  # as DDP does before a step
        augment.observe(torch.ones(9) if rank == 0 else -torch.ones(4), images=10)
    torch.save(augment.state_dict(), f"{folder}/rank{rank}.pt")
    torch.distributed.destroy_process_group()


def test_two_processes_have_one_strength(tmp_path: Path) -> None:
    torch.multiprocessing.start_processes(observe_in_process, (str(tmp_path),), nprocs=2, start_method="fork")
    first, second = (torch.load(tmp_path / f"rank{rank}.pt") for rank in (0, 1))
    assert first["p"].item() == pytest.approx(0.3)
    assert all(torch.equal(first[name], second[name]) for name in first)


# ---------------------------------------------------------------------------------------------------- its options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (NONE, "model.augment: blitting, geometric and colour are all off"),
        ({"target": 1.0}, "model.augment.target=1.0"),
        ({"p": 0.9}, "model.augment.p=0.9: needs a probability from 0 to 0.8"),
        ({"p": -0.1}, "model.augment.p=-0.1"),
        ({"target": None, "p": 1.1}, "model.augment.p=1.1: needs a probability from 0 to 1"),
        ({"target": None}, "model.augment.p=0 with target=null"),
        ({"max_p": 0.0}, "model.augment.max_p=0.0"),
        ({"interval": 0}, "model.augment.interval=0"),
        ({"speed_images": 0}, "model.augment.speed_images=0"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        ADA(**options)
