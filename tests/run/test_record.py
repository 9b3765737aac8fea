"""What a run says of itself."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf
from torch import nn

from gan_lab.data.record import PhotoRecord
from gan_lab.errors import UserError
from gan_lab.run.record import describe_networks, print_report, resolve_config, write_config, write_photos


def photos(count: int) -> Any:
    kept = [(0, np.arange(1, count + 1, dtype=np.uint64))] if count else []
    return SimpleNamespace(make_record=lambda: PhotoRecord.collect(kept))


def in_file(folder: Path) -> Path:
    (folder / "file").write_text("x")
    return folder / "file" / "run"


def test_a_configuration_is_written_resolved_and_without_its_secrets(tmp_path: Path) -> None:
    config = OmegaConf.create(
        {"seed": 3, "twice": "${seed}", "logger": {"wandb": {"api_key": "secret"}}, "choices": {"model": "vae"}}
    )
    model: Any = SimpleNamespace(monitor=("val/loss", "min"))
    write_config(tmp_path / "run", resolve_config(config, model))
    text = (tmp_path / "run/config.yaml").read_text()
    assert "secret" not in text
    assert {"twice: 3", "model: vae", "- val/loss", "- min"} <= {line.strip() for line in text.splitlines()}


def test_which_photos_a_run_is_trained_on_is_written_where_they_are_files(tmp_path: Path) -> None:
    write_photos(tmp_path, photos(0))
    assert list(tmp_path.iterdir()) == []
    write_photos(tmp_path, photos(2))
    assert [path.name for path in tmp_path.iterdir()] == ["photos.npz"]


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    run = in_file(tmp_path)
    with pytest.raises(UserError, match=r"^runs_dir, name: .*run cannot be written"):
        write_config(run, {})
    with pytest.raises(UserError, match=r"photos\.npz cannot be written"):
        write_photos(run, photos(1))


def test_networks_are_described_by_their_sizes_without_averages() -> None:
    model: Any = nn.Module()
    model.generator, model.generator_ema = nn.Linear(1000, 50), nn.Linear(1000, 50)
    model.loss, model.discriminator = nn.ReLU(), nn.Linear(1000, 5)
    assert describe_networks(model) == "generator 0.05 M, discriminator 0.01 M"


def test_the_report_names_what_there_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model: Any = SimpleNamespace(iteration=7)
    print_report(tmp_path, model)
    assert "best.ckpt" not in (said := capsys.readouterr().out)
    assert said.splitlines()[0] == "iterations   7"
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints/best.ckpt").touch()
    print_report(tmp_path, model)
    assert f"{tmp_path}/checkpoints/last.ckpt, best.ckpt" in capsys.readouterr().out
