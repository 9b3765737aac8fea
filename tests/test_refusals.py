"""Refusals that no other test makes in the tests' own process, each by the shortest way to it."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image
from torch import Tensor, nn

from gan_lab import checkpoint
from gan_lab.commands.evaluate import open_record
from gan_lab.config import check_description, complete_overrides, compose
from gan_lab.data import FashionMNIST, Products, fashion_mnist
from gan_lab.data.layouts import find_two_folders
from gan_lab.data.views import read_next
from gan_lab.errors import UserError
from gan_lab.inference.generation import Generation
from gan_lab.inference.pretrained import open_checkpoint, read_whole_fact
from gan_lab.inference.translation import Translation, TranslationWish
from gan_lab.losses import NonSaturating
from gan_lab.models import AdversarialModule, Enhancer, ManualModule
from gan_lab.photo_files import UnreadableImage
from gan_lab.run.parts import build_parts
from gan_lab.run.plan import plan
from gan_lab.run.trainer import build_callbacks
from tests.inference.test_translation import Model
from tests.models.test_gan import gan

FILE = Path("a.ckpt")


def train_config(*overrides: str) -> Any:
    return compose("train", ["device=cpu", *overrides])


def write_idx(path: Path, shape: tuple[int, ...]) -> None:
    sizes = b"".join(size.to_bytes(4, "big") for size in shape)
    path.write_bytes(bytes((0, 0, 8, len(shape))) + sizes + bytes(int(np.prod(shape))))


def refuse_memory(path: Path) -> Any:
    raise MemoryError


def refuse_reading(index: int) -> Any:
    raise UnreadableImage(Path("a.jpg"), "it is torn")


class Unaugmentable(AdversarialModule):
    augmentable = False


def make_fashion(folder: Path) -> None:
    for name, images, labels in (("train", 3, 2), ("t10k", 2, 2)):
        write_idx(folder / f"{name}-images-idx3-ubyte", (images, 28, 28))
        write_idx(folder / f"{name}-labels-idx1-ubyte", (labels,))
    FashionMNIST(folder).prepare()


def pair_as_domain(folder: Path) -> None:
    for name in ("one/lq/a.png", "one/gt/a.png", "other/a.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(folder / name)
    find_two_folders(folder / "one", folder / "other")


def generate(label: Any = None, image: float = 0.0) -> None:
    def draw(z: Tensor, label: Tensor) -> Tensor:
        return torch.full((len(z), 3, 4, 4), image)

    model = SimpleNamespace(
        conditional=True, classes=2, class_names=["a", "b"], generate=draw, device=torch.device("cpu")
    )
    made = Generation.__new__(Generation)
    made.__dict__.update(model=model, path=FILE, name="cgan", dtype=torch.float32)
    made.classes(label) if label is not None else made.decode(torch.zeros(1, 2), torch.zeros(1, dtype=torch.int64))


class Failing(nn.Module):
    """Gives NaN, or runs out of memory."""

    def __init__(self, memory: bool) -> None:
        super().__init__()
        self.memory = memory

    def forward(self, image: Tensor) -> Tensor:
        if self.memory:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return image * float("nan")


def translate(memory: bool) -> None:
    Translation(Model(Failing(memory)), 16, 3)(np.zeros((16, 16, 3), np.uint8), TranslationWish("AB"))


def record_elsewhere(folder: Path) -> None:
    path = folder / "checkpoints" / "last.ckpt"
    config = OmegaConf.create({"logger": {"csv": {"_target_": "lightning.pytorch.loggers.CSVLogger"}}, "trust": None})
    open_record(config, SimpleNamespace(path=path, config={"runs_dir": str(folder.parent)}))  # type: ignore[arg-type]


REFUSALS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no file": (lambda folder: checkpoint.read_checkpoint(folder / "a.ckpt"), "a.ckpt: does not exist"),
    "a folder": (lambda folder: checkpoint.read_checkpoint(folder), "cannot be read"),
    "clock": (
        lambda folder: checkpoint.read_clock({"iteration": 1, "progress": "x"}, FILE),
        "its clock is something else",
    ),
    "weights": (lambda folder: checkpoint.read_weights([], FILE), "its weights are something else"),
    "nameless weight": (lambda folder: checkpoint.read_weights({1: torch.zeros(1)}, FILE), "a weight has no name"),
    "no config": (lambda folder: checkpoint.read_config({}, FILE), "it holds no config"),
    "no description": (lambda folder: check_description({"a": 1}), "needs the description of an object"),
    "a group of options": (lambda folder: complete_overrides(["adjust=1"], "enhance"), "adjust is a group of options"),
    "no record": (
        lambda folder: open_record(OmegaConf.create({"logger": {"wandb": {}}}), SimpleNamespace(path=FILE)),  # type: ignore[arg-type]
        "lies in no run's folder",
    ),
    "shorter side": (
        lambda folder: Products(batch_kind="images", image_size=64, shorter_side=32),
        "data.shorter_side=32: is below data.image_size=64",
    ),
    "other labels": (make_fashion, "do not belong together"),
    "a pair as a domain": (pair_as_domain, "holds pairs or domains"),
    "no photo is left": (lambda folder: read_next(refuse_reading, 0, 3), "none of the 3 images can be read"),
    "no class": (lambda folder: generate(label=[]), r"label=\[\]: names no class"),
    "not a number": (lambda folder: generate(image=float("nan")), "its model gives NaN"),
    "no GPU": (lambda folder: open_checkpoint(FILE, device="cuda"), "device=cuda"),
    "augment": (lambda folder: Unaugmentable(augment=nn.Identity()), "images that would have to change alike"),
    "micro-batches": (lambda folder: ManualModule(micro_batches=0), "model.micro_batches=0: needs at least 1"),
    "one direction": (
        lambda folder: Enhancer.translate(SimpleNamespace(directions=("AB",)), torch.zeros(1), "BA"),  # type: ignore[arg-type]
        "learnt is AB alone",
    ),
    "critic": (lambda folder: gan(n_critic=0), "model.n_critic=0: needs at least 1"),
    "a plan of processes": (
        lambda folder: plan(train_config("trainer=ddp", "plan=true")),
        "plan=true: is for one device",
    ),
    "no model": (
        lambda folder: build_parts(train_config("model._target_=gan_lab.networks.DCGANGenerator")),
        "is no ManualModule",
    ),
    "no size": (lambda folder: checkpoint.read_image_size({"image_size": [64]}, FILE), "has no size of images"),
    "a fact": (lambda folder: read_whole_fact({}, "channels", FILE), "has no data.channels"),
    "memory for a translation": (lambda folder: translate(memory=True), "out of memory on a photo of 16x16"),
    "a translation that is no number": (lambda folder: translate(memory=False), "its model gives NaN"),
    "another record": (record_elsewhere, "an evaluation goes to W&B alone"),
    "nameless callbacks": (
        lambda folder: build_callbacks(
            OmegaConf.create({"trainer": {"doctor": True}, "trust": None, "callbacks": ["a"]}), folder
        ),
        "needs callbacks by name",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_is_made(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    provoke, message = REFUSALS[name]
    with pytest.raises(UserError, match=message):
        provoke(tmp_path)


def test_a_checkpoint_larger_than_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "load_tensors", refuse_memory)
    with pytest.raises(UserError, match="larger than this machine's memory"):
        checkpoint.read_checkpoint(FILE)


def test_what_unpacks_to_more_than_the_files_have_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fashion_mnist, "MAX_BYTES", 100)
    with gzip.open(tmp_path / "a-idx1-ubyte.gz", "wb") as file:
        file.write(bytes(200))
    with pytest.raises(UserError, match="unpacks to more than 100 bytes"):
        fashion_mnist.read_idx(tmp_path / "a-idx1-ubyte", dimensions=1)


def test_an_enhancer_with_a_discriminator_needs_its_optimiser() -> None:
    with pytest.raises(UserError, match=r"model\.discriminator_optimizer: missing"):
        Enhancer(
            nn.Conv2d(3, 3, 1),
            discriminator=nn.Conv2d(6, 1, 1),
            adversarial=NonSaturating(),
            generator_optimizer=torch.optim.Adam,
        )
