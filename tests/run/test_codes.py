"""What `model.codes` may name, and what becomes of it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig, OmegaConf

from gan_lab.config import compose, instantiate
from gan_lab.errors import UserError
from gan_lab.models import CodePrior
from gan_lab.run.codes import fill_autoencoder, insert_autoencoder
from tests.inference.checkpoints import SMALL, tiny_checkpoint
from tests.small import NARROW


def compose_prior(*overrides: str) -> DictConfig:
    return compose("train", ["model=code_prior", *SMALL, *NARROW["code_prior"], *overrides])


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    tiny_checkpoint(folder / "codes", "vq_vae", "model.lambda_perceptual=0.5", quantizer__counts=2.0)
    tiny_checkpoint(folder / "untrained", "vq_vae")
    tiny_checkpoint(folder / "vae", "vae")
    return folder


def test_the_autoencoder_becomes_part_of_the_model(runs: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = compose_prior(f"model.codes={runs / 'codes'}")
    insert_autoencoder(config)
    model = instantiate(config.model)
    assert isinstance(model, CodePrior)
    assert model.autoencoder.perceptual is None
    with caplog.at_level(logging.INFO, "gan_lab.train"):
        fill_autoencoder(config, model)
    saved = torch.load(runs / "codes/checkpoints/last.ckpt", weights_only=True)["state_dict"]
    own = model.autoencoder.state_dict()
    assert own.keys() == saved.keys()
    assert all(torch.equal(own[name], value) for name, value in saved.items())
    assert "4 of 4 codes in use" in caplog.text
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_codes_that_say_nothing_are_warned_of(runs: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = compose_prior(f"model.codes={runs / 'untrained'}")
    insert_autoencoder(config)
    model = instantiate(config.model)
    fill_autoencoder(config, model)
    assert "its codebook was never trained, so all pictures will be nearly alike" in caplog.text
    file = torch.load(runs / "codes/checkpoints/last.ckpt", weights_only=True)
    file["state_dict"]["quantizer.counts"] = torch.tensor([9.0, 0.1, 0, 0])
    torch.save(file, runs / "alike.ckpt")
    config.model.codes = str(runs / "alike.ckpt")
    fill_autoencoder(config, model)
    assert "alike.ckpt: one code stands for nearly everything" in caplog.text


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([], r"^model\.codes: missing; name the run of a vq_vae, which comes first: model\.codes=runs/<name>$"),
        (["model.codes={runs}/vae"], r"^model\.codes=.*/vae: holds a VAE, whose images have no codes; name a run of"),
        (["model.codes={runs}/none"], r"^model\.codes=.*/none: does not exist; "),
        (
            ["model.codes={runs}/codes", "data.image_size=64"],
            r"^data\.image_size=64: .* with 32; give data\.image_size=32",
        ),
        (["model.codes={runs}/codes", "data.channels=1"], r"^data\.channels=1: .* with 3; give data\.channels=3"),
    ],
)
def test_what_holds_no_codes_of_such_images_is_refused(runs: Path, overrides: list[str], message: str) -> None:
    config = compose_prior(*(line.format(runs=runs) for line in overrides))
    with pytest.raises(UserError, match=message):
        insert_autoencoder(config)
    assert OmegaConf.select(config, "model.autoencoder") is None
