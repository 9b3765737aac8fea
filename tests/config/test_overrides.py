"""Overrides are checked before anything starts, and a mistyped one is answered with what is near."""

from __future__ import annotations

import pytest

from gan_lab.config import complete_overrides, compose
from gan_lab.errors import UserError


@pytest.mark.parametrize(
    ("given", "completed"),
    [
        (["model=vae", "seed=3"], ["model=vae", "seed=3"]),
        # stated in no yaml, but an argument of the constructor
        (["model.generator.norm=batch"], ["++model.generator.norm=batch"]),
        # an argument that the constructor hands on to its base class
        (["model=dcgan_28", "model.micro_batches=2"], ["model=dcgan_28", "++model.micro_batches=2"]),
        (["+model.generator.norm=batch"], ["+model.generator.norm=batch"]),
        (["-m", "seed=1,2"], ["-m", "seed=1,2"]),
        (["-m", "model=vae,dcgan", "trainer.log_every=3"], ["-m", "model=vae,dcgan", "trainer.log_every=3"]),
        (["--help", "nonsense=1"], ["--help", "nonsense=1"]),
    ],
)
def test_valid_overrides_pass(given: list[str], completed: list[str]) -> None:
    assert complete_overrides(given, "train") == completed


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["-m", "model=vae,dcgan", "model.encoder.latents=3"], "model.encoder"),  # dcgan has no encoder
        (["-m", "model=vae,dcgna"], "did you mean model=dcgan"),
        (["model=dcgan", "model.penalties.r1.weight=3"], "model.penalties is None"),
        (["seed.x=3"], "seed is 0"),
        (["trainer=[1"], "trainer=[1"),
    ],
)
def test_invalid_overrides_are_told(given: list[str], message: str) -> None:
    with pytest.raises(UserError) as told:
        complete_overrides(given, "train")
    assert message in str(told.value)


@pytest.mark.parametrize(
    "given",
    [
        *(["logger=1_000"], ["data=[2,1]"], ["data={a:1}"], ["model=true"]),
        *(["data=null"], ["+data=null"], ["model=null", "plan=true"], ["experiment=null"], ["model.augment={}"]),
        *(["-m", "trainer=range(3)"], ["-m", "data=products,null"], ["-m", "model.generator=1,2"]),
    ],
)
def test_what_chooses_a_configuration_is_a_name(given: list[str]) -> None:
    with pytest.raises(UserError, match=r"there is no such option.*there are: \w"):
        complete_overrides(given, "train")


@pytest.mark.parametrize("given", ["~experiment", "~logger", "~model/augment", "model.augment=null"])
def test_a_group_may_be_left_out(given: str) -> None:
    assert complete_overrides([given], "train") == [given]


def test_an_augmentation_is_chosen_by_its_name() -> None:
    for model in ("dcgan", "dcgan_28", "mlp_gan", "cgan", "cgan_projection", "lsgan", "sngan", "wgan_gp", "r3gan"):
        chosen = [f"model={model}", "name=made"]
        assert compose("train", chosen).model.augment is None
        assert compose("train", [*chosen, "model/augment=ada"]).model.augment["_target_"] == "gan_lab.augment.ADA"
    with pytest.raises(UserError, match="model/augment=ada: the chosen configuration has no place for model/augment"):
        compose("train", ["model=vae", "model/augment=ada"])
