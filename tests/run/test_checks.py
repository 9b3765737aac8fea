"""What is refused of a run's configuration before anything is read or written."""

from __future__ import annotations

from typing import Any

import pytest
from omegaconf import DictConfig, open_dict

from gan_lab.config import compose
from gan_lab.errors import UserError
from gan_lab.run.checks import check_config, check_trainer


def train(*overrides: str) -> DictConfig:
    return compose("train", ["device=cpu", *overrides])


def test_a_configuration_as_it_comes_passes() -> None:
    check_config(train(), False)
    check_config(train("resume=auto", "trainer.keep_samples=null", "trainer.max_minutes=0.5"), True)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("precision", "8-bit", "needs one of auto, 32-true"),
        ("layout", "nhwc", "needs one of auto, channels_last, nchw"),
        ("max_iterations", 1.5, "needs a whole number above 0, or null for none"),
        ("max_epochs", 0, "needs a number above 0, or null for none"),
        ("log_every", None, "needs a whole number above 0$"),
        ("keep_every", True, "needs a whole number above 0, or null for none"),
        ("profiler", "fast", "needs null, simple, advanced or pytorch"),
        ("doctor", 1, "needs true or false"),
        ("rollbacks", -1, "needs a whole number, 0 for none"),
        ("strategy", "fsdp_native", "FSDP shards one optimiser's parameters.*; use trainer=ddp"),
        ("strategy", "deepspeed_stage_2", "DeepSpeed wraps a single optimiser.*; use trainer=ddp"),
    ],
)
def test_a_value_that_cannot_work_is_refused(name: str, value: Any, why: str) -> None:
    trainer = train().trainer
    trainer[name] = value
    with pytest.raises(UserError, match=rf"^trainer\.{name}={value}: {why}"):
        check_trainer(trainer, False)


def test_a_trainer_has_the_keys_that_it_has() -> None:
    trainer = train().trainer
    with open_dict(trainer):
        trainer.acumulate = 2
    with pytest.raises(UserError, match=r"trainer\.acumulate: there is no such key; leave it out"):
        check_trainer(trainer, False)
    with open_dict(trainer):
        del trainer["acumulate"], trainer["profiler"]
    with pytest.raises(UserError, match=r"trainer\.profiler: is missing; set it"):
        check_trainer(trainer, False)


def test_a_run_without_an_end_is_refused() -> None:
    trainer = train().trainer
    trainer.max_iterations = trainer.max_epochs = trainer.max_minutes = None
    with pytest.raises(UserError, match=r"would never end; set trainer\.max_iterations"):
        check_trainer(trainer, False)


@pytest.mark.parametrize(
    ("overrides", "multirun", "why"),
    [
        (["plan=true"], True, "plan=true, -m: every job would probe beside the others"),
        (["plan=true", "resume=a"], False, "plan=true, resume=a: it probes a new run"),
        (["resume=a"], True, "resume=a, -m: every job would continue the same run; use resume=auto"),
        (["trainer=ddp"], True, "would start the whole sweep again"),
        (["compile=true", "gradient_checkpointing=true"], False, "take one of them"),
        (["gradient_checkpointing=1"], False, "gradient_checkpointing=1: needs true or false"),
    ],
)
def test_what_does_not_go_together_is_refused(overrides: list[str], multirun: bool, why: str) -> None:
    with pytest.raises(UserError, match=why):
        check_config(train(*overrides), multirun)
