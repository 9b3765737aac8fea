"""`~` is a home folder in every option that is a path, and where Hydra cannot read it, its message says how."""

from __future__ import annotations

from pathlib import Path

import hydra
import pytest
from omegaconf import OmegaConf

from gan_lab.checkpoint import find_checkpoint_file, find_whole_file
from gan_lab.config.home import PATHS, expand_flags, expand_homes
from gan_lab.config.overrides import compose, find_config_dir, get_search_path, parse_override
from gan_lab.errors import UserError
from gan_lab.networks.features import read_state


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_every_path_at_the_top_level_is_expanded(home: Path) -> None:
    config = OmegaConf.create(dict.fromkeys(PATHS, "~/a b") | {"name": "~/x", "seed": 0})
    expand_homes(config)
    assert config == dict.fromkeys(PATHS, f"{home}/a b") | {"name": "~/x", "seed": 0}
    plain = OmegaConf.create({"input": "a~b", "output": None, "checkpoint": "faithful"})
    expand_homes(plain)
    assert plain == {"input": "a~b", "output": None, "checkpoint": "faithful"}


def test_every_option_that_is_a_path_is_known() -> None:
    places = ("image", "input", "output", "mask", "checkpoint", "runs_dir", "resume", "init_from", "extractor_weights")
    parts = ("reference", "like", "unlike", "restorer", "light", "x2", "x4")
    stated = {
        key
        for name in ("enhance", "translate", "generate", "evaluate", "pack", "compare", "train")
        for key in compose(name, [])
    }
    assert set(PATHS) == {*places, *parts} <= stated


def test_a_home_that_is_not_there_is_refused() -> None:
    with pytest.raises(
        UserError, match=r"^output=~nobody-is-called-so/x: there is no home folder .*; write the path out"
    ):
        expand_homes(OmegaConf.create({"output": "~nobody-is-called-so/x"}))


def test_a_sweeps_folder_lies_at_home_too(home: Path) -> None:
    with hydra.initialize_config_dir(config_dir=str(find_config_dir()), version_base="1.3"):
        composed = hydra.compose("train", ["runs_dir='~/runs'", "name=x"], return_hydra_config=True)
    assert composed.hydra.sweep.dir == f"{home}/runs/x"


def test_checkpoints_and_weights_are_found_at_home(home: Path) -> None:
    path = home / "run" / "checkpoints" / "last.ckpt"
    path.parent.mkdir(parents=True)
    path.touch()
    assert find_checkpoint_file("checkpoint", "~/run") == path
    assert find_whole_file("resume", "~/run/checkpoints/last.ckpt") == path
    with pytest.raises(UserError, match=rf"needs {home}/vgg.pth, which is not there"):
        read_state("~/vgg.pth", "vgg", "it", "VGG")


@pytest.mark.parametrize("flag", [["--config-dir", "~/conf"], ["--config-dir=~/conf"], ["-cd", "~/conf"]])
def test_a_users_own_configuration_may_lie_at_home(home: Path, flag: list[str]) -> None:
    assert " ".join(expand_flags(["a=~", *flag, "b=1"])) == f"a=~ {' '.join(flag).replace('~', str(home))} b=1"
    assert get_search_path(flag) == [f"hydra.searchpath=['file://{home}/conf']"]


@pytest.mark.parametrize("argument", ["output=~/x", "input=/photos/PHOTO~1.JPG", "data.root=~"])
def test_an_unquoted_one_is_told_about_quotes(argument: str) -> None:
    key, _, value = argument.partition("=")
    with pytest.raises(UserError) as told:
        parse_override(argument)
    assert str(told.value) == f"""{argument}: ~ needs quotes within quotes: '{key}="{value}"'"""
    assert parse_override(f'{key}="{value}"').value() == value
