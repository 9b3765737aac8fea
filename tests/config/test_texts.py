"""Options that are text mean what was typed."""

from __future__ import annotations

import itertools

import pytest
from omegaconf import OmegaConf

from gan_lab.config import complete_overrides, compose
from gan_lab.config.entry_point import check_texts
from gan_lab.config.texts import keep_texts
from gan_lab.errors import UserError

DATA = [f"data.{key}" for key in ("root", "class_a", "domain_b", "labels", "label_column", "group_column", "cache")]
KEYS = {
    "train": ["name", "runs_dir", "resume", "init_from", "logger.wandb.project", "data.index", *DATA],
    "evaluate": ["checkpoint", "output", "extractor_weights", "data.root", "data.class_b", "data.labels"],
    "generate": ["checkpoint", "output", "label", "direction", "image", "like", "unlike", "data.root"],
    "enhance": ["checkpoint", "input", "output", "mask"],
    "compare": ["input", "output", "reference"],
    "translate": ["checkpoint", "input", "output"],
    "pack": ["output", "x2", "base"],
}


@pytest.mark.parametrize("command", KEYS)
def test_what_looks_like_a_number_stays_as_typed(command: str) -> None:
    typed = ["1.10", "2024_05_17", "1e3", "10", "nan", "-1", "2024_01"]
    given = dict(zip(KEYS[command], itertools.cycle(typed), strict=False))
    group = ["logger=wandb"] if command == "train" else []
    lines = complete_overrides([*group, *(f"{key}={value}" for key, value in given.items())], command)
    config = compose(command, lines)
    assert {key: OmegaConf.select(config, key) for key in given} == given


def test_null_is_none_and_true_may_be_a_name() -> None:
    given = ["name=true", "data.root=null", "resume=null"]
    assert complete_overrides(given, "train") == ["name='true'", *given[1:]]


def test_what_fits_its_place_is_left_alone() -> None:
    given = ["seed=3", "data.index=false", "data.batch_size=1e1", "data.num_workers=2", "data.cache=null", "plan=true"]
    assert complete_overrides(given, "train") == given


def test_a_sweep_over_such_values_keeps_each() -> None:
    given = ["-m", "data.class_a=10,1.10,null,hat", "data.root=choice(2024_05,/x)", 'data.class_b="a, 1",2']
    assert complete_overrides(given, "train") == [
        *("-m", "data.class_a='10','1.10',null,hat", "data.root=choice('2024_05',/x)", "data.class_b=\"a, 1\",'2'"),
    ]


def test_a_list_of_classes_keeps_each() -> None:
    assert complete_overrides(["label=[10,1.10,hat]"], "generate") == ["label=['10','1.10',hat]"]


def test_texts_are_kept_before_anything_reads_them() -> None:
    assert keep_texts(["-m", "+resume=1.10", "seed=1.10"]) == ["-m", "+resume='1.10'", "seed=1.10"]


def test_a_number_in_a_yaml_is_refused_for_its_zeros_are_gone() -> None:
    with pytest.raises(UserError, match=r"name=1\.1: is no text where a yaml states it; put it into quotes there"):
        check_texts(OmegaConf.create("name: 1.10"))
    check_texts(OmegaConf.create("{name: '1.10', label: [a, b], output: null}"))
    with pytest.raises(UserError, match=r"output=\{'a': 'b'\}: needs a name or a path"):
        check_texts(OmegaConf.create("output: {a: b}"))
