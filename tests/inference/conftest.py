from __future__ import annotations

import pytest

import gan_lab
from gan_lab.inference import Pretrained
from tests.inference.checkpoints import tiny_checkpoint


@pytest.fixture(scope="session")
def cgan(tmp_path_factory: pytest.TempPathFactory) -> Pretrained:
    """A conditional GAN of three classes: dress, hat, shoe."""
    return gan_lab.load(tiny_checkpoint(tmp_path_factory.mktemp("runs") / "cgan", "cgan"), device="cpu")
