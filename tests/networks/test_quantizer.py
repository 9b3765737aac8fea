"""The codebook: what it rounds to, whose gradient passes, and how it follows the vectors."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, multiprocessing

from gan_lab.networks import VectorQuantizer
from gan_lab.networks.quantizer import perplexity


def vectors(seed: int, images: int = 2, width: int = 3) -> Tensor:
    return torch.randn(images, width, 4, 5, generator=torch.Generator().manual_seed(seed))


def distances(a: Tensor, b: Tensor) -> Tensor:
    """Exact ones: torch's own shortcut is off by a few ten-thousandths where two vectors are equal."""
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")


def started(codes: int = 6, restart_below: float = 0.0, decay: float = 0.9) -> VectorQuantizer:
    """A codebook after its first update."""
    torch.manual_seed(0)
    quantizer = VectorQuantizer(codes, 3, decay, restart_below)
    encoded = vectors(0)
    quantizer.update(encoded, quantizer(encoded)[1])
    return quantizer


def test_rounds_to_the_nearest_code() -> None:
    quantizer, encoded = started(), vectors(1)
    rounded, codes, commitment = quantizer(encoded)
    assert codes.dtype == torch.int64
    assert codes.shape == (2, 4, 5)
    for n, i, j in ((0, 0, 0), (1, 3, 4), (1, 2, 1)):
        nearest = (quantizer.codebook - encoded[n, :, i, j]).norm(dim=1).argmin()
        assert codes[n, i, j] == nearest
        torch.testing.assert_close(rounded[n, :, i, j], quantizer.codebook[nearest])
    torch.testing.assert_close(quantizer.lookup(codes), rounded)
    torch.testing.assert_close(commitment, (encoded - rounded).square().mean())


def test_the_gradient_passes_straight_through() -> None:
    quantizer, encoded = started(), vectors(1).requires_grad_()
    upstream = vectors(2)
    (gradient,) = torch.autograd.grad((quantizer(encoded)[0] * upstream).sum(), encoded)
    assert torch.equal(gradient, upstream)


def test_commitment_draws_vectors_to_their_codes() -> None:
    quantizer, encoded = started(), vectors(1).requires_grad_()
    rounded, _, commitment = quantizer(encoded)
    (gradient,) = torch.autograd.grad(commitment, encoded)
    torch.testing.assert_close(gradient, 2 * (encoded - rounded).detach() / encoded.numel())


def test_rounding_changes_nothing_and_is_fp32_under_autocast() -> None:
    quantizer = started()
    before = {name: value.clone() for name, value in quantizer.state_dict().items()}
    expected = quantizer(vectors(1).bfloat16().float())
    with torch.autocast("cpu", torch.bfloat16):
        found = quantizer(vectors(1).bfloat16())
    assert found[0].dtype == torch.float32
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    assert all(torch.equal(value, before[name]) for name, value in quantizer.state_dict().items())
    assert before.keys() == {"codebook", "counts", "sums"}  # the whole state is saved with the weights


def test_near_codes_are_told_apart_under_autocast() -> None:
    quantizer = VectorQuantizer(2, 1)
    quantizer.codebook.copy_(torch.tensor([[10.0], [10.01]]))  # one number in bfloat16
    with torch.autocast("cpu", torch.bfloat16):
        codes = quantizer(torch.tensor([9.99, 10.02]).view(2, 1, 1, 1))[1]
    assert codes.flatten().tolist() == [0, 1]


def test_a_codebook_of_which_next_to_nothing_is_in_use_starts_again_at_once() -> None:
    quantizer = started(codes=30, restart_below=0.05)
    moved = (
        vectors(1) + 20
    )  # an encoder that has left the codes behind: the outermost one is the nearest for nearly all
    figures = quantizer.update(moved, quantizer(moved)[1])
    assert figures["perplexity"] < 3
    assert figures["restarted"] >= 27
    again = quantizer(moved)[1]
    assert perplexity(again.flatten().bincount(minlength=30).float()) > 15
    kept = started(codes=30)  # with restart_below=0
    assert kept.update(moved, kept(moved)[1])["restarted"] == 0


def test_codes_that_an_iteration_does_not_use_stay_where_others_are_in_use() -> None:
    quantizer = started(codes=30, restart_below=0.05)
    few = vectors(1)[:1, :, :2]  # 10 vectors for 30 codes
    codes = quantizer(few)[1]
    assert 3 < len(codes.unique()) < 30
    assert quantizer.update(few, codes)["restarted"] == 0


def test_the_codebook_follows_as_a_naive_loop_does() -> None:
    quantizer = started(decay=0.9)
    counts, sums = quantizer.counts.tolist(), [row.clone() for row in quantizer.sums]
    for seed in range(1, 5):
        encoded = vectors(seed)
        codes = quantizer(encoded)[1]
        for code in range(6):
            members = [encoded[n, :, i, j] for n, i, j in (codes == code).nonzero().tolist()]
            counts[code] = 0.9 * counts[code] + 0.1 * len(members)
            sums[code] = 0.9 * sums[code] + 0.1 * sum(members, torch.zeros(3))
        quantizer.update(encoded, codes)
        expected = torch.stack([total / count for total, count in zip(sums, counts, strict=True)])
        torch.testing.assert_close(quantizer.codebook, expected)


def test_the_first_update_draws_all_codes_from_its_vectors() -> None:
    quantizer = started(codes=6)
    rows = vectors(0).permute(0, 2, 3, 1).reshape(-1, 3)
    found = distances(quantizer.codebook, rows)
    assert (found.min(dim=1).values < 1e-5).all()
    assert len(set(found.argmin(dim=1).tolist())) == 6  # not one of them twice
    # more codes than vectors: each vector is taken as often as the others
    torch.manual_seed(0)
    many = VectorQuantizer(90, 3)
    many.update(vectors(0), many(vectors(0))[1])
    nearest = distances(many.codebook, rows).argmin(dim=1).bincount(minlength=40)
    assert sorted(nearest.tolist()) == [2] * 30 + [3] * 10


def test_dead_codes_start_again_and_live_ones_stay() -> None:
    quantizer = started(codes=6, restart_below=0.3, decay=0.5)
    quantizer.codebook[2] = 1e3  # so far off that nothing is rounded to it
    quantizer.sums[2] = 1e3 * quantizer.counts[2]
    restarted = []
    for seed in range(1, 4):
        encoded = vectors(seed)
        codes = quantizer(encoded)[1]
        expected = quantizer.counts * 0.5 + 0.5 * codes.flatten().bincount(minlength=6)
        dead = expected < 0.3 * expected.mean()
        restarted.append(quantizer.update(encoded, codes)["restarted"].item())
        assert restarted[-1] == dead.sum()
        rows = encoded.permute(0, 2, 3, 1).reshape(-1, 3)
        near = distances(quantizer.codebook, rows).min(dim=1).values < 1e-5
        assert near[dead].all()
        torch.testing.assert_close(quantizer.counts, torch.where(dead, 40 / 6, expected))
        torch.testing.assert_close(quantizer.codebook * quantizer.counts[:, None], quantizer.sums)
    assert sum(restarted) > 0
    assert (quantizer.codebook.abs() < 10).all()


def test_without_restarts_a_dead_code_stays_where_it_was() -> None:
    quantizer = started(codes=6, restart_below=0.0, decay=0.5)
    quantizer.codebook[2] = 1e3
    quantizer.sums[2] = 1e3 * quantizer.counts[2]
    for seed in range(1, 300):
        encoded = vectors(seed, images=1)
        quantizer.update(encoded, quantizer(encoded)[1])
    assert quantizer.counts[2] < 1e-30
    torch.testing.assert_close(quantizer.codebook[2], torch.full((3,), 1e3))


def test_restarts_follow_the_generator() -> None:
    made = []
    for seed in (1, 1, 2):
        quantizer = VectorQuantizer(6, 3)
        quantizer.codebook.zero_()
        torch.manual_seed(seed)
        quantizer.update(vectors(0), torch.zeros(2, 4, 5, dtype=torch.int64))
        made.append(quantizer.codebook)
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])


def test_perplexity_counts_the_codes_in_use() -> None:
    assert perplexity(torch.tensor([5.0, 5.0, 0.0, 0.0])).item() == pytest.approx(2)
    assert perplexity(torch.tensor([1.0, 0.0])).item() == pytest.approx(1)
    quantizer = started()
    codes = torch.zeros(2, 4, 5, dtype=torch.int64)
    codes[1] = 3
    assert quantizer.update(vectors(1), codes)["perplexity"].item() == pytest.approx(2)


def _one_of_two(rank: int, folder: str) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    torch.manual_seed(0)
    quantizer = VectorQuantizer(6, 3, 0.9, 0.3)
    torch.manual_seed(rank)  # each process draws its own noise
    for seed in range(3):
        encoded = torch.randn(4, 3, 4, 4, generator=torch.Generator().manual_seed(seed))[2 * rank : 2 * rank + 2]
        quantizer.update(encoded, quantizer(encoded)[1])
    torch.save(quantizer.state_dict(), f"{folder}/rank{rank}.pt")
    torch.distributed.barrier()  # a process that leaves while the other still talks to it aborts it
    torch.distributed.destroy_process_group()


def test_two_processes_keep_one_codebook_of_all_their_vectors(tmp_path: Path) -> None:
    multiprocessing.spawn(_one_of_two, (str(tmp_path),), nprocs=2)
    first, second = (torch.load(tmp_path / f"rank{rank}.pt") for rank in (0, 1))
    for name, value in first.items():
        assert torch.equal(value, second[name]), name
    assert first["counts"].sum().item() == pytest.approx(64)  # 4 images of 16 vectors, as one process would count
