"""Every weight of every method's loss is checked: one below 0 would act as 0, or worse."""

from __future__ import annotations

import inspect
from typing import Any
from unittest.mock import MagicMock

import pytest

import gan_lab.models
from gan_lab.errors import UserError
from gan_lab.losses import R1
from gan_lab.models import AdversarialModule, ManualModule
from gan_lab.options import check_weights

METHODS = [
    method
    for method in vars(gan_lab.models).values()
    if inspect.isclass(method) and issubclass(method, ManualModule) and method is not ManualModule
]


def arguments(method: type) -> dict[str, inspect.Parameter]:
    """Return the arguments of a class and of those that it hands options on to."""
    found: dict[str, inspect.Parameter] = {}
    for owner in inspect.getmro(method):
        if issubclass(owner, ManualModule):
            found = dict(inspect.signature(owner.__init__).parameters) | found  # type: ignore[misc]
    return found


WEIGHTS = [(method, name) for method in METHODS for name in arguments(method) if name.startswith("lambda_")]


def test_there_are_some_to_check() -> None:
    assert {"CycleGAN", "CUT", "Drifting", "Enhancer", "VAE", "VAEGAN", "VQVAE"} == {
        method.__name__ for method, _ in WEIGHTS
    }


@pytest.mark.parametrize(("method", "name"), WEIGHTS, ids=lambda value: getattr(value, "__name__", value))
def test_a_weight_below_zero_is_refused(method: Any, name: str) -> None:
    own = inspect.signature(method).parameters.values()
    needed = {each.name: MagicMock() for each in own if each.default is each.empty and each.kind != each.VAR_KEYWORD}
    with pytest.raises(UserError, match=rf"model\.{name}=-1\.0: needs a number from 0"):
        method(**needed, **{name: -1.0})


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), True, "1", None])
def test_what_is_no_weight_at_all_is_refused(weight: Any) -> None:
    with pytest.raises(UserError, match=rf"model\.lambda_l1={weight}: needs"):
        check_weights(lambda_ssim=0, lambda_l1=weight)


def test_so_is_a_penaltys() -> None:
    with pytest.raises(UserError, match=r"model\.penalties\.r1\.weight=-5: needs"):
        AdversarialModule(penalties={"r1": R1(weight=-5)})
