"""Classes go by their names, never by their numbers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gan_lab.models.class_rows import describe_change, read_class_names, take_rows_by_name, takes_classes
from gan_lab.networks import ExponentialMovingAverage
from gan_lab.networks.spectral_norm import spectral_normalise


@pytest.mark.parametrize(
    ("description", "takes"),
    [
        ({"classes": 3}, True),
        ({"generator": {"classes": 3}}, True),
        ({"parts": [{"classes": 2}]}, True),
        ({"classes": 0, "generator": {"classes": 0}}, False),
        ({"generator": {"width": 3}, "class_names": None}, False),
    ],
)
def test_a_model_takes_classes_where_something_in_it_is_told_how_many(description: object, takes: bool) -> None:
    assert takes_classes(description) is takes


def test_names_are_the_models_own_or_else_those_of_its_data() -> None:
    assert read_class_names({"model": {"width": 3}, "data": {"class_names": ["a", "b"]}}) == []
    assert read_class_names({"model": {"classes": 2, "class_names": ["a", "b"]}}) == ["a", "b"]
    assert read_class_names({"model": {"classes": 2}, "data": {"class_names": ["a", "b"]}}) == ["a", "b"]
    assert read_class_names({"model": {"classes": 2}}) is None


def test_a_change_is_told_with_its_names() -> None:
    assert describe_change(["a", "b"], ["a", "b"]) is None
    assert describe_change(["beige", "navy"], ["navy", "red"]) == "beige gone, red new"
    assert describe_change(["a", "b"], ["b", "a"]) == "in another order: a, b before, b, a now"
    assert "9 and 2 more gone" in str(describe_change([str(n) for n in range(12)], []))


class Conditional(nn.Module):
    """A generator, its average, and a discriminator under spectral norm, as of a conditional GAN."""

    def __init__(self, classes: int, features: int = 5) -> None:
        super().__init__()
        self.generator = nn.Sequential(nn.Embedding(classes, features), nn.Linear(features, 2))
        self.average = ExponentialMovingAverage(self.generator)
        self.discriminator = nn.Sequential(nn.Embedding(classes, features))
        spectral_normalise(self.discriminator)


ROWS = ("generator.0.weight", "average.module.0.weight", "discriminator.0.parametrizations.weight.original")


@pytest.mark.parametrize("own", [["green", "navy", "red"], ["green", "navy"], ["black", "green", "navy", "white"]])
def test_rows_are_taken_by_name_and_new_classes_keep_their_own(own: list[str]) -> None:
    theirs, before, model = ["beige", "green", "navy"], Conditional(3).state_dict(), Conditional(len(own))
    start, weights = {name: model.state_dict()[name].clone() for name in ROWS}, dict(before)
    take_rows_by_name(model, weights, own, theirs)
    for name in ROWS:
        for row, each in enumerate(own):
            expected = before[name][theirs.index(each)] if each in theirs else start[name][row]
            assert torch.equal(weights[name][row], expected)
    assert torch.equal(weights["generator.1.weight"], before["generator.1.weight"])


def test_rows_that_nobody_can_name_are_left() -> None:
    for theirs, before in (([], Conditional(2)), (["a"], Conditional(2)), (["a", "b"], Conditional(2, features=4))):
        weights = dict(before.state_dict())
        take_rows_by_name(Conditional(2), weights, ["a", "b"], theirs)
        assert not weights.keys() & set(ROWS)
