from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True)
def _seed() -> None:
    """Draw the same weights whatever tests ran before: what a doctor finds depends on them."""
    torch.manual_seed(0)
