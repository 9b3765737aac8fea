"""The doctor in whole runs: it moves none, goes back from failures, gives up with a diagnosis, and lets healthy ones be."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from gan_lab import train as command
from gan_lab.models import GAN, VAE
from tests.integration.runs import Command, differences, load, tiny

DOCTOR = "gan_lab.callbacks.doctor"


@pytest.fixture
def run(command: Command) -> Command:
    """Run commands in an empty folder; the module under test has the fixture's own name here."""
    return command


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the doctor probe from the first iteration, whatever it costs."""
    monkeypatch.setattr(f"{DOCTOR}.doctor.WARM_UP", 0)
    monkeypatch.setattr(f"{DOCTOR}.doctor.Doctor._affordable", lambda self, now: True)


@pytest.fixture
def collapsed(monkeypatch: pytest.MonkeyPatch, eager: None) -> None:
    """Let it take any pictures for collapsed ones, from iteration 4 on."""
    monkeypatch.setattr(f"{DOCTOR}.probes.WARM_UP", 3)
    monkeypatch.setattr(f"{DOCTOR}.probes.SPAN", 2)
    monkeypatch.setattr(f"{DOCTOR}.probes.SLOW", 2)
    monkeypatch.setattr(f"{DOCTOR}.probes.COLLAPSED", 100.0)


def fails_at(monkeypatch: pytest.MonkeyPatch, model: Any, iteration: int, times: int) -> list[int]:
    """Let a model's step make a NaN at an iteration, while the run has gone back fewer than `times`; list its tries."""
    tries: list[int] = []
    step = model.step

    def poisoned(self: Any, batch: Any) -> Any:
        if self.iteration + 1 == iteration:
            tries.append(self.rollbacks)
            if self.rollbacks < times:
                batch = batch | {"image": batch["image"] * torch.nan}
        return step(self, batch)

    monkeypatch.setattr(model, "step", poisoned)
    return tries


def diary(folder: Path) -> dict[str, Any]:
    contents: dict[str, Any] = json.loads((folder / "doctor.json").read_text())
    return contents


OPTIONS = [
    "name=mine",
    "trainer.max_iterations=6",
    "trainer.checkpoint_every=2",
    "trainer.checkpoint_every_minutes=null",
]


@pytest.mark.parametrize(
    "model", ["dcgan", *[pytest.param(m, marks=pytest.mark.slow) for m in ("cyclegan", "enhancer", "vae_gan")]]
)
def test_a_run_with_the_doctor_is_the_run_without(model: str, run: Command, eager: None) -> None:
    options = [*tiny(model), "trainer.max_iterations=4", "trainer.doctor_every=1"]
    assert run(command, *options, "name=with") == 0
    assert run(command, *options, "name=without", "trainer.doctor=false") == 0
    assert "doctor/variety" in (run.folder / "runs/with/metrics.csv").read_text().replace("_A", "")
    assert not (run.folder / "runs/without/doctor.json").exists()
    mine, other = (load(run.folder / f"runs/{name}/checkpoints/last.ckpt") for name in ("with", "without"))
    for part in ("state_dict", "optimizer_states", "ranks", "clock"):
        assert differences(mine[part], other[part], part) == []
    assert diary(run.folder / "runs/with")["verdict"].startswith("too early to tell")


def test_a_run_goes_back_from_a_nan_and_goes_on_at_half_the_rate(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = fails_at(monkeypatch, VAE, iteration=5, times=1)
    handler = signal.getsignal(signal.SIGTERM)
    assert run(command, *tiny("vae"), *OPTIONS, "model.optimizer.lr=0.001") == 0
    assert signal.getsignal(signal.SIGTERM) is handler
    assert tries == [0, 0, 1]  # the failure is looked at once more, for its layer
    last = load(run.folder / "runs/mine/checkpoints/last.ckpt")
    assert last["clock"]["iteration"] == 6
    assert last["clock"]["rollbacks"] == 1
    assert last["optimizer_states"][0]["param_groups"][0]["lr"] == 0.0005
    contents = diary(run.folder / "runs/mine")
    assert contents["verdict"].startswith("too early to tell")
    (setback,) = contents["setbacks"]
    assert (setback["what"], setback["since"], setback["back_to"]) == ("not finite", 5, 4)
    assert "layer encoder." in setback["says"]
    assert "goes back to iteration 4, with learning rates x 0.5 (1 of 2)" in run.err
    rows = (run.folder / "runs/mine/metrics.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == ["1", "2", "3", "4", "5", "6"]

    # a later resume keeps the rate and the record
    assert run(command, "resume=runs/mine", "trainer.max_iterations=7") == 0
    last = load(run.folder / "runs/mine/checkpoints/last.ckpt")
    assert last["clock"]["rollbacks"] == 1
    assert last["optimizer_states"][0]["param_groups"][0]["lr"] == 0.0005
    assert diary(run.folder / "runs/mine")["setbacks"] == [setback]


@pytest.fixture
def inverted(monkeypatch: pytest.MonkeyPatch, eager: None) -> None:
    """Let it take any pictures for negatives, from iteration 3 on."""
    monkeypatch.setattr(f"{DOCTOR}.probes.WARM_UP", 0)
    monkeypatch.setattr(f"{DOCTOR}.probes.SPAN", 2)
    monkeypatch.setattr(f"{DOCTOR}.probes.INVERTED", 2.0)


def test_a_cycle_that_begins_with_negatives_starts_again_once_from_other_weights(run: Command, inverted: None) -> None:
    options = [*tiny("cyclegan"), *OPTIONS, "trainer.doctor_every=1"]
    assert run(command, *options, "trainer.rollbacks=1") == 0  # the second time it stays: the domains may ask for it
    contents = diary(run.folder / "runs/mine")
    assert [(setback["what"], setback["back_to"]) for setback in contents["setbacks"]] == [("colours inverted", 0)]
    assert "colours inverted" in {finding["what"] for finding in contents["findings"]}
    assert "goes back to its start" in run.err
    assert run(command, *options, "name=other", "trainer.rollbacks=0") == 0  # and unasked, no run goes back
    assert diary(run.folder / "runs/other")["setbacks"] == []
    again, other = (load(run.folder / f"runs/{name}/checkpoints/last.ckpt") for name in ("mine", "other"))
    assert (again["clock"]["rollbacks"], other["clock"]["rollbacks"]) == (1, 0)
    name = next(iter(again["state_dict"]))
    assert not torch.equal(again["state_dict"][name], other["state_dict"][name])


def test_an_old_cycle_or_an_enhancer_that_inverts_goes_on(
    run: Command, inverted: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(command, *tiny("enhancer"), *OPTIONS, "trainer.doctor_every=1") == 0
    monkeypatch.setattr(f"{DOCTOR}.doctor.EARLY", 0)
    assert run(command, *tiny("cyclegan"), *OPTIONS, "name=old", "trainer.doctor_every=1") == 0
    for name in ("mine", "old"):
        contents = diary(run.folder / f"runs/{name}")
        assert contents["setbacks"] == []
        assert "colours inverted" in {finding["what"] for finding in contents["findings"]}


def test_a_run_that_went_back_is_one_that_was_resumed_there(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Going back is an edit of a checkpoint: what follows is what follows from that, bit for bit."""
    assert run(command, *tiny("dcgan"), *OPTIONS[1:], "name=other", "trainer.max_iterations=4") == 0
    path = run.folder / "runs/other/checkpoints/last.ckpt"
    edited = load(path)
    edited["clock"]["rollbacks"] = 1
    torch.save(edited, path)
    assert run(command, "resume=runs/other", "trainer.max_iterations=6") == 0
    fails_at(monkeypatch, GAN, iteration=5, times=1)
    assert run(command, *tiny("dcgan"), *OPTIONS) == 0
    mine, other = (load(run.folder / f"runs/{name}/checkpoints/last.ckpt") for name in ("mine", "other"))
    for part in ("state_dict", "optimizer_states", "ranks", "clock"):
        assert differences(mine[part], other[part], part) == []


def test_a_run_that_fails_again_and_again_stops_with_a_diagnosis(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = fails_at(monkeypatch, VAE, iteration=5, times=99)
    assert run(command, *tiny("vae"), *OPTIONS) == 2
    assert tries == [0, 0, 1, 1, 2, 2]
    assert "went back 2 times" in run.err
    assert "layer encoder." in run.err
    contents = diary(run.folder / "runs/mine")
    assert [setback["learning_rates"] for setback in contents["setbacks"]] == [0.5, 0.25]
    assert [finding["what"] for finding in contents["findings"]] == ["not finite"]
    assert load(run.folder / "runs/mine/checkpoints/last.ckpt")["clock"]["iteration"] == 4


@pytest.mark.parametrize("options", [["trainer.rollbacks=0"], ["trainer.doctor=false"]])
def test_no_rollbacks_where_none_are_wanted(options: list[str], run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(fails_at(monkeypatch, VAE, iteration=5, times=1)) == 0
    assert run(command, *tiny("vae"), *OPTIONS, *options) == 2
    assert load(run.folder / "runs/mine/checkpoints/last.ckpt")["clock"]["rollbacks"] == 0


def test_a_run_without_a_checkpoint_starts_again(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    fails_at(monkeypatch, VAE, iteration=2, times=1)
    options = [*tiny("vae"), *OPTIONS, "trainer.validate_every=100", "model.optimizer.lr=0.001"]
    assert run(command, *options) == 0
    last = load(run.folder / "runs/mine/checkpoints/last.ckpt")
    assert last["clock"] == {"iteration": 6, "progress": pytest.approx(5 / 6), "rollbacks": 1}
    assert last["optimizer_states"][0]["param_groups"][0]["lr"] == 0.0005
    assert diary(run.folder / "runs/mine")["setbacks"][0]["back_to"] == 0


def test_a_checkpoint_with_spoilt_weights_is_passed_over(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """An update can spoil the weights after a loss that was finite, and the save comes before the next loss."""
    step = VAE.step

    def spoil(self: Any, batch: Any) -> Any:
        terms = step(self, batch)
        if self.iteration + 1 == 4 and not self.rollbacks:
            next(self.encoder.parameters()).data.fill_(torch.nan)
        return terms

    monkeypatch.setattr(VAE, "step", spoil)
    options = [*tiny("vae"), *OPTIONS, "trainer.keep_every=1", "trainer.validate_every=100"]
    assert run(command, *options) == 0
    setback = diary(run.folder / "runs/mine")["setbacks"][0]
    assert "since an update" in setback["says"]
    assert setback["back_to"] == 3


def test_a_collapsed_run_goes_back_to_before_it_collapsed(run: Command, collapsed: None) -> None:
    options = [*tiny("dcgan"), *OPTIONS, "trainer.max_iterations=9", "trainer.doctor_every=1"]
    options += ["model/augment=ada", "trainer.keep_every=1"]
    assert run(command, *options) == 2
    assert "few pictures over and over" in run.err
    assert "went back 2 times" in run.err
    contents = diary(run.folder / "runs/mine")
    assert [setback["back_to"] for setback in contents["setbacks"]] == [3, 3]  # it showed at 4 first
    last = load(run.folder / "runs/mine/checkpoints/last.ckpt")
    assert (last["clock"]["iteration"], last["clock"]["rollbacks"]) == (4, 2)
    assert float(last["state_dict"]["augment.p"]) == pytest.approx(0.2)  # and what D sees is augmented more


def test_a_run_of_an_older_gan_lab_is_continued(run: Command) -> None:
    assert run(command, *tiny("vae"), *OPTIONS, "trainer.max_iterations=2") == 0
    path = run.folder / "runs/mine/checkpoints/last.ckpt"
    older = load(path)
    del older["clock"]["rollbacks"], older["callbacks"]["Doctor"]
    for name in ("doctor", "doctor_every", "rollbacks"):
        del older["config"]["trainer"][name]
    torch.save(older, path)
    assert run(command, "resume=runs/mine", "trainer.max_iterations=3") == 0
    assert load(path)["clock"]["iteration"] == 3


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trainer.rollbacks=-1", "trainer.rollbacks=-1: needs a whole number, 0 for none"),
        ("trainer.doctor=7", "trainer.doctor=7: needs true or false"),
        ("trainer.doctor_every=0", "trainer.doctor_every=0: needs a whole number above 0"),
    ],
)
def test_options_that_make_no_sense(override: str, message: str, run: Command) -> None:
    assert run(command, *tiny("vae"), override) == 2
    assert message in run.err


HEALTHY = {
    "dcgan": ["model=dcgan", "model.generator.width=16", "model.discriminator.width=16"],
    "r3gan": ["model=r3gan", "model.generator.width=8", "model.discriminator.width=8"],
    "vae": ["model=vae"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HEALTHY)
def test_no_alarm_on_a_healthy_run(name: str, run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """On real photos where there are some, else on the demo catalogue; probes as often as ever they can be."""
    monkeypatch.setattr(f"{DOCTOR}.doctor.Doctor._affordable", lambda self, now: True)
    root = os.environ.get("GAN_LAB_PHOTOS")
    options = [f"data.root={root}/products"] if root else ["data.catalogue_images=400"]
    budget = ["trainer.max_epochs=null", "trainer.max_minutes=null", "trainer.max_iterations=900"]
    sizes = ["data.image_size=32", "data.batch_size=16", "data.num_workers=0", "trainer.doctor_every=50"]
    assert run(command, *HEALTHY[name], *options, *budget, *sizes, "name=well", "trainer.validate_every=100") == 0
    contents = diary(run.folder / "runs/well")
    assert contents["findings"] == contents["past"] == contents["setbacks"] == []
    assert contents["verdict"].startswith(("healthy", "no fault found, but its samples"))
    assert contents["figures"]["doctor/variety"] > 0.1
