"""The same seed gives the same bits, whatever the number of workers, in fp32 and in bf16 (on a CPU)."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gan_lab.hardware import has_dtype
from tests.integration.runs import MODELS, differences, load, tiny, train


def models() -> list[object]:
    chosen = {"cyclegan": ("bf16-mixed",), "vae": ("32-true",)}
    return [
        pytest.param(model, precision, marks=[] if precision in chosen.get(model, ()) else pytest.mark.slow)
        for model in MODELS
        for precision in ("32-true", "bf16-mixed")
    ]


@pytest.mark.parametrize(("model", "precision"), models())
def test_a_run_gives_the_same_bits_twice(model: str, precision: str, tmp_path: Path) -> None:
    if precision == "bf16-mixed" and not has_dtype(torch.device("cpu"), torch.bfloat16):
        pytest.skip("this CPU has no bf16: an iteration takes a minute")
    options = [
        *tiny(model, full=True),
        "trainer.max_iterations=3",
        "trainer.deterministic=true",
        f"trainer.precision={precision}",
    ]
    for workers in (0, 2):
        train(*options, f"name=workers{workers}", f"data.num_workers={workers}", cwd=tmp_path)
    once, again = (load(tmp_path / f"runs/workers{workers}/checkpoints/last.ckpt") for workers in (0, 2))
    for part in ("state_dict", "optimizer_states"):
        assert differences(once[part], again[part], part) == []
    pictures = [sorted((tmp_path / "runs" / f"workers{workers}" / "samples").glob("*.png"))[-1] for workers in (0, 2)]
    assert pictures[0].read_bytes() == pictures[1].read_bytes()
