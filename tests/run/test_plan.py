"""What is tried before a run, and what is said of it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from gan_lab.run import plan
from gan_lab.run.plan import Measurement, Setting, advise, describe_run, list_alternatives

AS_IS, COMPILED, LARGE = Setting((), 32), Setting(("compile=true",), 32), Setting(("data.batch_size=64",), 64)


def test_alternatives_differ_from_the_run_in_what_they_name() -> None:
    tried = list_alternatives(32, "bf16-mixed", compiled=False, fast="bf16-mixed")
    assert [" ".join(each.options) for each in tried] == [
        "",
        "compile=true",
        "trainer.precision=32-true",
        "trainer.precision=32-true compile=true",
        "data.batch_size=16",
        "data.batch_size=64",
    ]
    assert [each.batch for each in tried] == [32, 32, 32, 32, 16, 64]


def test_nothing_is_compiled_that_computes_its_activations_again() -> None:
    tried = list_alternatives(1, "32-true", compiled=False, fast="32-true", recomputed=True)
    assert [" ".join(each.options) for each in tried][1] == "compile=true gradient_checkpointing=false"


def test_no_precision_is_tried_that_the_machine_does_badly() -> None:
    tried = list_alternatives(1, "32-true", compiled=True, fast="32-true")
    assert [" ".join(each.options) for each in tried] == ["", "compile=false", "data.batch_size=2"]


@pytest.mark.parametrize(
    ("iterations", "minutes", "said"),
    [
        (600, None, "600 iterations in 11 min"),
        (36_000, None, "36000 iterations in 10 h 01 min"),
        (600, 5, "240 iterations in 5 min"),
        (None, 2, "60 iterations in 2 min"),
        (600, 0.5, "0 iterations in 0.5 min"),
    ],
)
def test_the_whole_run_is_what_the_budget_allows(iterations: int | None, minutes: float | None, said: str) -> None:
    assert describe_run(Measurement(AS_IS, ms=1000, memory=100, start=60), iterations, minutes) == said


def test_compiling_is_advised_where_it_pays_for_its_start() -> None:
    probes = [Measurement(AS_IS, 100, 500, 1), Measurement(COMPILED, 50, 500, 60), Measurement(LARGE, 120, 900, 1)]
    long, short = (advise(probes, iterations, None, 10_000) for iterations in (10_000, 100))
    assert long[0] == "Fastest (2.00 times as fast): compile=true"
    assert short[0] == "Fastest as configured."
    assert long[1].startswith("data.batch_size=64 passes 1.67 times as many images a second; it is another training")
    assert advise(probes, math.inf, 0.1, 10_000)[0] == "Fastest as configured."


def test_a_setting_that_fails_is_not_advised() -> None:
    small = Setting(("data.batch_size=16",), 16)
    failed = Measurement(AS_IS, failure="CUDA out of memory")
    assert advise([failed, Measurement(small, 100, 500, 1)], 1000, None, 10_000) == [
        "As configured it does not run here; it does with data.batch_size=16"
    ]
    assert "smaller" in advise([failed], 1000, None, 10_000)[0]
    assert "micro_batches=2" in advise([Measurement(AS_IS, 100, 950, 1)], 1000, None, 1000)[1]


def test_a_probe_reads_the_figures_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train = """
import sys
from pathlib import Path
given = dict(each.split("=", 1) for each in sys.argv[1:])
run = Path(given["runs_dir"]) / given["name"]
run.mkdir()
speeds = [1, 16, 16, 8, 4, 8, 8, 2]
rows = [f"{n},{speed},{100 + n}" for n, speed in enumerate(speeds, start=1)]
(run / "metrics.csv").write_text("\\n".join(["iteration,train/images_per_s,train/memory_mb", *rows, ""]))
"""
    (tmp_path / "gan_lab").mkdir()
    (tmp_path / "gan_lab" / "__init__.py").touch()
    (tmp_path / "gan_lab" / "train.py").write_text(train)
    monkeypatch.chdir(tmp_path)
    found = plan.probe_setting(Setting(("compile=true",), 16), ["model=dcgan"])
    assert (found.ms, found.memory, found.failure) == (2000, 108, "")
    assert found.start == pytest.approx(16 - 2)


def test_a_probe_that_fails_says_what_the_run_said(tmp_path: Path) -> None:
    found = plan.probe_setting(Setting((), 4), ["model=nonsense"])
    assert math.isnan(found.ms)
    assert "nonsense" in found.failure
