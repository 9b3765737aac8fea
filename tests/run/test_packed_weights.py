"""A run that starts from packed weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from gan_lab.config import compose, instantiate
from gan_lab.errors import UserError
from gan_lab.inference import bundle
from gan_lab.run.packed_weights import find_packed_weights, take_packed_weights
from tests.inference.checkpoints import tiny_checkpoint
from tests.integration.runs import load, tiny, train


def make(model: str, *options: str) -> Any:
    return instantiate(compose("train", [f"model={model}", "name=run", *options]).model)


def test_what_is_packed_is_told_from_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_packed_weights("faithful") == bundle.find_weights("faithful")
    assert find_packed_weights("runs/mine") is None
    (tmp_path / "faithful").mkdir()  # a run's folder of this name is nearer
    assert find_packed_weights("faithful") is None
    save_file({"a": torch.zeros(1)}, tmp_path / "others.safetensors")
    assert find_packed_weights("others.safetensors") is None


@pytest.mark.parametrize(
    ("part", "options"),
    [
        ("restorer", ["model=restorer"]),
        (
            "x2",
            [
                "model=restorer",
                "model.generator.scale=2",
                "model.generator.mask=false",
                "model.generator.blocks=[2,2,2]",
            ],
        ),
        ("light", ["model=light"]),
    ],
)
def test_the_generator_and_its_average_take_the_part_of_their_place(part: str, options: list[str]) -> None:
    model = make(options[0].partition("=")[2], *options[1:])
    take_packed_weights(model, bundle.find_weights("faithful"))
    weights = bundle.read_bundle(bundle.find_weights("faithful"))[part].weights
    networks = [model.generator] + ([] if model.generator_ema is None else [model.generator_ema.module])
    for network in networks:
        assert all(torch.equal(value, weights[name].float()) for name, value in network.state_dict().items())


def test_what_does_not_fit_is_refused_and_the_settings_are_named(tmp_path: Path) -> None:
    faithful = bundle.find_weights("faithful")
    with pytest.raises(
        UserError,
        match=r"^init_from=faithful: its restorer is another network than model.generator \(.* differs\); "
        r"set it as there: model.generator.blocks=\[2,2,6\] .*model.generator.width=48",
    ):
        take_packed_weights(make("restorer", "model.generator.width=16"), faithful)
    with pytest.raises(UserError, match=r"^init_from=faithful: packed weights are of model=restorer and model=light; "):
        take_packed_weights(make("pix2pix"), faithful)
    run = tiny_checkpoint(tmp_path / "light", "light")
    bundle.write_bundle(tmp_path / "mine.safetensors", {"light": bundle.part_of_run("light", run)})
    with pytest.raises(UserError, match=r"^init_from=mine: has no part restorer; it has: light$"):
        take_packed_weights(make("restorer"), tmp_path / "mine.safetensors")


def test_a_run_starts_from_shipped_weights(tmp_path: Path) -> None:
    options = [option for option in tiny("restorer") if "model.generator" not in option]
    rate = "model.generator_optimizer.lr=0"
    told = train(*options, rate, "init_from=faithful", "name=tuned", "trainer.max_iterations=1", cwd=tmp_path)
    assert "init_from=faithful: took its restorer" in told.stderr
    saved = load(tmp_path / "runs/tuned/checkpoints/last.ckpt")["state_dict"]
    weights = bundle.read_bundle(bundle.find_weights("faithful"))["restorer"].weights
    for name, value in weights.items():
        torch.testing.assert_close(saved[f"generator.{name}"], value.float())
