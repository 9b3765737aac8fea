"""Two processes on a CPU end with equal parameters, and each draws its own noise."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.runs import MODELS, differences, load, python, tiny

#: Runs the train command and leaves each process's parameters in a file.
SCRIPT = """
import torch
from lightning.pytorch import Trainer
from gan_lab import train

fit = Trainer.fit
def fit_and_dump(self, model, **options):
    fit(self, model, **options)
    torch.save(dict(model.named_parameters()), f"rank{self.global_rank}.pt")
Trainer.fit = fit_and_dump
train.main()
"""


#: The same, with processes that disagree: on the validation figure, and on the time that has passed.
DISAGREE = """
import os
from gan_lab.callbacks import Budget
from gan_lab.models import VAE
rank = int(os.environ.get("LOCAL_RANK", 0))
figures = iter([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]][rank])
VAE.validate = lambda self, batches: {"val/loss": next(figures)}
Budget.elapsed = property(lambda self: 6.0 * (rank + 1))
"""


#: What processes must agree on before they train. The others by `make test-slow`.
QUICK = ("drifting",)


def models() -> list[object]:
    return [pytest.param(m, marks=[] if m in QUICK else pytest.mark.slow) for m in MODELS]


@pytest.mark.parametrize("model", models())
def test_two_processes_end_with_equal_parameters(model: str, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    options = [*tiny(model), "trainer=ddp", "trainer.devices=2", "name=ddp", "trainer.max_iterations=2"]
    python("train.py", *options, "model.micro_batches=2", cwd=tmp_path)
    assert differences(load(tmp_path / "rank0.pt"), load(tmp_path / "rank1.pt")) == []
    saved = load(tmp_path / "runs/ddp/checkpoints/last.ckpt")
    assert saved["clock"]["iteration"] == 2
    ranks = saved["ranks"]
    assert len(ranks) == 2
    assert differences(ranks[0]["rng"]["torch"], ranks[1]["rng"]["torch"]) != []


def test_processes_that_disagree_follow_the_first(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(DISAGREE + SCRIPT)
    options = [*tiny("vae"), "trainer=ddp", "trainer.devices=2", "name=ddp", "trainer.max_iterations=3"]
    schedule = ["trainer.max_minutes=1", "model.schedule={_target_:gan_lab.models.linear_decay,start:0.0}"]
    python("train.py", *options, *schedule, "trainer.validate_every=1", cwd=tmp_path)
    assert differences(load(tmp_path / "rank0.pt"), load(tmp_path / "rank1.pt")) == []
    assert load(tmp_path / "runs/ddp/checkpoints/best.ckpt")["clock"]["iteration"] == 3


@pytest.mark.slow
def test_a_resumed_pair_of_processes_continues_bit_for_bit(tmp_path: Path) -> None:
    options = [*tiny("cyclegan"), "trainer=ddp", "trainer.devices=2", "trainer.checkpoint_every=2"]
    options += ["model.schedule=null", "trainer.max_epochs=null"]
    python("-m", "gan_lab.train", *options, "name=straight", "trainer.max_iterations=4", cwd=tmp_path)
    python("-m", "gan_lab.train", *options, "name=halves", "trainer.max_iterations=2", cwd=tmp_path)
    python(
        "-m",
        "gan_lab.train",
        "resume=runs/halves",
        "trainer=ddp",
        "trainer.devices=2",
        "trainer.max_iterations=4",
        cwd=tmp_path,
    )
    straight, halves = (load(tmp_path / f"runs/{name}/checkpoints/last.ckpt") for name in ("straight", "halves"))
    for part in ("state_dict", "optimizer_states", "ranks"):
        assert differences(straight[part], halves[part], part) == []


#: The same, where a process dies in the middle.
DYING = """
import os, signal
from gan_lab.models import VAE
rank, dying, how = int(os.environ.get("LOCAL_RANK", 0)), int(os.environ["DYING"]), os.environ["HOW"]
step = VAE.step
def step_or_die(self, batch):
    if self.iteration == 3 and rank == dying:
        if how == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        raise ValueError("this process has a fault")
    return step(self, batch)
VAE.step = step_or_die
"""


@pytest.mark.parametrize(
    ("dying", "how"),
    [("1", "killed"), *[pytest.param(*p, marks=pytest.mark.slow) for p in (("0", "killed"), ("1", "fault"))]],
)
def test_when_a_process_dies_the_others_end_and_say_so(dying: str, how: str, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(DYING + SCRIPT)
    options = [*tiny("vae"), "trainer=ddp", "trainer.devices=2", "name=ddp", "trainer.max_iterations=100000"]
    ended = python("train.py", *options, "trainer.checkpoint_every=2", cwd=tmp_path, check=False, DYING=dying, HOW=how)
    assert ended.returncode != 0
    if dying == "1":
        assert "another process of this run has ended or cannot be reached" in ended.stderr
        assert "resume=runs/ddp" in ended.stderr
    assert load(tmp_path / "runs/ddp/checkpoints/last.ckpt")["clock"]["iteration"] == 2


@pytest.mark.slow
def test_a_run_goes_on_with_another_number_of_processes(tmp_path: Path) -> None:
    options = [*tiny("vae"), "trainer=ddp", "trainer.devices=2", "name=ddp", "trainer.max_iterations=2"]
    python("-m", "gan_lab.train", *options, cwd=tmp_path)
    python("-m", "gan_lab.train", "resume=runs/ddp", "trainer.devices=1", "trainer.max_iterations=4", cwd=tmp_path)
    assert load(tmp_path / "runs/ddp/checkpoints/last.ckpt")["clock"]["iteration"] == 4


def test_torchrun(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    options = [*tiny("vae"), "trainer=ddp", "name=torchrun", "trainer.max_iterations=2", "trainer.devices=2"]
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    python(*launch, "train.py", *options, cwd=tmp_path)
    assert differences(load(tmp_path / "rank0.pt"), load(tmp_path / "rank1.pt")) == []
