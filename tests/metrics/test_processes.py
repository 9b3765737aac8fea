"""Every metric over two processes, each with its own images, is that of one process with all of them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, multiprocessing, nn

from gan_lab.metrics import (
    CodePerplexity,
    DensityCoverage,
    FrechetDistance,
    GivenFeatures,
    InceptionScore,
    JackknifeIntervals,
    KernelDistance,
    MeanCIEDE2000,
    MeanPerceptualDistance,
    MeanPSNR,
    MeanSSIM,
    MemorisationShare,
    PrecisionRecall,
    WeightedMean,
)
from gan_lab.networks import PerceptualDistance
from tests.metrics.test_generation import features
from tests.metrics.test_means import pair


def measure(rank: int, size: int) -> dict[str, Any]:
    """Return all figures of this process's share of the images, which is uneven and in uneven batches."""
    f_real, f_fake = features(40, 8), features(31, 8, shift=0.3, seed=1)
    pred, gt = pair(7)
    codes = torch.arange(40) ** 2 % 11

    def split(rows: Tensor) -> tuple[Tensor, ...]:
        own = rows if size == 1 else (rows[:12], rows[12:])[rank] if len(rows) > 12 else (rows[:2], rows[2:])[rank]
        return own.split(9)

    given = GivenFeatures(8)
    wrapped = JackknifeIntervals([KernelDistance(given), FrechetDistance(given), PrecisionRecall()], groups=4)
    of_sets = [KernelDistance(given), FrechetDistance(given), PrecisionRecall(), DensityCoverage(), wrapped]
    of_pairs = [MeanPSNR(), MeanSSIM(), MeanCIEDE2000(), MeanPerceptualDistance(PerceptualDistance(0))]
    copies, score, codebook = MemorisationShare(), InceptionScore(nn.Identity(), splits=2), CodePerplexity(11)
    mean = WeightedMean()
    for metric in of_sets:
        for part in split(f_real):
            metric.update(part, real=True)
        for part in split(f_fake):
            metric.update(part, real=False)
    for metric in of_pairs:
        for parts in zip(split(pred), split(gt), strict=True):
            metric.update(*parts)
    for kind, rows in (("training", f_real), ("held_out", f_real.flip(1)), ("samples", f_fake)):
        for part in split(rows):
            copies.update(part, kind)  # type: ignore[arg-type]
    for part in split(f_real):
        score.update(part)
        mean.update(part.mean(1), weight=2)
    for part in split(codes):
        codebook.update(part)
    metrics = [*of_sets, *of_pairs, copies, score, codebook, mean]
    return {f"{place} {type(metric).__name__}": metric.compute() for place, metric in enumerate(metrics)}


def one_of_two(rank: int, folder: str) -> None:
    limit = timedelta(minutes=5)  # of a process that waits for the other one in vain
    place = f"file://{folder}/meet"
    torch.distributed.init_process_group("gloo", init_method=place, timeout=limit, rank=rank, world_size=2)
    torch.save(measure(rank, 2), f"{folder}/rank{rank}.pt")
    torch.distributed.barrier()  # a process that leaves while the other still talks to it aborts it
    torch.distributed.destroy_process_group()


def test_two_processes_find_what_one_finds_of_all_images(tmp_path: Path) -> None:
    multiprocessing.spawn(one_of_two, (str(tmp_path),), nprocs=2)
    alone = measure(0, 1)
    for rank in (0, 1):
        found = torch.load(tmp_path / f"rank{rank}.pt")
        assert found.keys() == alone.keys()
        for name, value in alone.items():
            assert flatten(found[name]) == pytest.approx(flatten(value), rel=1e-6), name


def flatten(value: Any) -> list[float]:
    """Return the numbers of what a metric computes."""
    if isinstance(value, dict):
        value = list(value.values())
    return [float(each) for each in value] if isinstance(value, list | tuple) else [float(value)]
