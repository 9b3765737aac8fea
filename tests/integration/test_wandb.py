"""Weights & Biases neither stops nor holds a training, nor is told a secret."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch

from tests.integration.runs import load, tiny, train
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
            "trainer.max_iterations=4",
            "logger.wandb.offline=false",
        ]
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
    assert load(tmp_path / "runs/mine/checkpoints/last.ckpt")["config"]["logger"]["wandb"]["project"] == "theirs"
