"""What a yaml of the user's own states counts, below the command line, or is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from gan_lab.commands.train import complete_arguments
from gan_lab.config import complete_overrides, compose
from gan_lab.errors import UserError

OWN = """# @package _global_
defaults:
  - override /model: vae
{line}
"""


@pytest.fixture
def own_experiment(tmp_path: Path) -> list[str]:
    (tmp_path / "experiment").mkdir()
    return ["--config-dir", str(tmp_path), "experiment=mine"]


def write(own_experiment: list[str], line: str) -> None:
    (Path(own_experiment[1]) / "experiment" / "mine.yaml").write_text(OWN.format(line=line))


def compose_own(own_experiment: list[str], *more: str):  # type: ignore[no-untyped-def]
    search = f"hydra.searchpath=['file://{own_experiment[1]}']"
    return compose("train", [search, own_experiment[2], *more])


def test_its_top_level_counts_below_the_command_line(own_experiment: list[str]) -> None:
    write(
        own_experiment,
        "seed: 7\ncompile: true\ndevice: cpu\nthreads: 1\ninit_from: some.ckpt\nname: mine\nruns_dir: /my\nplan: true\n"
        "data: {image_size: 32}\ntrainer: {max_iterations: 1}",
    )
    complete_overrides(own_experiment, "train")
    config = compose_own(own_experiment, "device=auto")
    assert (config.seed, config.compile, config.threads, config.plan) == (7, True, 1, True)
    assert (config.init_from, config.name, config.runs_dir) == ("some.ckpt", "mine", "/my")
    assert (config.data.image_size, config.trainer.max_iterations) == (32, 1)
    assert config.device == "auto"
    assert config.model._target_ == "gan_lab.models.VAE"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sede: 7", "experiment=mine: states sede, and the top level has no such key; did you mean seed?"),
        (
            "recipe: {batch_sise: 3}",
            "experiment=mine: states recipe.batch_sise, and recipe has no such key; did you mean batch",
        ),
        ("model: {a: ${b}}", "a yaml cannot be read"),
    ],
)
def test_a_key_that_nothing_reads_is_refused(own_experiment: list[str], line: str, message: str) -> None:
    write(own_experiment, line)
    with pytest.raises(UserError) as told:
        complete_overrides(own_experiment, "train")
    assert message in str(told.value)


def test_a_key_that_another_one_refers_to_is_none_of_those(own_experiment: list[str]) -> None:
    write(own_experiment, 'wide: 8\nmodel: {encoder: {latents: "${wide}"}}')
    assert complete_overrides(own_experiment, "train") == own_experiment
    assert compose_own(own_experiment, "name=made").model.encoder.latents == 8


def test_it_may_name_a_sweep(own_experiment: list[str]) -> None:
    write(own_experiment, "seed: 7")
    assert complete_arguments([*own_experiment, "-m", "seed=1,2"])[-1] == "name=cyclegan-products"
    write(own_experiment, "name: mine")
    assert complete_arguments([*own_experiment, "-m", "seed=1,2"])[-1] == "seed=1,2"
