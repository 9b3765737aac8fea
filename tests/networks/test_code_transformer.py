"""The transformer over codes: what a logit depends on, and that drawing step by step sees what training sees."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gan_lab.networks import CodeTransformer


def transformer(**options: float) -> CodeTransformer:
    torch.manual_seed(0)
    made = CodeTransformer(**{"codes": 5, "places": 6, "width": 8, "blocks": 2, "heads": 2, **options})
    for parameter in made.parameters():  # untrained, it would say nearly the same of all codes
        parameter.data *= 10 if parameter.dim() > 1 else 1
    return made.eval()


def test_a_logit_depends_on_the_codes_before_it_and_on_no_other() -> None:
    made = transformer()
    codes = torch.tensor([[0, 1, 2, 3, 4, 0]])
    before = made(codes)
    assert before.shape == (1, 6, 5)
    for place in range(6):
        changed = codes.clone()
        changed[0, place] = (changed[0, place] + 1) % 5
        apart = (made(changed) - before).abs().amax(dim=2)[0] > 1e-4
        assert apart.tolist() == [later > place for later in range(6)]


def test_places_are_told_apart() -> None:
    logits = transformer()(torch.zeros(1, 6, dtype=torch.int64))[0]
    assert all(not torch.allclose(logits[i], logits[j], atol=1e-3) for i in range(1, 6) for j in range(1, i))


def test_drawing_step_by_step_is_given_the_logits_of_the_whole_sequence() -> None:
    made, given = transformer(), []

    def choose(place: int, logits: Tensor) -> Tensor:
        assert place == len(given)
        given.append(logits)
        return logits.argmax(dim=1) if place % 2 else torch.tensor([3, 1, 0])

    with torch.no_grad():
        codes = made.sample(3, choose)
        assert codes.shape == (3, 6)
        assert codes[:, 2].tolist() == [3, 1, 0]
        torch.testing.assert_close(torch.stack(given, dim=1), made(codes))


def test_every_weight_learns_and_a_deep_one_starts_at_the_scale_of_a_shallow_one() -> None:
    made = transformer(dropout=0.0)
    made(torch.tensor([[0, 1, 2, 3, 4, 0]])).logsumexp(dim=2).sum().backward()
    assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in made.parameters())
    torch.manual_seed(0)
    deep = CodeTransformer(8, 4, width=64, blocks=8)
    stds = [float(layer.weight.detach().std()) for block in deep.blocks for layer in block.list_last_layers()]  # type: ignore[union-attr, operator]
    assert stds == pytest.approx([0.02 / 4] * 16, rel=0.1)


def test_dropout_is_for_training_alone() -> None:
    made, codes = transformer(dropout=0.5), torch.tensor([[0, 1, 2, 3, 4, 0]])
    assert torch.equal(made(codes), made(codes))
    assert not torch.equal(made.train()(codes), made(codes))


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(ValueError, match="heads must divide width=8; got 3"):
        transformer(heads=3)
