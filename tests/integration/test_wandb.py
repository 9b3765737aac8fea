"""Weights & Biases neither stops nor holds a training, nor is told a secret."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from gan_lab.storage import hash_file
from tests.integration.runs import load, python, tiny, train
from tests.integration.wandb_server import serving

KEY = "0123456789abcdef0123456789abcdef01234567"


def run(folder: Path, *options: str, **environment: str) -> str:
    """Train two iterations of a VAE, online unless `options` say otherwise, and return what it said."""
    online = ["logger=wandb", "logger.wandb.offline=false", "name=run", *options]
    environment = {"WANDB_API_KEY": KEY, "WANDB_BASE_URL": "http://127.0.0.1:9"} | environment
    return train(*tiny("vae"), *online, cwd=folder, **environment).stderr


def iterations(folder: Path) -> int:
    return load(folder / "runs/run/checkpoints/last.ckpt")["clock"]["iteration"]


def written(folder: Path, kind: str) -> list[Path]:
    return sorted((folder / "runs/run/wandb").glob(f"{kind}-*"))


def test_offline_is_the_default(tmp_path: Path) -> None:
    run(tmp_path, "logger.wandb.offline=true", "trainer.max_iterations=2")
    assert len(written(tmp_path, "offline-run")) == 1
    assert list(written(tmp_path, "offline-run")[0].glob("files/media/images/samples*.png"))
    assert (tmp_path / "runs/run/metrics.csv").exists()


def test_words_are_set_as_they_stand_and_an_evaluation_joins_the_record(tmp_path: Path) -> None:
    words = ["entity=me", "group=all", "tags=[a,b]", "job_type=train", "notes=a run", "mode=offline", "log_model=true"]
    histograms = "+callbacks.histograms={_target_:gan_lab.callbacks.Histograms,every_n_iterations:1}"
    run(tmp_path, *(f"logger.wandb.{word}" for word in words), histograms, "trainer.max_iterations=2")
    (first,) = written(tmp_path, "offline-run")
    kept = next(first.glob("*.wandb")).read_bytes()
    for text in (b"a run", b"gradients/", hash_file(tmp_path / "runs/run/checkpoints/last.ckpt").encode()):
        assert text in kept
    photos = ["data.catalogue_images=200", "n=16", "device=cpu"]
    evaluate = ["-m", "gan_lab.evaluate", "checkpoint=runs/run", "logger=wandb", *photos]
    python(*evaluate, cwd=tmp_path, WANDB_API_KEY=KEY)
    (second,) = set(written(tmp_path, "offline-run")) - {first}
    kept = next(second.glob("*.wandb")).read_bytes()
    assert b"evaluation/table" in kept
    assert b"evaluation/page" in kept
    assert KEY.encode() not in kept
    copy = (tmp_path / "runs/run/checkpoints/last.ckpt").rename(tmp_path / "lone.ckpt")
    told = python("-m", "gan_lab.evaluate", f"checkpoint={copy}", "logger=wandb", cwd=tmp_path, check=False)
    assert told.returncode == 2
    assert "lies in no run's folder, so it has no record" in told.stderr


def test_a_run_and_its_continuation_are_one_at_the_server_and_secrets_stay_here(tmp_path: Path) -> None:
    own = KEY[::-1]
    with serving() as server:
        key = f"+logger.wandb.settings.api_key={own}"
        run(tmp_path, "trainer.max_iterations=2", key, WANDB_BASE_URL=server.address, WANDB_API_KEY="")
        assert b"train/images_per_s" in server.figures()
        run(tmp_path, "resume=auto", "trainer.max_iterations=4", WANDB_BASE_URL=server.address)
    assert iterations(tmp_path) == 4
    assert len(set(server.runs)) == 1
    sent = b"".join(server.bodies)
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for secret in (own, KEY):
        assert secret.encode() not in sent
        assert secret.encode() not in kept


def test_an_offline_run_is_synced_whole_later(tmp_path: Path) -> None:
    own = KEY[::-1]
    run(tmp_path, "logger.wandb.offline=true", "trainer.max_iterations=3", f"+logger.wandb.settings.api_key={own}")
    (offline,) = written(tmp_path, "offline-run")
    with serving() as server:
        address = {"WANDB_API_KEY": KEY, "WANDB_BASE_URL": server.address}
        python("-m", "wandb", "sync", "--yes", str(offline), cwd=tmp_path, **address)
    sent = b"".join(server.bodies)
    config = json.loads([body for body in map(variables, server.bodies) if "config" in body][-1]["config"])
    saved = OmegaConf.to_container(OmegaConf.load(tmp_path / "runs/run/config.yaml"))
    assert isinstance(saved, dict)
    assert {key: each["value"] for key, each in config.items() if key in saved} == saved
    with (tmp_path / "runs/run/metrics.csv").open(newline="") as file:
        rows = {int(row.pop("iteration")): row for row in csv.DictReader(file)}
    assert list(rows) == [1, 2, 3]
    history = server.history()
    for iteration, row in rows.items():
        told = {name: f"{history[iteration][name]:.6g}" for name, value in row.items() if value}
        assert told == {name: value for name, value in row.items() if value}
    assert b"media/images/samples" in sent
    for secret in (own, KEY):
        assert secret.encode() not in sent
        assert [path for path in offline.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()] == []


def variables(body: bytes) -> dict[str, Any]:
    """Return the variables of a query; none where it is something else."""
    asked = json.loads(body) if body.startswith(b'{"query"') else {}
    return {key: value for key, value in asked.get("variables", {}).items() if value}


@pytest.mark.parametrize(("key", "said"), [(KEY, ""), pytest.param("", "No API key", marks=pytest.mark.slow)])
def test_a_server_that_cannot_be_reached_leaves_the_run_offline(key: str, said: str, tmp_path: Path) -> None:
    told = run(
        tmp_path,
        "trainer.max_iterations=2",
        "logger.wandb.settings.init_timeout=3",
        WANDB_API_KEY=key,
    )
    assert told.count("Weights & Biases cannot be reached") == 1
    assert said in told
    assert iterations(tmp_path) == 2
    assert len(written(tmp_path, "offline-run")) == 1


@pytest.mark.slow
@pytest.mark.parametrize("silent", ["always", "later"])
def test_a_server_that_falls_silent_holds_up_neither_the_training_nor_its_end(silent: str, tmp_path: Path) -> None:
    waits = ["logger.wandb.settings.init_timeout=3", "logger.wandb.settings.finish_timeout=3"]
    with serving(silent) as server:
        start = time.monotonic()
        told = run(tmp_path, "trainer.max_iterations=2", *waits, WANDB_BASE_URL=server.address)
        assert time.monotonic() - start < 120  # without the limits on waiting it would not end
    assert iterations(tmp_path) == 2
    assert ("cannot be reached" in told) == (silent == "always")
    assert written(tmp_path, "offline-run" if silent == "always" else "run")


def test_a_foreign_checkpoint_names_no_service(tmp_path: Path) -> None:
    run(tmp_path, "logger.wandb.offline=true", "trainer.max_iterations=2")
    content = load(tmp_path / "runs/run/checkpoints/last.ckpt")
    with serving() as server:
        content["config"]["logger"]["wandb"] |= {
            "_target_": "lightning.pytorch.loggers.WandbLogger",
            "save_dir": str(tmp_path / "elsewhere"),
            "project": "theirs",
            "settings": {"base_url": server.address},
        }
        torch.save(content, tmp_path / "foreign.ckpt")
        options = [
            f"resume={tmp_path / 'foreign.ckpt'}",
            "name=mine",
        ]
        # without a word of it on the command line, the checkpoint switches no logger on
        told = train(*options, "trainer.max_iterations=3", cwd=tmp_path, WANDB_API_KEY=KEY).stderr
        assert "logger=wandb logs it on" in told
        assert not (tmp_path / "runs/mine/wandb").exists()
        options[1:] = ["name=online", "trainer.max_iterations=4", "logger=wandb", "logger.wandb.offline=false"]
        told = train(
            *options,
            "logger.wandb.settings.init_timeout=3",
            cwd=tmp_path,
            WANDB_API_KEY=KEY,
            WANDB_BASE_URL="http://127.0.0.1:9",
        ).stderr
    assert "cannot be reached" in told
    assert server.bodies == []
    assert not (tmp_path / "elsewhere").exists()
    assert load(tmp_path / "runs/online/checkpoints/last.ckpt")["config"]["logger"]["wandb"]["project"] == "theirs"
