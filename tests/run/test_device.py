"""What networks are computed on and compiled for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from gan_lab.config import compose, instantiate
from gan_lab.errors import UserError
from gan_lab.run.device import compile_networks, is_ddp, may_fit_threads, prepare_process
from tests.integration.runs import tiny


def make_vae() -> Any:
    return instantiate(compose("train", [*tiny("vae"), "name=few"]).model)


def test_the_last_job_of_a_sweep_is_compiled_as_the_first_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    graphs: list[int] = []
    compile_module = torch.nn.Module.compile

    def backend(graph: torch.fx.GraphModule, examples: list[torch.Tensor]) -> Any:
        graphs[-1] += 1
        return graph.forward

    monkeypatch.setattr(
        torch.nn.Module, "compile", lambda self, **options: compile_module(self, backend=backend, **options)
    )
    for _ in range(10):
        graphs.append(0)
        model: Any = make_vae()
        compile_networks(model)
        for network in model.list_trainable_networks():
            network(torch.zeros(2, 3, 32, 32) if network is model.encoder else torch.zeros(2, model.decoder.latents))
    assert graphs == [graphs[0]] * 10
    assert graphs[0] > 0


def test_what_is_compiled_is_kept_for_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "")
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR")
    compile_networks(make_vae())
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(tmp_path / "gan_lab/compiled")
    assert (tmp_path / "gan_lab/compiled").is_dir()


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "")
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR")
    compile_networks(make_vae())
    assert not os.environ.get("TORCHINDUCTOR_CACHE_DIR", "").startswith(str(tmp_path))  # torch's own, if any


@pytest.mark.parametrize(
    ("options", "several"),
    [
        ([], False),
        (["trainer.strategy=ddp"], True),
        (["trainer.devices=2"], True),
        (["trainer.num_nodes=2"], True),
        (["trainer.devices=2", "trainer.strategy=single_device"], False),
    ],
)
def test_a_run_of_several_devices_has_a_process_of_each_and_keeps_its_threads(
    options: list[str], several: bool
) -> None:
    config = compose("train", ["device=cpu", *options])
    assert is_ddp(config.trainer) is several
    assert may_fit_threads(config) is not several


@pytest.mark.parametrize("option", ["trainer.deterministic=true", "compile=true"])
def test_threads_stay_where_the_bits_or_what_is_compiled_hang_on_them(option: str) -> None:
    assert not may_fit_threads(compose("train", ["device=cpu", option]))


@pytest.mark.parametrize(("device", "why"), [("tpu", "needs auto, cpu or cuda"), ("cuda", "shows no CUDA device")])
def test_a_device_that_there_is_not_is_refused(device: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match=f"device={device}: .*{why}"):
        prepare_process(compose("train", [f"device={device}"]))
