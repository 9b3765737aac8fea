"""The train command: what it writes, what it refuses, how it stops."""

from __future__ import annotations

import csv
import multiprocessing
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np
import pytest
import torch
from lightning.pytorch.strategies import SingleDeviceStrategy
from omegaconf import OmegaConf

from gan_lab import checkpoint
from gan_lab import train as entry
from gan_lab.augment import InstanceNoise
from gan_lab.callbacks import Doctor, MetricsCSV
from gan_lab.callbacks.budget import SIGNALS
from gan_lab.errors import UserError
from gan_lab.models import AdversarialModule, ManualModule
from gan_lab.models.vae import VAE
from gan_lab.run.parts import list_cautions
from gan_lab.storage.locks import lock_folder
from tests.integration.runs import MODELS, differences, load, tiny, train


def run(monkeypatch: pytest.MonkeyPatch, cwd: Path, *overrides: str) -> int:
    """Run the train command in this process, which saves its imports; return the exit code."""
    monkeypatch.chdir(cwd)
    monkeypatch.setattr(sys, "argv", ["gan_lab.train", *overrides])
    try:
        entry.main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def photos(folder: Path, *names: str, count: int = 12) -> Path:
    """Write noise photos into folder/<name>/ for each name (or into the folder itself)."""
    rng = np.random.default_rng(0)
    for name in names or ("",):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            cv2.imwrite(str(folder / name / f"{i}.png"), rng.integers(0, 256, (48, 40, 3), np.uint8))
    return folder


# ---------------------------------------------------------------------------------------------------- what it writes


def test_a_run_leaves_what_scripts_rely_on(tmp_path: Path) -> None:
    done = train(*tiny("vae"), "name=first", "trainer.max_iterations=4", "trainer.keep_every=2", cwd=tmp_path)
    folder = tmp_path / "runs/first"
    assert {path.name for path in (folder / "checkpoints").iterdir()} == {
        "last.ckpt",
        "best.ckpt",
        "iteration-000002.ckpt",
        "iteration-000004.ckpt",
    }
    config = OmegaConf.load(folder / "config.yaml")
    assert config.model._target_ == "gan_lab.models.VAE"
    assert config.data.image_size == 32
    assert load(folder / "checkpoints/last.ckpt")["config"] == OmegaConf.to_container(config)
    with (folder / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["iteration"]) for row in rows] == [1, 2, 3, 4]
    assert float(rows[0]["train/loss"]) > 0
    assert rows[0]["val/loss"] == ""
    assert float(rows[3]["val/loss"]) > 0
    assert cv2.imread(str(folder / "samples/000004.png")) is not None
    # progress to stderr, results to stdout
    assert "runs/first/checkpoints/last.ckpt" in done.stdout
    assert "iteration 4/4" in done.stderr
    assert "iteration 4/4" not in done.stdout
    assert "DEMO CATALOGUE" in done.stderr
    assert "data.root=/path/to/photos" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs"]  # nothing else is left behind


def test_best_is_the_checkpoint_of_the_best_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = iter([3.0, 1.0, 2.0])
    monkeypatch.setattr("gan_lab.models.VAE.validate", lambda self, batches: {"val/loss": next(figures)})
    options = [*tiny("vae"), "name=best", "trainer.validate_every=1", "trainer.max_iterations=3"]
    assert run(monkeypatch, tmp_path, *options) == 0
    assert load(tmp_path / "runs/best/checkpoints/best.ckpt")["clock"]["iteration"] == 2


def test_epochs_and_minutes_end_a_run_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = photos(tmp_path / "photos", "train", "val", count=12)
    options = [*tiny("vae"), f"data.root={root}", "data.near_duplicates=null"]
    assert run(monkeypatch, tmp_path, *options, "name=epochs", "trainer.max_epochs=2", "trainer.max_minutes=9") == 0
    assert (
        load(tmp_path / "runs/epochs/checkpoints/last.ckpt")["clock"]["iteration"] == 6
    )  # 2 passes of 12 in batches of 4
    limits = ["trainer.max_epochs=null", "trainer.max_minutes=0.02"]
    assert run(monkeypatch, tmp_path, *options, "name=minutes", *limits) == 0
    saved = load(tmp_path / "runs/minutes/checkpoints/last.ckpt")
    assert saved["clock"]["iteration"] > 0
    assert saved["callbacks"]["Budget"]["elapsed"] >= 1.2


@pytest.mark.parametrize("fits", [4, 9])
def test_a_batch_that_the_gpu_cannot_hold_goes_in_parts(
    fits: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    step = ManualModule.training_step

    def full(self: ManualModule, *arguments: Any) -> Any:
        if self.micro_batches < fits:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return step(self, *arguments)

    monkeypatch.setattr(ManualModule, "training_step", full)
    code = run(monkeypatch, tmp_path, *tiny("vae"), "data.batch_size=8", "name=large", "trainer.max_iterations=2")
    told = capsys.readouterr().err
    if fits == 4:
        assert code == 0, told
        saved = load(tmp_path / "runs/large/checkpoints/last.ckpt")
        assert saved["config"]["model"]["micro_batches"] == 4
        assert saved["clock"]["iteration"] == 2
        assert "started again in parts of 4 (model.micro_batches=2)" in told
        assert "started again in parts of 2 (model.micro_batches=4)" in told
    else:
        assert code == 2
        assert "data.batch_size=8, model.micro_batches=8: more than the GPU's memory holds" in told


def test_a_resumed_run_reads_its_checkpoint_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = [*tiny("vae"), "name=mine"]
    assert run(monkeypatch, tmp_path, *options, "trainer.max_iterations=2") == 0
    reads: list[Path] = []
    load_tensors = checkpoint.load_tensors
    monkeypatch.setattr(checkpoint, "load_tensors", lambda path: reads.append(path) or load_tensors(path))
    assert run(monkeypatch, tmp_path, "resume=runs/mine", "trainer.max_iterations=3") == 0
    assert len(reads) == 1
    assert checkpoint._recalled is None  # its memory is free again


def test_init_from_starts_from_another_runs_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = [*tiny("vae"), "trainer.max_iterations=1"]
    assert run(monkeypatch, tmp_path, *options, "name=first") == 0
    still = ["model.optimizer.lr=0", "seed=1", "init_from=runs/first"]
    assert run(monkeypatch, tmp_path, *options, "name=second", *still) == 0
    first, second = (load(tmp_path / f"runs/{name}/checkpoints/last.ckpt") for name in ("first", "second"))
    assert second["clock"]["iteration"] == 1
    name = "encoder.head.weight"
    assert torch.equal(first["state_dict"][name], second["state_dict"][name])


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_compiled_networks_train(model: str, tmp_path: Path) -> None:
    done = train(*tiny(model), "name=compiled", "compile=true", "trainer.max_iterations=6", cwd=tmp_path)
    saved = load(tmp_path / "runs/compiled/checkpoints/last.ckpt")
    assert not [key for key in saved["state_dict"] if "_orig_mod" in key]
    assert "iteration 6/6" in done.stderr


@pytest.mark.parametrize(
    "model", ["cyclegan", *(pytest.param(m, marks=pytest.mark.slow) for m in MODELS if m != "cyclegan")]
)
def test_a_run_that_recomputes_its_activations_is_the_run_that_keeps_them(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = [*tiny(model), "trainer.max_iterations=3", "trainer.doctor=false"]
    assert run(monkeypatch, tmp_path, *options, "name=kept") == 0
    assert run(monkeypatch, tmp_path, *options, "name=again", "gradient_checkpointing=true") == 0
    kept, again = (load(tmp_path / f"runs/{name}/checkpoints/last.ckpt") for name in ("kept", "again"))
    for part in ("state_dict", "optimizer_states", "ranks"):
        assert differences(kept[part], again[part], part) == []


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["compile=yes"], "compile=yes: needs true or false"),
        (["gradient_checkpointing=2"], "gradient_checkpointing=2: needs true or false"),
        (["compile=true", "gradient_checkpointing=true"], "take one of them"),
    ],
)
def test_switches_are_on_or_off(
    overrides: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, tmp_path, *tiny("vae"), *overrides) == 2
    assert said in capfd.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_a_setting_of_the_data_that_is_taken_from_the_model_s_names_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, tmp_path, "model=cut", "++model.lambda_foreground=[0,0]") == 2
    assert "data.masks=[0, 0]: needs true or false or a number (it is taken from ${oc.select:model.lambda_fo" in (
        capfd.readouterr().err
    )


def test_secrets_do_not_reach_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = [*tiny("vae"), "name=secret", "trainer.max_iterations=1", "+data.api_key=hunter2"]
    monkeypatch.setattr("gan_lab.run.parts.FACTS", ("classes", "class_names", "api_key"))
    assert run(monkeypatch, tmp_path, *options) == 0
    assert "hunter2" not in (tmp_path / "runs/secret/config.yaml").read_text()
    assert b"hunter2" not in (tmp_path / "runs/secret/checkpoints/last.ckpt").read_bytes()


@pytest.mark.parametrize(
    ("counts", "augmented", "said"),
    [
        (
            {"A": 1080, "B": 54},
            False,
            [r"^B has 54 photos to train on.*model/augment=diffaugment", r"^A has 1080 photos and B 54.* B 20 times"],
        ),
        ({"A": 54, "B": 200}, True, []),
        ({"A": 199, "B": 200}, False, [r"^A has 199 photos"]),
        ({"A": 200, "B": 800}, False, []),
        ({"image": 20}, False, []),
    ],
)
def test_few_photos_or_uneven_domains_are_said(counts: dict[str, int], augmented: bool, said: list[str]) -> None:
    model = AdversarialModule(augment=InstanceNoise() if augmented else None)
    cautions = list_cautions(counts, model)
    assert len(cautions) == len(said)
    for caution, pattern in zip(cautions, said, strict=True):
        assert re.search(pattern, caution), caution


def test_a_run_is_not_advised_what_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photos(tmp_path / "a", count=42)
    photos(tmp_path / "b", count=9)
    domains = [
        "data.domain_a=a",
        "data.domain_b=b",
        "data.near_duplicates=null",
        "data.index=false",
        "data.batch_size=1",
    ]
    options = [*tiny("cyclegan"), *domains, "trainer.max_iterations=1"]
    for name, more in (("without", []), ("with", ["experiment=change_ground", "model.generator.blocks=1"])):
        assert run(monkeypatch, tmp_path, *options, *more, f"name={name}") == 0
        told = capsys.readouterr().err
        assert "is forced to look like what it shows" in told
        assert ("experiment=change_ground" in told) == (name == "without")


# ---------------------------------------------------------------------------------------------------- how it stops


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_saves_and_says_so_by_the_exit_code(number: signal.Signals, tmp_path: Path) -> None:
    options = [*tiny("vae"), "name=stopped", "trainer.max_iterations=100000", "trainer.max_epochs=null"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gan_lab.train", *options],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # the tests may run under nohup
    )
    deadline = time.monotonic() + 300
    while not (tmp_path / "runs/stopped/metrics.csv").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    process.send_signal(number)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 128 + number, errors
    assert load(tmp_path / "runs/stopped/checkpoints/last.ckpt")["clock"]["iteration"] > 0


#: Runs the train command with an iteration that takes minutes, and says when it has begun.
SLOW = """
import time
from gan_lab import train
from gan_lab.models.vae import VAE

def step(self, batch):
    print("begun", flush=True)
    time.sleep(300)
VAE.step = step
train.main()
"""


def test_a_second_interrupt_does_not_wait_for_the_iteration(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    process = subprocess.Popen(
        [sys.executable, "slow.py", *tiny("vae"), "name=stopped", "trainer.max_iterations=3"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    while "SIGINT: finishing the iteration" not in (line := process.stderr.readline()):
        assert line, "it has ended"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("place", ["strategy", "callback"])
def test_the_first_error_is_told_and_all_is_closed_where_closing_fails_too(
    place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any) -> None:
        raise UserError("data.root=x: the first error")

    def fail_too(*_: Any) -> None:
        raise RuntimeError("the last error")

    monkeypatch.setattr(VAE, "step", fail)
    if place == "strategy":
        monkeypatch.setattr(SingleDeviceStrategy, "teardown", fail_too)
    else:
        monkeypatch.setattr(Doctor, "on_exception", fail_too)
    handlers = [signal.getsignal(number) for number in SIGNALS]
    options = [line for line in tiny("vae") if not line.startswith("data.num_workers")]
    assert run(monkeypatch, tmp_path, *options, "data.num_workers=1", "name=run", "trainer.max_iterations=3") == 2
    told = capsys.readouterr().err
    assert "error: data.root=x: the first error" in told
    assert "what the training had open could not all be closed (the last error)" in told
    assert [signal.getsignal(number) for number in SIGNALS] == handlers
    assert multiprocessing.active_children() == []


# ---------------------------------------------------------------------------------------------------- what it refuses


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model=cyclgan"], "did you mean model=cyclegan"),
        (["model.lambda_cycel=3"], "did you mean model.lambda_cycle"),
        (["trainer.max_iteration=3"], "did you mean trainer.max_iterations"),
        (["image_size=64"], "did you mean data.image_size"),
        (["experiment=smal_catalogue"], "did you mean experiment=small_catalogue"),
        (["model=vae", "model.encoder.latent=3"], "did you mean model.encoder.latents"),
        (["seed=1,2"], "add -m"),
        (["trainer.precision=fp16"], "bf16-mixed"),
        (["trainer.max_epochs=null"], "would never end"),
        (["trainer.max_minutes=-1"], "trainer.max_minutes=-1"),
        (["trainer.strategy=fsdp"], "two optimisers"),
        (["trainer.strategy=deepspeed_stage_2"], "use trainer=ddp"),
        (["trainer.strategy=foo"], "trainer.strategy=foo"),
        (["trainer.log_every=0"], "trainer.log_every=0: needs a whole number above 0"),
        (["trainer.validate_every=null"], "trainer.validate_every=None"),
        (["trainer.checkpoint_every=2.5"], "trainer.checkpoint_every=2.5"),
        (["+trainer.max_iteration=5"], "trainer.max_iteration: there is no such key"),
        (["~trainer.log_every"], "trainer.log_every: is missing; set it"),
        (["seed=-1"], "seed=-1"),
        (["seed=one"], "seed=one"),
        (["runs_dir=flat/0.png", "data.root=flat", "model=vae", "data.batch_size=4"], "flat/0.png"),
        (["device=tpu"], "device=tpu"),
        (["data.root=/nowhere"], "/nowhere"),
        (["data.root=empty"], "no image"),
        (["data.root=flat", "model=cyclegan", "data.batch_size=4"], "A and B"),
        (["data.root=flat", "model=cgan", "data.batch_size=4"], "one folder per class"),
        (["data.root=flat", "model=dcgan", "data.batch_size=500"], "data.batch_size=500"),
        (
            ["data.root=flat", "model=dcgan", "data.image_size=33", "data.batch_size=4"],
            "data.image_size=33: both sides",
        ),
        (["data.root=flat", "model=vae", "data.image_size=[33]", "data.batch_size=4"], "data.image_size=[33]: needs"),
        (["data.root=flat", "model=dcgan", "data.image_size=[100,64]", "data.batch_size=4"], "instance [96,64]"),
        (
            ["data.root=flat", "model=vq_vae", "data.image_size=[30,32]", "data.batch_size=4"],
            "data.image_size=[30,32]: ",
        ),
        (
            ["data.root=flat", "model=dcgan_28", "data.image_size=32", "data.batch_size=4"],
            "data.image_size=32: this network",
        ),
        (["data.root=flat", "model=vae", "data.batch_size=4", "model.micro_batches=3"], "model.micro_batches=3"),
        (["resume=nothing"], "resume=nothing"),
        (["resume=corrupt.ckpt"], "corrupt.ckpt"),
        (["resume=picture.ckpt"], "picture.ckpt"),
        (["resume=other.ckpt"], "not made by gan_lab"),
        (["resume=evil.ckpt"], "evil.ckpt"),
        (["model._target_=os.system"], "os.system"),
        (["model._target_=torch.optim.os.system"], "torch.optim.os.system"),
        (
            [
                "model=enhancer",
                "data.root=flat",
                "data.batch_size=4",
                "model.lambda_perceptual=1",
                "model.perceptual=vgg19",
            ],
            "vgg19",
        ),
    ],
)
def test_bad_input_gets_one_message_before_anything_is_written(
    overrides: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    photos(tmp_path / "flat")
    (tmp_path / "empty").mkdir()
    (tmp_path / "corrupt.ckpt").write_bytes(b"PK\x03\x04 not a checkpoint")
    (tmp_path / "picture.ckpt").write_bytes(b"RIFF$\x00\x00\x00WEBPVP8 ")
    torch.save({"config": None, "clock": {}, "state_dict": {}}, tmp_path / "other.ckpt")
    (tmp_path / "evil.ckpt").write_bytes(pickle.dumps(Evil()))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    before = sorted(tmp_path.rglob("*"))
    assert run(monkeypatch, tmp_path, *overrides) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert message in errors[0]
    assert sorted(tmp_path.rglob("*")) == before


class Evil:
    """Leaves a file behind when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch evil-was-here",)


def test_a_run_is_never_overwritten_nor_continued_as_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [*tiny("vae"), "name=mine", "trainer.max_iterations=1"]
    assert run(monkeypatch, tmp_path, *options) == 0
    checkpoint = tmp_path / "runs/mine/checkpoints/last.ckpt"
    before = checkpoint.read_bytes()
    for overrides, message in (
        (options, "resume=runs/mine"),
        (["resume=runs/mine", "model=dcgan"], "model=vae, not model=dcgan"),
        (["resume=runs/mine", "model.lambda_kl=3"], "keeps its model.lambda_kl"),
        (["resume=runs/mine", "seed=3"], "keeps its seed"),
        (["-m", "resume=runs/mine", "seed=0"], "resume=auto"),
    ):
        code = run(monkeypatch, tmp_path, *overrides)
        told = capsys.readouterr()
        assert message in told.err + told.out
        assert code != 0
    assert checkpoint.read_bytes() == before
    # the same words again, and a longer budget, continue it
    assert run(monkeypatch, tmp_path, *options[:-1], "resume=auto", "trainer.max_iterations=2") == 0
    assert load(checkpoint)["clock"]["iteration"] == 2
    assert run(monkeypatch, tmp_path, "resume=runs/mine") == 0  # nothing left to do is no error
    assert "2 iterations are done already" in capsys.readouterr().out


@pytest.mark.parametrize("place", ["index", "cache"])
def test_a_checkpoint_does_not_say_where_what_is_known_of_photos_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr("gan_lab.data.table.SETTLED_NS", -(10**12))  # what a test has just written counts as settled
    options = [*tiny("vae"), f"data.root={photos(tmp_path / 'photos')}", "name=mine"]
    assert run(monkeypatch, tmp_path, *options, f"data.{place}=first", "trainer.max_iterations=1") == 0
    assert list((tmp_path / "first").iterdir())
    shutil.rmtree(tmp_path / "first")
    assert run(monkeypatch, tmp_path, "resume=runs/mine", "trainer.max_iterations=2") == 0
    assert not (tmp_path / "first").exists()
    assert run(monkeypatch, tmp_path, "resume=runs/mine", "trainer.max_iterations=3", f"data.{place}=second") == 0
    assert list((tmp_path / "second").iterdir())


def test_a_run_whose_last_checkpoint_is_damaged_goes_on_from_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    limits = ["trainer.checkpoint_every=2", "trainer.checkpoint_every_minutes=null"]
    assert run(monkeypatch, tmp_path, *tiny("vae"), *limits, "name=mine", "trainer.max_iterations=6") == 0
    folder = tmp_path / "runs/mine/checkpoints"
    straight = load(folder / "last.ckpt")
    assert load(folder / "previous.ckpt")["clock"]["iteration"] == 4
    (folder / "best.ckpt").unlink()
    os.truncate(folder / "last.ckpt", 10_000)
    assert run(monkeypatch, tmp_path, "resume=runs/mine") == 0
    told = capsys.readouterr().err
    assert told.count("last.ckpt: damaged") == 1
    assert "the run goes on from previous.ckpt, iteration 4" in told
    assert differences(straight["state_dict"], load(folder / "last.ckpt")["state_dict"], "state_dict") == []


def test_networks_that_do_not_fit_the_data_are_told_by_what_was_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, tmp_path, *tiny("vae"), "name=mine", "model.encoder.image_size=64") == 2
    told = capsys.readouterr().err
    assert re.search("the first iteration failed .*shapes cannot be multiplied", told)
    assert "model.encoder.image_size=64" in told
    assert "Traceback" not in told


@pytest.mark.parametrize("recovers", [True, False])
def test_a_run_outlives_a_full_disk_and_ends_well_if_there_is_room_at_the_end(
    recovers: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write, saves = checkpoint.write_atomically, 0

    @contextmanager
    def full(path: Path, keep_as: str | None = None) -> Iterator[IO[bytes]]:
        nonlocal saves
        saves += path.name == "last.ckpt"
        if path.name in ("last.ckpt", "doctor.json") and (saves == 2 or (saves > 2 and not recovers)):
            raise OSError(28, "No space left on device")
        with write(path, keep_as) as file:
            yield file

    for module in ("checkpoint", "callbacks.doctor.findings"):
        monkeypatch.setattr(f"gan_lab.{module}.write_atomically", full)
    limits = ["trainer.checkpoint_every=2", "trainer.checkpoint_every_minutes=null", "trainer.max_iterations=6"]
    assert run(monkeypatch, tmp_path, *tiny("vae"), *limits, "name=mine") == (0 if recovers else 2)
    told = capsys.readouterr().err
    assert "iteration 4: runs/mine/checkpoints/last.ckpt cannot be written (No space left on device)" in told
    assert load(tmp_path / "runs/mine/checkpoints/last.ckpt")["clock"]["iteration"] == (6 if recovers else 2)
    assert ("resume=runs/mine" in told) is not recovers


def test_figures_and_pictures_that_cannot_be_written_cost_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    writer, writing = MetricsCSV._writer, 0

    def full(self: MetricsCSV, file: Any) -> Any:
        nonlocal writing
        writing += 1
        if writing in (2, 3):
            file.write("torn")
            raise OSError(28, "No space left on device")
        return writer(self, file)

    monkeypatch.setattr(MetricsCSV, "_writer", full)
    monkeypatch.setattr(
        "gan_lab.callbacks.figures.write_png", lambda *_: (_ for _ in ()).throw(OSError(30, "Read-only"))
    )
    assert run(monkeypatch, tmp_path, *tiny("vae"), "name=mine", "trainer.max_iterations=6", "trainer.log_every=1") == 0
    told = capsys.readouterr().err
    assert told.count("figures of csv cannot be written") == told.count("figures of csv is written again") == 1
    assert told.count("a grid of samples cannot be written (Read-only)") == 1
    with (tmp_path / "runs/mine/metrics.csv").open(newline="") as file:
        assert [row["iteration"] for row in csv.DictReader(file)] == ["1", "2", "3", "4", "5", "6"]


def test_a_run_that_another_process_writes_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [*tiny("vae"), "name=mine", "trainer.max_iterations=1"]
    with lock_folder(tmp_path / "runs/mine"):
        assert run(monkeypatch, tmp_path, *options) == 2
        assert re.search(
            r"name=mine: runs/mine: another process is at work there \(process \d+\)", capsys.readouterr().err
        )
        assert [path.name for path in (tmp_path / "runs/mine").iterdir()] == [".lock"]
    assert run(monkeypatch, tmp_path, *options) == 0
    assert not (tmp_path / "runs/mine/.lock").exists()


@pytest.mark.parametrize(
    "name", ["samples", "metrics.csv", "checkpoints/previous.ckpt", "samples/000003.png", "wandb", "wandb/id"]
)
def test_a_run_with_a_link_that_leads_out_of_it_is_not_written_to(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, tmp_path, *tiny("vae"), "name=mine", "trainer.max_iterations=1") == 0
    mine = tmp_path / "yours" / "2024.png"
    mine.parent.mkdir()
    mine.write_bytes(b"a picture")
    link = tmp_path / "runs/mine" / name
    if link.is_dir():
        shutil.rmtree(link)
    link.unlink(missing_ok=True)
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(mine.parent if name in ("samples", "wandb") else mine)
    assert run(monkeypatch, tmp_path, "resume=runs/mine", "trainer.max_iterations=3", "trainer.keep_samples=1") == 2
    assert f"{name}: is a link to" in capsys.readouterr().err
    assert [path.read_bytes() for path in mine.parent.iterdir()] == [b"a picture"]


@pytest.mark.parametrize("name", ["multirun.yaml", "summary.csv", "0", "0/samples"])
def test_a_sweep_with_a_link_that_leads_out_of_it_is_not_written_to(name: str, tmp_path: Path) -> None:
    mine = tmp_path / "yours" / "2024.png"
    mine.parent.mkdir()
    mine.write_bytes(b"a picture")
    link = tmp_path / "runs/sweep" / name
    link.parent.mkdir(parents=True)
    link.symlink_to(mine if link.suffix else mine.parent)
    options = ["name=sweep", "seed=0,1", "resume=auto", "trainer.max_iterations=1"]
    done = train("-m", *tiny("vae"), *options, cwd=tmp_path, check=False)
    assert done.returncode == 2, done.stderr
    assert f"{name}: is a link to" in done.stderr
    assert [path.read_bytes() for path in mine.parent.iterdir()] == [b"a picture"]


def test_a_run_continues_in_its_own_folder_whatever_checkpoint_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [*tiny("enhancer"), "name=mine", "trainer.max_iterations=2", "trainer.keep_every=1"]
    assert run(monkeypatch, tmp_path, *options) == 0
    checkpoints = tmp_path / "runs/mine/checkpoints"
    last = checkpoints / "last.ckpt"
    copied = tmp_path / "a copy=1.ckpt"
    copied.write_bytes(last.read_bytes())
    for overrides, message in (
        (["resume=runs/mine", "name=other"], "goes on in runs/mine, not in runs/other"),
        ([f"resume='{copied}'", "name=mine"], "runs/mine, which holds a run already"),
        (["resume=runs/mine", "data/degradation=blur"], "data/degradation=photo, not data/degradation=blur"),
        (["resume=runs/mine", "experiment=demo"], "experiment=None, not experiment=demo"),
    ):
        assert run(monkeypatch, tmp_path, *overrides) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "runs/other").exists()
    # a lone file goes where it is told to; a kept checkpoint goes on in its run's folder
    assert run(monkeypatch, tmp_path, f"resume='{copied}'", "name=other", "trainer.max_iterations=3") == 0
    assert load(tmp_path / "runs/other/checkpoints/last.ckpt")["clock"]["iteration"] == 3
    assert load(last)["clock"]["iteration"] == 2
    # another place to run leaves the budget as it was
    assert run(monkeypatch, tmp_path, "resume=runs/mine", "trainer=ddp", "trainer.devices=1") == 0
    assert "2 iterations are done already" in capsys.readouterr().out
    kept = "resume=runs/mine/checkpoints/iteration-000001.ckpt"
    assert run(monkeypatch, tmp_path, kept, "trainer.max_iterations=4") == 0
    assert load(last)["clock"]["iteration"] == 4
    (tmp_path / "elsewhere").mkdir()
    assert run(monkeypatch, tmp_path / "elsewhere", f"resume={tmp_path}/runs/mine", "trainer.max_iterations=5") == 0
    assert load(last)["clock"]["iteration"] == 5
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize(
    ("group", "key", "value", "message"),
    [
        ("choices", "model", "../../../../proc/self/cwd/theirs", "which is no name of a configuration"),
        ("choices", "data", "[products,theirs]", "which is no name of a configuration"),
        ("model", "reconstruction", "${oc.env:HOME}", "interpolation"),
        ("model", "optimizer", {"_target_": "os.system", "command": "touch ran"}, "os.system"),
        ("trainer", "max_minutes", "${oc.env:HOME}", "interpolation"),
    ],
)
def test_a_checkpoint_from_elsewhere_is_no_configuration_to_run(
    group: str,
    key: str,
    value: Any,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, tmp_path, *tiny("vae"), "name=mine", "trainer.max_iterations=1") == 0
    content = load(tmp_path / "runs/mine/checkpoints/last.ckpt")
    content["config"][group][key] = value
    torch.save(content, tmp_path / "theirs.ckpt")
    (tmp_path / "theirs.yaml").write_text("# @package _global_\nhydra: {callbacks: {x: {_target_: os.abort}}}\n")
    assert run(monkeypatch, tmp_path, "resume=theirs.ckpt", "name=other") == 2
    assert message in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs", "theirs.ckpt", "theirs.yaml"]
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["mine"]


def test_a_checkpoint_from_elsewhere_does_not_say_where_files_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, tmp_path, *tiny("vae"), "name=mine", "trainer.max_iterations=1") == 0
    content = load(tmp_path / "runs/mine/checkpoints/last.ckpt")
    content["config"] |= {"runs_dir": str(tmp_path / "home"), "name": "precious"}
    torch.save(content, tmp_path / "theirs.ckpt")
    assert run(monkeypatch, tmp_path, "resume=theirs.ckpt", "trainer.max_iterations=2") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs", "theirs.ckpt"]
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["mine", "vae-products"]


def test_a_run_killed_before_its_first_last_checkpoint_is_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [*tiny("vae"), "name=mine"]
    assert run(monkeypatch, tmp_path, *options, "trainer.max_iterations=3") == 0
    last, best = (tmp_path / f"runs/mine/checkpoints/{name}.ckpt" for name in ("last", "best"))
    last.unlink()
    at = load(best)["clock"]["iteration"]
    assert run(monkeypatch, tmp_path, *options, "trainer.max_iterations=4") == 2
    assert "holds a run already" in capsys.readouterr().err
    assert run(monkeypatch, tmp_path, *options, "resume=auto", "trainer.max_iterations=4") == 0
    with (tmp_path / "runs/mine/metrics.csv").open(newline="") as file:
        assert [int(row["iteration"]) for row in csv.DictReader(file)] == [1, 2, 3, 4]
    assert at < load(last)["clock"]["iteration"] == 4


def test_a_new_seed_gives_another_run_and_the_same_seed_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        assert (
            run(monkeypatch, tmp_path, *tiny("dcgan"), f"name={name}", f"seed={seed}", "trainer.max_iterations=2") == 0
        )
        with (tmp_path / f"runs/{name}/metrics.csv").open(newline="") as file:
            losses.append([row["train/loss_d"] for row in csv.DictReader(file)])
    assert losses[0] == losses[1] != losses[2]


# ---------------------------------------------------------------------------------------------------- sweeps


def test_a_sweep_numbers_its_jobs_and_ends_with_a_table(tmp_path: Path) -> None:
    options = [*tiny("vae"), "name=sweep", "trainer.max_iterations=2", "model.lambda_kl=0.001,0.1"]
    done = train("-m", *options, cwd=tmp_path)
    for job, value in (("0", 0.001), ("1", 0.1)):
        assert OmegaConf.load(tmp_path / f"runs/sweep/{job}/config.yaml").model.lambda_kl == value
        assert (tmp_path / f"runs/sweep/{job}/checkpoints/last.ckpt").exists()
    with (tmp_path / "runs/sweep/summary.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == ["done", "done"]
    assert float(rows[0]["best"]) <= float(rows[1]["best"])
    assert "model.lambda_kl=0.1" in done.stdout
    again = train("-m", *options, cwd=tmp_path, check=False)
    assert again.returncode == 2
    assert "resume=auto" in again.stderr
    assert not list(tmp_path.rglob("error.txt"))


def test_a_sweep_leaves_no_secret(tmp_path: Path) -> None:
    secret = "0123456789abcdef" * 2 + "hunter22"  # as long as a key is
    options = [*tiny("vae"), "name=sweep", "trainer.max_iterations=1,nonsense", "logger=wandb"]
    key = [f"+logger.wandb.settings.api_key={secret}", "logger.wandb.project=https://me:hunter33@host/gan_lab"]
    done = train("-m", *options, *key, cwd=tmp_path, check=False)
    assert "hunter" not in done.stdout + done.stderr
    assert "trainer.max_iterations=1,nonsense" in (tmp_path / "runs/sweep/multirun.yaml").read_text()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 8
    assert [path for path in files if b"hunter" in path.read_bytes()] == []


def test_a_sweep_leaves_no_secret_in_whatever_form_it_is_given(tmp_path: Path) -> None:
    key = "0123456789abcdef" * 2
    swept = f"+logger.wandb.settings={{api_key:'{key} hunter22'}},{{api_key:${{oc.env:HIDDEN}}}}"
    given = {"HIDDEN": f"{key}hunter33", "SHOP_TOKEN": "/hunter44", "WANDB_API_KEY": f"{key}hunter55"}
    places = "data.root=null,${oc.env:SHOP_TOKEN}"
    options = [*tiny("vae"), "name=sweep", "trainer.max_iterations=1", "logger=wandb", swept, places]
    done = train("-m", *options, cwd=tmp_path, check=False, **given)
    assert "2 of 4 jobs failed" in done.stdout
    assert "data.root=***" in done.stderr
    assert "hunter" not in done.stdout + done.stderr
    assert len(list(tmp_path.rglob("last.ckpt"))) == len(list(tmp_path.rglob("error.txt"))) == 2
    assert [path for path in tmp_path.rglob("*") if path.is_file() and b"hunter" in path.read_bytes()] == []


def test_a_failed_job_does_not_stop_a_sweep_but_fails_it(tmp_path: Path) -> None:
    done = train(
        "-m",
        *tiny("vae"),
        "name=sweep",
        "trainer.max_iterations=1",
        "data.batch_size=4,5000,${recipe.nothing}",
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 1
    assert (tmp_path / "runs/sweep/0/checkpoints/last.ckpt").exists()
    assert "data.batch_size=5000" in (tmp_path / "runs/sweep/1/error.txt").read_text()
    assert "configuration: Interpolation key 'recipe.nothing'" in (tmp_path / "runs/sweep/2/error.txt").read_text()
    assert "Traceback" not in done.stderr
    assert "2 of 3 jobs failed: 1, 2" in done.stdout


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["name=a,b"], "give one name"),
        (["model=glob(*gan)"], "one by one"),
    ],
)
def test_a_sweep_that_cannot_be_listed_or_named_is_refused(
    overrides: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, tmp_path, "-m", *overrides) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("~model", "~model: a run has one"),
        ("data=[]", "~data: a run has one"),
        ("~trainer", "~trainer: a run has one"),
        ("plan=[0,0]", "plan=[0, 0]: needs true or false"),
        ("trainer.strategy='${nothing}'", "'nothing' not found"),
    ],
)
def test_what_every_run_needs_is_told(
    override: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, tmp_path, override) == 2
    assert message in capsys.readouterr().err


def test_what_a_network_cannot_be_built_with_is_told_with_what_was_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, tmp_path, *tiny("vae"), "+model.encoder.widths=[]") == 2
    told = capsys.readouterr().err
    assert "IndexError" in told
    assert "model.encoder.widths=[]" in told


def test_ddp_in_a_sweep_is_refused(tmp_path: Path) -> None:
    done = train("-m", *tiny("vae"), "name=sweep", "trainer=ddp", "seed=0,1", cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert "one after the other" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("model", ["dcgan", "vae", "enhancer"])
def test_all_photos_may_train(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = [*tiny(model), "name=all", "trainer.max_iterations=2", "data.validation_share=0", "data.test_share=0"]
    assert run(monkeypatch, tmp_path, *options) == 0
    pictures = list((tmp_path / "runs/all").glob("samples/*.png"))
    assert len(pictures) == (0 if model == "enhancer" else 1)  # an enhancer has nothing to show without photos


@pytest.mark.parametrize("flag", ["--config-dir=my", "--config-dir my"])
def test_a_yaml_of_ones_own_is_a_method(flag: str, tmp_path: Path) -> None:
    (tmp_path / "my/model").mkdir(parents=True)
    own = "# @package _global_\ndefaults:\n  - vae\n  - _self_\nmodel:\n  lambda_kl: 0.125\n"
    (tmp_path / "my/model/mine.yaml").write_text(own)
    options = [option for option in tiny("vae") if not option.startswith("model=")]
    train(*flag.split(), "model=mine", *options, "name=own", "trainer.max_iterations=1", cwd=tmp_path)
    config = OmegaConf.load(tmp_path / "runs/own/config.yaml")
    assert (config.choices.model, config.model.lambda_kl) == ("mine", 0.125)
