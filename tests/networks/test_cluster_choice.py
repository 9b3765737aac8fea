from __future__ import annotations

import pytest
import torch

from gan_lab.errors import UserError
from gan_lab.networks import ClusterChoice, SkipGenerator


def choose() -> ClusterChoice:
    """Return a choice of four clusters at most, of which three were found, one of them without photos."""
    choice = ClusterChoice(4, dimensions=2)
    centres = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    choice.set_clusters(centres, torch.zeros(3, dtype=torch.int64), torch.tensor([60, 0, 20]))
    return choice


def choose_by_class() -> ClusterChoice:
    """Return a choice of five clusters: one of the first class, three of the second, of which one has no photos."""
    choice = ClusterChoice(6, classes=2, dimensions=2)
    choice.set_clusters(torch.rand(5, 2), torch.tensor([1, 0, 1, 1, 1]), torch.tensor([30, 50, 10, 0, 10]))
    return choice


def test_latents_stand_for_clusters_as_often_as_their_shares() -> None:
    z = torch.randn(8000, 5, generator=torch.Generator().manual_seed(0))
    found = choose()(z).bincount(minlength=4) / len(z)
    torch.testing.assert_close(found, torch.tensor([0.75, 0.0, 0.25, 0.0]), atol=0.02, rtol=0)
    even = ClusterChoice(4)(z).bincount(minlength=4) / len(z)
    torch.testing.assert_close(even, torch.full((4,), 0.25), atol=0.02, rtol=0)


def test_a_scaled_latent_stays_in_its_cluster_and_no_angle_is_without() -> None:
    choice = choose()
    z = torch.randn(500, 3)
    assert torch.equal(choice(z), choice(0.3 * z))
    edges = torch.tensor([[-1.0, 0.0], [-1.0, -0.0], [0.0, 0.0], [1.0, 0.0]])
    assert set(choice(edges).tolist()) <= {0, 2}


def test_a_latent_is_turned_into_a_cluster_and_keeps_its_length() -> None:
    choice, z, clusters = choose(), torch.randn(1000, 6), torch.tensor([0, 2]).repeat(500)
    turned = choice.turn(z, clusters)
    assert torch.equal(choice(turned), clusters)
    assert torch.equal(turned[:, 2:], z[:, 2:])
    torch.testing.assert_close(turned.norm(dim=1), z.norm(dim=1))


def test_what_was_found_is_saved() -> None:
    choice, other = choose(), ClusterChoice(4, dimensions=2)
    assert choice.centres.shape == (3, 2)
    assert not len(other.centres)
    other.load_state_dict(choice.state_dict())
    assert torch.equal(other.centres, choice.centres)
    assert torch.equal(other(torch.ones(1, 3)), choice(torch.ones(1, 3)))


def test_a_generator_with_clusters_has_a_mode_for_each() -> None:
    generator = SkipGenerator(32, latents=4, width=2, clusters=3).eval()
    z = torch.tensor([[1.0, 0.5, 0.3, 0.2]])
    torch.nn.init.zeros_(generator.embedding.weight)  # type: ignore[union-attr]
    before = generator(z)
    cluster = int(generator.choice(z))  # type: ignore[misc]
    with torch.no_grad():
        generator.embedding.weight[(cluster + 1) % 3] = 1  # type: ignore[union-attr, index]
    assert torch.equal(generator(z), before)
    with torch.no_grad():
        generator.embedding.weight[cluster] = 1  # type: ignore[union-attr, index]
    assert not torch.equal(generator(z), before)
    assert generator(z, torch.tensor([(cluster + 1) % 3])).equal(generator(z))  # a label does not choose


def test_a_class_has_its_own_clusters_by_their_shares() -> None:
    choice, z = choose_by_class(), torch.randn(8000, 3, generator=torch.Generator().manual_seed(0))
    assert set(choice(z, torch.zeros(8000, dtype=torch.int64)).tolist()) == {1}
    shares = choice(z, torch.ones(8000, dtype=torch.int64)).bincount(minlength=6) / 8000
    torch.testing.assert_close(shares, torch.tensor([0.6, 0, 0.2, 0, 0.2, 0]), atol=0.02, rtol=0)
    clusters = torch.tensor([0, 1, 2, 4]).repeat(100)
    turned = choice.turn(z[:400], clusters)
    assert torch.equal(choice(turned, choice.owners[clusters]), clusters)


def test_a_generator_with_classes_draws_the_clusters_of_a_label() -> None:
    generator = SkipGenerator(32, latents=4, width=2, classes=2, clusters=6).eval()
    generator.choice = choose_by_class()
    z = torch.randn(1, 4)
    with torch.no_grad():
        before = [generator(z, torch.tensor([label])) for label in (0, 1)]
        generator.embedding.weight[1] += 1  # type: ignore[union-attr, operator]
        after = [generator(z, torch.tensor([label])) for label in (0, 1)]
    assert not torch.equal(before[0], after[0])
    assert torch.equal(before[1], after[1])


@pytest.mark.parametrize("options", [{"classes": 4}, {"latents": 1}])
def test_clusters_are_as_many_as_classes_at_least_and_need_two_latents(options: dict[str, int]) -> None:
    with pytest.raises(UserError, match=r"^model.generator.clusters=3: "):
        SkipGenerator(32, clusters=3, **options)
