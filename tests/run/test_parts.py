"""What a training is made of, and what is refused before it is made."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from torch import Tensor

from gan_lab.errors import UserError
from gan_lab.models import GAN, ManualModule
from gan_lab.models.batches import Batch
from gan_lab.run.parts import check_method


class Unfinished(ManualModule):
    task = "generation"

    def step(self, batch: Batch) -> dict[str, Tensor]:
        return {}

    def validate(self, batches: Iterable[Batch]) -> dict[str, float]:
        return {}


def test_a_method_that_lacks_something_is_refused_with_what_it_is() -> None:
    check_method(GAN)
    message = (
        r"_target_=tests\.run\.test_parts\.Unfinished: lacks batch_kind, monitor, sample_grid, configure_optimizers;"
    )
    with pytest.raises(UserError, match=message):
        check_method(Unfinished)
