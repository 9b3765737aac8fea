"""What a configuration may name is a closed list, and all of a description is checked before anything of it is made."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from gan_lab.config import (
    CALLBACKS,
    LOGGERS,
    check_description,
    compose,
    find_config_dir,
    instantiate,
    parse_trust,
    resolve,
)
from gan_lab.config.signatures import signature_of
from gan_lab.config.targets import list_arguments, list_loadable
from gan_lab.data import ImageDataModule
from gan_lab.errors import UserError
from gan_lab.models import ManualModule
from gan_lab.networks import LightCorrector

#: All that a checkpoint from anywhere can have made. A new name here is a decision: its constructor must touch no file, start
#: no process, and take plain values or other members of this list.
CLOSED = {
    "gan_lab.augment": "ADA DiffAugment InstanceNoise",
    "gan_lab.data": "FashionMNIST Products",
    "gan_lab.imaging": "Blur ColourCast Compose DefectProfile GaussianNoise Holes JPEG LightProfile LowLight LowResolution "
    "MotionBlur OneOf PoorLight Reduction SensorNoise Several Sometimes WebP",
    "gan_lab.losses": "ConsistencyRegularisation FlipAndShift GradientPenalty Hinge LeastSquares NonSaturating R1 R2 "
    "RelativisticPairing Wasserstein",
    "gan_lab.models": "CUT CodePrior CycleGAN Drifting Enhancer GAN VAE VAEGAN VQVAE burn_in cosine linear_decay",
    "gan_lab.networks": "CodeTransformer CommunityNetwork ConvDecoder ConvDiscriminator ConvDiscriminator28 ConvEncoder "
    "DCGANDiscriminator DCGANGenerator DenseGenerator28 FeatureDiscriminator FeatureGroups GridDecoder "
    "GridEncoder LightCorrector MLPDiscriminator MLPGenerator PatchDiscriminator ProjectedDiscriminator "
    "R3GANDiscriminator R3GANGenerator RandomVGG ResidualDiscriminator ResidualGenerator ResnetGenerator "
    "Restorer SkipGenerator UNetGenerator VectorQuantizer",
    "torch.nn": "ELU Flatten GELU LeakyReLU Linear ReLU SiLU Sigmoid Tanh",
    "torch.optim": "Adadelta Adagrad Adam AdamW Adamax NAdam RAdam RMSprop SGD",
}
NETWORK = {"_target_": "gan_lab.networks.MLPGenerator", "image_size": 8, "widths": [4]}
ADAM = {"_target_": "torch.optim.Adam", "_partial_": True, "lr": 0.001}
GAN = {
    "_target_": "gan_lab.models.GAN",
    "generator": NETWORK,
    "discriminator": {"_target_": "gan_lab.networks.MLPDiscriminator", "image_size": 8, "widths": [4]},
    "generator_optimizer": ADAM,
    "discriminator_optimizer": ADAM,
}


def test_the_closed_list() -> None:
    listed = {package: " ".join(sorted(names)) for package, names in list_loadable().items()}
    for package, names in sorted(listed.items()):
        print(f"{package}: {names}")
    assert {package: " ".join(sorted(names.split())) for package, names in CLOSED.items()} == listed


@pytest.mark.parametrize("package", sorted(CLOSED))
def test_every_member_is_a_public_constructor_with_a_closed_signature(package: str) -> None:
    for name in list_loadable()[package]:
        target = resolve(f"{package}.{name}")
        assert not name.startswith("_")
        assert package.startswith("torch.") or name in sys.modules[package].__all__
        assert not signature_of(target).open, name
        unannotated = [argument for argument, kind in signature_of(target).kinds.items() if kind is Any]
        assert unannotated == [] or package.startswith("torch."), (
            name
        )  # places without an annotation take plain values alone


def test_arguments_follow_what_a_constructor_hands_on() -> None:
    assert {"generator", "n_critic", "micro_batches", "gradient_clip"} <= list_arguments("gan_lab.models.GAN")
    assert "x" not in list_arguments("gan_lab.networks.ResnetGenerator")
    assert list_arguments(None) == set()


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "builtins.eval",
        "torch.load",
        "torch.hub.load",
        "pathlib.Path.write_text",
        "torch.optim.os.system",
        "torch.nn.modules.module.torch.load",
        "torch.nn.attention._fa3._fa3_import_module",
        "torch.nn.attention.register_flash_attention_fa4",
        "torch.nn.Module.__setattr__",
        "torch.nn.Module.compile",
        "torch.nn.Module.load_state_dict",
        "torch.nn.Module",
        "torch.nn.Identity",
        "torch.nn.Sequential",
        "torch.nn.init.zeros_",
        "torch.optim.lr_scheduler.LambdaLR",
        "torchvision.transforms.Lambda",
        "lightning.pytorch.loggers.CSVLogger",
        "lightning.pytorch.loggers.csv_logs.ExperimentWriter",
        "gan_lab.callbacks.WandbRun",
        "gan_lab.callbacks.Checkpoints",
        "gan_lab.config.instantiate",
        "gan_lab.train.main",
        "gan_lab.models.gan.GAN",
        "gan_lab.models.gan.torch.load",
        "gan_lab.models.ManualModule",
        "gan_lab.models.nothing",
        "gan_lab.models.base.random.seed",
        "gan_lab.models.LOADABLE",
        "gan_lab.networks.inception",
        "gan_lab.networks.recompute_activations",
        "gan_lab.networks.ResnetGenerator.forward",
        "gan_lab.losses.Perceptual",
        "gan_lab.imaging.write_png",
        "gan_lab.metrics.psnr",
        "gan_lab.networks",
        "GAN",
        "",
        ".",
        "gan_lab.networks.",
        "gan_lab.networks.ResnetGenerator\x1b[2J",
        17,
        None,
        ["gan_lab.models.GAN"],
    ],
)
def test_other_targets_are_refused(target: Any) -> None:
    before = set(sys.modules)
    with pytest.raises(UserError, match="_target_") as refused:
        resolve(target)
    assert "\x1b" not in str(refused.value)
    with pytest.raises(UserError, match=r"^model\.generator"):
        instantiate(GAN | {"generator": {"_target_": target}}, "model")
    assert set(sys.modules) == before


@pytest.mark.parametrize(
    "name", ["gan_lab.models.GAN", "gan_lab.models.linear_decay", "torch.optim.Adam", "gan_lab.imaging.JPEG"]
)
def test_own_targets_are_allowed(name: str) -> None:
    assert resolve(name).__name__ == name.rpartition(".")[2]


def test_a_near_name_is_offered() -> None:
    for given, near in (
        ("gan_lab.models.gan.GAN", "did you mean gan_lab.models.GAN?"),
        ("torch.optim.adam.Adam", "did you mean torch.optim.Adam?"),
        ("gan_lab.networks.ResNetGenerator", "did you mean gan_lab.networks.ResnetGenerator?"),
    ):
        with pytest.raises(UserError) as refused:
            resolve(given)
        assert near in str(refused.value)
        assert "trust" not in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        # what is at the wrong place, though it is in the list
        ({"generator": ADAM}, r"model\.generator\._target_=torch\.optim\.Adam: does not belong here.*Module"),
        ({"generator": NETWORK | {"_partial_": True}}, r"model\.generator.*does not belong here"),
        ({"generator_optimizer": NETWORK | {"_partial_": True}}, r"model\.generator_optimizer.*a maker of Optimizer"),
        ({"generator_optimizer": ADAM | {"_partial_": False}}, r"model\.generator_optimizer.*does not belong here"),
        ({"adversarial": NETWORK}, r"model\.adversarial.*Adversarial"),
        ({"adversarial": {"_target_": "gan_lab.losses.R1"}}, r"model\.adversarial.*Adversarial"),
        ({"penalties": {"_target_": "gan_lab.losses.R1"}}, r"model\.penalties.*does not belong here"),
        ({"penalties": {"r1": {"_target_": "gan_lab.losses.Hinge"}}}, r"model\.penalties\.r1.*Penalty"),
        ({"schedule": {"_target_": "gan_lab.models.linear_decay", "_partial_": True}}, r"model\.schedule.*belong here"),
        ({"schedule": {"_target_": "gan_lab.losses.Hinge"}}, r"model\.schedule.*belong here"),
        ({"augment": {"_target_": "gan_lab.data.Products"}}, r"model\.augment.*does not belong here"),
        ({"n_critic": NETWORK}, r"model\.n_critic.*does not belong here"),
        ({"class_names": [NETWORK]}, r"model\.class_names=.*needs a list, each item text"),
        ({"penalties": {"r1": {"weight": 1.0}}}, r"model\.penalties=.*needs a mapping"),
        ({"penalties": [{"_target_": "gan_lab.losses.R1"}]}, "model.penalties"),
        # names that no signature has, at any depth
        ({"nonsense": 1}, r"model\.nonsense: gan_lab\.models\.GAN has no such argument"),
        ({"n_critics": 1}, r"did you mean n_critic\?"),
        ({"logger": {"_target_": "lightning.pytorch.loggers.CSVLogger", "save_dir": "x"}}, r"model\.logger: .*no such"),
        ({"generator": NETWORK | {"x": 1}}, r"model\.generator\.x: gan_lab\.networks\.MLPGenerator has no such argument"),
        ({"generator": NETWORK | {"self": 1}}, r"model\.generator\.self"),
        ({"generator_optimizer": ADAM | {"params": NETWORK}}, r"model\.generator_optimizer\.params.*does not belong here"),
        # what Hydra would take for an order
        ({"_args_": [1]}, r"model\._args_: a key of Hydra's"),
        ({"_recursive_": False}, r"model\._recursive_: a key of Hydra's"),
        ({"_convert_": "all"}, r"model\._convert_"),
        ({"generator": NETWORK | {"_partial_": "x"}}, r"model\.generator\._partial_=x: needs true or false"),
        ({"penalties": {"_partial_": True}}, r"model\.penalties"),
        # what is no data
        ({"penalties": ()}, r"model\.penalties: a tuple"),
        ({"class_names": [("a", {"_target_": "os.system"})]}, r"model\.class_names\[0\]: a tuple"),
        ({"penalties": {1: None}}, r"model\.penalties: a key that is a int"),
        ({"penalties": {"${oc.env:HOME}": None}}, r"model\.penalties: \$\{oc"),
        ({"class_names": ["${oc.env:HOME}"]}, r"model\.class_names\[0\]: .*an interpolation"),
        ({"class_names": torch.Size([1])}, r"model\.class_names: a Size"),
        ({"n_critic": torch.tensor(1)}, r"model\.n_critic: a Tensor"),
        # of another kind
        ({"n_critic": False}, "model.n_critic=False: needs a whole number"),
        ({"generator": 3}, r"model\.generator=3: needs an object"),
        ({"generator": NETWORK | {"image_size": None}}, r"model\.generator\.image_size=null: needs a whole number"),
        ({"generator": NETWORK | {"widths": ["a"]}}, r"model\.generator\.widths=.*: needs a list"),
    ],
)  # fmt: skip
def test_a_description_is_refused_by_its_place_before_anything_is_made(
    changes: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    first = torch.nn.Module.__init__
    monkeypatch.setattr(
        torch.nn.Module, "__init__", lambda self, *a, **k: (made.append(type(self).__name__), first(self, *a, **k))[1]
    )
    with pytest.raises(UserError, match=message):
        instantiate(GAN | changes, "model", ManualModule)
    assert made == []


def test_what_is_missing_is_named() -> None:
    with pytest.raises(UserError, match=r"^model: gan_lab\.models\.GAN needs discriminator, generator; set it"):
        instantiate({name: GAN[name] for name in GAN if not name.endswith("ator")}, "model")


def test_a_place_takes_what_its_annotation_says() -> None:
    made = instantiate(
        GAN
        | {
            "penalties": {"r1": {"_target_": "gan_lab.losses.R1"}, "none": None},
            "adversarial": {"_target_": "gan_lab.losses.LeastSquares"},
            "consistency": {
                "_target_": "gan_lab.losses.ConsistencyRegularisation",
                "augment": {"_target_": "gan_lab.augment.DiffAugment"},
            },
            "schedule": {"_target_": "gan_lab.models.linear_decay", "start": 0.25},
        },
        "model",
        ManualModule,
    )
    assert list(made.penalties) == ["r1"]
    assert type(made.consistency.augment).__name__ == "DiffAugment"
    assert made.schedule(0.625) == 0.5
    assert type(made.generator_optimizer(made.generator.parameters())).__name__ == "Adam"


@pytest.mark.parametrize("kind", [ImageDataModule, LightCorrector])
def test_another_class_than_the_place_needs_is_refused_before_it_is_made(kind: type) -> None:
    with pytest.raises(UserError, match=f"needs an object of type {kind.__name__}"):
        check_description(GAN, "model", kind)


def test_loggers_are_described_where_loggers_are_asked_for_alone() -> None:
    logger = {"_target_": "lightning.pytorch.loggers.CSVLogger", "save_dir": "x"}
    with pytest.raises(UserError, match="may only name"):
        check_description(logger)
    assert check_description(logger, among=LOGGERS).arguments == {"save_dir": "x"}
    with pytest.raises(UserError, match="may only name"):
        check_description(GAN, among=LOGGERS)
    assert "save_dir" in list_arguments("gan_lab.callbacks.WandbRun")


PACKAGE = """
import torch
from torch import nn
from os import system
from shutil import rmtree

class Net(nn.Module):
    def __init__(self, width: int, inner: nn.Module | None = None, free=None):
        super().__init__()
        self.latents = width
        self.width, self.inner, self.free = width, inner, free

def make(width: int) -> nn.Module:
    return Net(width)

class _Private(nn.Module): ...
"""


@pytest.fixture
def own_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "shop_nets").mkdir()
    (tmp_path / "shop_nets/__init__.py").write_text(PACKAGE)
    (tmp_path / "shop_nets/deep.py").write_text("from . import Net\nclass Deep(Net): ...\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "shop_nets"
    for name in [name for name in sys.modules if name.startswith("shop_nets")]:
        del sys.modules[name]


def test_a_class_of_ones_own_needs_trust(own_package: str) -> None:
    node = {
        "_target_": "shop_nets.Net",
        "width": 3,
        "inner": NETWORK,
        "free": {"_target_": "shop_nets.make", "width": 1},
    }
    with pytest.raises(UserError, match="for a class of your own add trust=shop_nets to the command line"):
        instantiate(node)
    assert "shop_nets" not in sys.modules
    made = instantiate(node, "model", torch.nn.Module, (own_package,))
    assert (made.width, type(made.inner).__name__, made.free.width) == (3, "MLPGenerator", 1)
    assert (
        type(instantiate({"_target_": "shop_nets.deep.Deep", "width": 1}, "", object, (own_package,))).__name__
        == "Deep"
    )
    inside = instantiate(GAN | {"generator": {"_target_": "shop_nets.make", "width": 2}}, "", object, (own_package,))
    assert inside.generator.width == 2
    with pytest.raises(UserError, match=r"height: shop_nets\.Net has no such argument"):
        instantiate({"_target_": "shop_nets.Net", "width": 1, "height": 2}, "", object, (own_package,))
    with pytest.raises(UserError, match=r"inner: _target_=os\.system"):
        instantiate(node | {"inner": {"_target_": "os.system"}}, "", object, (own_package,))


@pytest.mark.parametrize(
    "target",
    ["shop_nets.system", "shop_nets.rmtree", "shop_nets.torch.load", "shop_nets._Private", "shop_nets.Net.forward",
     "shop_nets.nothing", "shop_nets.nothing.Net", "shop_netsx.Net", "shop_nets", "shop_nets.torch"],
)  # fmt: skip
def test_trust_in_a_package_is_trust_in_what_it_defines(own_package: str, target: str) -> None:
    with pytest.raises(UserError, match="_target_"):
        resolve(target, (own_package,))


def test_whom_one_may_trust() -> None:
    assert parse_trust(None) == ()
    assert parse_trust("mine") == ("mine",)
    assert parse_trust(["mine", "ours.nets"]) == ("mine", "ours.nets")
    for value in (
        "os",
        "torch",
        "torch.nn",
        "builtins",
        "gan_lab",
        "numpy.lib",
        "",
        ".",
        "a/b",
        "_x",
        "${oc.env:HOME}",
        3,
        [3],
        {},
        True,
    ):
        with pytest.raises(UserError, match="trust="):
            parse_trust(value)


def test_an_interpolation_in_a_foreign_configuration_is_refused() -> None:
    with pytest.raises(UserError, match="interpolation"):
        instantiate({"_target_": "torch.nn.Linear", "in_features": 1, "out_features": "${oc.env:HOME}"})


def test_a_constructors_refusal_is_said_with_its_place() -> None:
    with pytest.raises(UserError, match=r"model\.generator: MLPGenerator cannot be made"):
        instantiate(GAN | {"generator": NETWORK | {"widths": []}}, "model")


@pytest.mark.parametrize("experiment", sorted(path.stem for path in (find_config_dir() / "experiment").glob("*.yaml")))
def test_every_experiment_makes_its_model(experiment: str) -> None:
    config = compose("train", [f"experiment={experiment}", "name=made"])
    assert isinstance(instantiate(config.model), resolve(config.model._target_))


def test_the_narrow_r3gans_d_has_no_norm_and_its_rates_end_at_zero() -> None:
    made = instantiate(compose("train", ["experiment=narrow_r3gan", "name=made"]).model)
    assert not any("Norm" in type(layer).__name__ for layer in made.discriminator.modules())
    assert made.generator.layers[-2].in_channels == made.discriminator.stages[0][0].out_channels == 32
    assert {name: (one.weight, one.every) for name, one in made.penalties.items()} == {"r1": (1.0, 8), "r2": (1.0, 8)}
    assert made.adversarial.relativistic
    assert [made.schedule(progress) for progress in (0.0, 0.5, 0.75, 1.0)] == [1.0, 1.0, 0.5, 0.0]


def test_every_yaml_names_only_what_is_loadable() -> None:
    for path in find_config_dir().rglob("*.yaml"):
        if path.parent.name == "conf" or "hydra" in path.parts:
            continue  # Hydra's own targets
        stack = [OmegaConf.to_container(OmegaConf.load(path), resolve=False)]
        while stack:
            part = stack.pop()
            if isinstance(part, dict):
                if "_target_" in part:
                    resolve(part["_target_"], among={"logger": LOGGERS, "callbacks": CALLBACKS}.get(path.parent.name))
                stack.extend(part.values())
            elif isinstance(part, list):
                stack.extend(part)


def test_a_class_of_a_package_of_gan_lab_that_is_not_listed_is_told_where_to_list_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gan_lab.models.LOADABLE", frozenset({"VAE"}))
    with pytest.raises(UserError, match=r"gan_lab\.models\.GAN: .*; add it to LOADABLE in gan_lab\.models"):
        resolve("gan_lab.models.GAN")
