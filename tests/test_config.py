"""Overrides are checked, targets are allowed or refused, secrets are masked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

import gan_lab
from gan_lab.config import (
    allowed_object,
    check_targets,
    check_texts,
    complete_overrides,
    compose,
    config_dir,
    instantiate,
    keywords,
    secrets_masked,
    text_masked,
)
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


def test_keywords_follow_what_a_constructor_hands_on() -> None:
    assert {"generator", "n_critic", "micro_batches", "gradient_clip"} <= keywords("gan_lab.models.GAN")
    assert "x" not in keywords("gan_lab.networks.ResnetGenerator")


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "builtins.eval",
        "torch.load",
        "torch.hub.load",
        "torch.optim.os.system",
        "torch.nn.modules.module.torch.load",
        "gan_lab.train.main",
        "gan_lab.models.gan.torch.load",
        "gan_lab.imaging.write_png",
        "gan_lab.models.nothing",
        "gan_lab.models.base.random.seed",
        17,
    ],
)
def test_other_targets_are_refused(target: str) -> None:
    with pytest.raises(UserError, match="_target_"):
        allowed_object(target)
    with pytest.raises(UserError, match=r"^model\.deep\[0\]\.inside: _target_"):
        check_targets({"deep": [{"inside": {"_target_": target}}]}, "model")


@pytest.mark.parametrize(
    "target",
    [
        "gan_lab.models.GAN",
        "gan_lab.models.linear_decay",
        "torch.optim.Adam",
        "torch.nn.ReLU",
        "gan_lab.imaging.JPEG",
        "gan_lab.augment.ADA",
        "gan_lab.augment.DiffAugment",
    ],
)
def test_own_targets_are_allowed(target: str) -> None:
    assert callable(allowed_object(target))


def test_an_interpolation_in_a_foreign_configuration_is_refused() -> None:
    with pytest.raises(UserError, match="interpolation"):
        instantiate({"_target_": "torch.nn.Linear", "in_features": 1, "out_features": "${oc.env:HOME}"})


def test_a_constructors_refusal_is_told() -> None:
    with pytest.raises(UserError, match="unexpected keyword argument 'nonsense'"):
        instantiate({"_target_": "torch.nn.Linear", "in_features": 1, "out_features": 1, "nonsense": 1})


def test_secrets_are_masked_at_any_depth() -> None:
    node = {"logger": [{"api_key": "x", "project": "p"}], "wandb_token": "y", "password": None}
    assert secrets_masked(node) == {
        "logger": [{"api_key": "***", "project": "p"}],
        "wandb_token": "***",
        "password": None,
    }
    lines = [
        "+logger.wandb.settings={api_key:x,timeout:3}",
        "data.root=https://me:x@host/a",
        "data.access_key='a b'",
        "seed=1",
    ]
    assert secrets_masked(lines) == [
        "+logger.wandb.settings={api_key:***,timeout:3}",
        "data.root=https://me:***@host/a",
        "data.access_key=***",
        "seed=1",
    ]


def test_secrets_that_were_given_are_masked_wherever_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "from the environment")
    monkeypatch.setenv("SHOP", "referred to")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false-ish")
    given = [
        "+a.api_key='swept one',swept2",
        "+a={b:{password:[inside]}}",
        "a.token=${oc.env:SHOP}",
        "a.secret=7",
        "b='",
    ]
    monkeypatch.setattr(sys, "argv", ["gan_lab.train", *given])
    said = "from the environment, swept one, swept2, inside, referred to, false-ish, 7"
    assert text_masked(said) == "***, ***, ***, ***, ***, false-ish, 7"
    assert secrets_masked({"a": ["swept2"]}) == {"a": ["***"]}


def test_a_quoted_secret_in_a_text_is_masked_whole() -> None:
    assert text_masked("password='a b' api_key: \"c, d\" seed=1") == "password=*** api_key: *** seed=1"
    assert text_masked("token=a@b https://me:c@d@host/e") == "token=*** https://me:***@host/e"


@pytest.mark.parametrize("experiment", sorted(path.stem for path in (config_dir() / "experiment").glob("*.yaml")))
def test_every_experiment_makes_its_model(experiment: str) -> None:
    config = compose("train", [f"experiment={experiment}", "name=made"])
    assert isinstance(instantiate(config.model), allowed_object(config.model._target_))


def test_the_small_catalogues_d_has_no_norm_and_its_rates_end_at_zero() -> None:
    made = instantiate(compose("train", ["experiment=small_catalogue", "name=made"]).model)
    assert not any("Norm" in type(layer).__name__ for layer in made.discriminator.modules())
    assert made.generator.layers[-2].in_channels == made.discriminator.stages[0][0].out_channels == 32
    assert {name: (one.weight, one.every) for name, one in made.penalties.items()} == {"r1": (1.0, 8), "r2": (1.0, 8)}
    assert made.adversarial.relativistic
    assert [made.schedule(progress) for progress in (0.0, 0.5, 0.75, 1.0)] == [1.0, 1.0, 0.5, 0.0]


def test_an_augmentation_is_chosen_by_its_name() -> None:
    for model in ("dcgan", "dcgan_28", "mlp_gan", "cgan", "cgan_projection", "lsgan", "sngan", "wgan_gp", "r3gan"):
        chosen = [f"model={model}", "name=made"]
        assert compose("train", chosen).model.augment is None
        assert compose("train", [*chosen, "model/augment=ada"]).model.augment["_target_"] == "gan_lab.augment.ADA"
    with pytest.raises(UserError, match="model/augment=ada: the chosen configuration has no place for model/augment"):
        compose("train", ["model=vae", "model/augment=ada"])


def test_every_yaml_names_only_what_is_allowed() -> None:
    from omegaconf import OmegaConf

    for path in config_dir().rglob("*.yaml"):
        if path.parent.name == "conf" or "hydra" in path.parts:
            continue  # Hydra's own targets
        node = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
        stack = [node]
        while stack:
            part = stack.pop()
            if isinstance(part, dict):
                if "_target_" in part:
                    allowed_object(part["_target_"])
                stack.extend(part.values())
            elif isinstance(part, list):
                stack.extend(part)


@pytest.mark.parametrize("key", ["output", "image", "name"])
def test_a_name_that_is_too_long_is_told(key: str) -> None:
    with pytest.raises(UserError, match=f"{key}=a/xxx.*at most 255 bytes"):
        check_texts(OmegaConf.create({key: "a/" + "x" * 256}))
    check_texts(OmegaConf.create({key: "a/" * 200 + "x" * 255}))


@pytest.mark.parametrize(
    "name", sorted(path.stem for path in (Path(gan_lab.__file__).parent / "commands").glob("[a-z]*.py"))
)
def test_help_waits_for_no_import_of_torch(name: str) -> None:
    seen = f"import sys; sys.argv = ['{name}', '--help']; from gan_lab.{name} import main"
    line = f"{seen}\ntry: main()\nfinally: print('torch' in sys.modules, 'lightning' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True).stdout
    assert f"gan_lab.{name}" in told
    assert told.endswith("False False\n")
