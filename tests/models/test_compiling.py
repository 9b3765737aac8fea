"""What `compile=true` compiles, and what it leaves alone."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from gan_lab.config import compose, instantiate
from gan_lab.models import ManualModule
from gan_lab.networks import evaluation_mode
from gan_lab.run.device import compile_networks
from tests.integration.runs import tiny


def built(model: str, *overrides: str) -> ManualModule:
    made: ManualModule = instantiate(compose("train", [*tiny(model), "name=few", *overrides]).model)
    return made


def test_the_average_is_not_compiled() -> None:
    model: Any = built("dcgan")
    assert model.generator_ema is not None
    assert model.list_trainable_networks() == [model.generator, model.discriminator]


@pytest.mark.parametrize(
    ("model", "overrides"), [("cyclegan", []), ("cut", []), ("enhancer", ["model.ema_half_life=null"])]
)
def test_pictures_are_made_uncompiled_whatever_their_number(model: str, overrides: list[str]) -> None:
    torch.compiler.reset()  # what other tests compiled counts against torch's limit
    made, graphs = built(model, *overrides), []

    def backend(graph: torch.fx.GraphModule, examples: list[torch.Tensor]) -> Any:
        graphs.append(graph)
        return graph.forward

    for network in made.list_trainable_networks():
        network.compile(backend=backend, dynamic=False)
    for count in (1, 2, 3):
        image = torch.zeros(count, 3, 32, 32)
        made.sample_grid({"A": image, "B": image, "lq": image, "gt": image})
    assert graphs == []
    generator: Any = made.list_trainable_networks()[0]
    generator(image)
    assert graphs  # and the training calls what is compiled


def test_networks_evaluated_in_two_threads_leave_what_is_compiled_compiled() -> None:
    """Folder jobs do so: what one thread enters first it leaves first, while the other is still inside."""
    first, second, third = (torch.nn.Linear(2, 2) for _ in range(3))
    graphs: list[torch.fx.GraphModule] = []

    def backend(graph: torch.fx.GraphModule, examples: list[torch.Tensor]) -> Any:
        graphs.append(graph)
        return graph.forward

    third.compile(backend=backend)
    entered, left = threading.Event(), threading.Event()

    def evaluate_longer() -> None:
        with evaluation_mode(second):
            entered.set()
            left.wait(10)

    other = threading.Thread(target=evaluate_longer)
    with evaluation_mode(first):
        other.start()
        entered.wait(10)
    left.set()
    other.join()
    third(torch.zeros(1, 2))
    assert graphs


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
        model: Any = built("vae")
        compile_networks(model)
        for network in model.list_trainable_networks():
            network(torch.zeros(2, 3, 32, 32) if network is model.encoder else torch.zeros(2, model.decoder.latents))
    assert graphs == [graphs[0]] * 10
    assert graphs[0] > 0


def test_what_is_compiled_is_kept_for_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "")
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR")
    compile_networks(built("vae"))
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(tmp_path / "gan_lab/compiled")
    assert (tmp_path / "gan_lab/compiled").is_dir()


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "")
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR")
    compile_networks(built("vae"))
    assert not os.environ.get("TORCHINDUCTOR_CACHE_DIR", "").startswith(str(tmp_path))  # torch's own, if any
