"""Sweeps of commands that are no trainings: each job has its own folder, and nothing is left beside them."""

from __future__ import annotations

import atexit
import tempfile
from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig

from gan_lab.config.sweeps import check_outputs, prepare_sweep
from gan_lab.errors import UserError


@pytest.mark.parametrize("name", ["enhance", "compare", "translate"])
@pytest.mark.parametrize("swept", [["strength=0,1"], ["input=a,b"], ["format=png,jpg", "seed=1,2"]])
def test_several_jobs_in_one_folder_are_refused(name: str, swept: list[str]) -> None:
    message = r"^output=out: several jobs of this sweep would write there, .*'output=results/\$\{hydra:job.num\}'"
    with pytest.raises(UserError, match=message):
        check_outputs(["-m", "output=out", *swept], name)


@pytest.mark.parametrize("output", ["a,b", "out/${strength}", "out/${hydra:job.num}"])
def test_jobs_with_folders_of_their_own_may_run(output: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # a command that another test ran in this process has left its own job there
    monkeypatch.setattr(HydraConfig.instance(), "cfg", None)
    swept = ["seed=1"] if output == "a,b" else ["strength=0.5,1"]
    check_outputs(["-m", f"output={output}", *swept], "enhance")


def test_two_of_many_jobs_in_one_folder_are_found() -> None:
    with pytest.raises(UserError, match=r"^output=out/0\.5: several"):
        check_outputs(["-m", "output=out/${strength}", "strength=0.5,1", "scale=1,2"], "enhance")


def test_a_sweep_of_one_job_is_none() -> None:
    check_outputs(["-m", "output=out", "strength=1"], "enhance")


def test_figures_beside_a_checkpoint_are_not_written_over() -> None:
    with pytest.raises(UserError, match=r"^output=null, which means beside the checkpoint: several jobs"):
        check_outputs(["-m", "checkpoint=runs/a", "data/degradation=noise,blur"], "evaluate")
    check_outputs(["-m", "checkpoint=runs/a,runs/b", "n=8"], "evaluate")


@pytest.mark.parametrize("name", ["enhance", "translate", "generate", "evaluate", "compare", "pack"])
def test_what_hydra_writes_of_a_sweep_does_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    left: list[tuple[object, ...]] = []
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(atexit, "register", lambda *call, **options: left.append((call, options)))
    argv = prepare_sweep(["seed=1" if name != "pack" else "base=faithful", "-m"], name)
    (folder,) = tmp_path.iterdir()
    assert argv[1:] == [f'hydra.sweep.dir="{folder}"', "-m"]
    (((remove, path), options),) = left
    remove(path, **options)
    assert not folder.exists()


def test_a_folder_that_is_named_and_a_trainings_stay() -> None:
    for argv, name in ((["hydra.sweep.dir=x", "-m"], "enhance"), (["seed=0,1", "-m"], "train")):
        assert prepare_sweep(argv, name) == argv
