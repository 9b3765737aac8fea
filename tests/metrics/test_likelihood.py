"""The bound, against a model whose likelihood is known: x = W z + b + noise, with orthogonal columns of W."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from gan_lab.metrics import negative_elbo
from gan_lab.metrics.likelihood import log_normal

SIGMA = 0.2
W = torch.linalg.qr(torch.randn(12, 2, generator=torch.Generator().manual_seed(0)).double()).Q * torch.tensor(
    [0.3, 0.5]
)
B = torch.linspace(0.3, 0.7, 12).double()


def decoder(z: Tensor) -> Tensor:
    return ((z.double() @ W.T + B) * 2 - 1).view(-1, 3, 2, 2)


def posterior(image: Tensor) -> tuple[Tensor, Tensor]:
    """The exact one: its covariance is diagonal because W's columns are orthogonal."""
    precision = 1 + W.square().sum(0) / SIGMA**2
    mu = ((image.double().flatten(1) + 1) / 2 - B) @ W / SIGMA**2 / precision
    return mu, (-precision.log()).expand_as(mu)


def prior(image: Tensor) -> tuple[Tensor, Tensor]:
    return torch.zeros(len(image), 2), torch.zeros(len(image), 2)


def images(count: int = 20) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    z, noise = torch.randn(count, 2, generator=generator), torch.randn(count, 12, generator=generator)
    return decoder(z) + 2 * SIGMA * noise.view(-1, 3, 2, 2)


def exact(image: Tensor) -> float:
    """The negative log likelihood in nats, averaged over images."""
    covariance = W @ W.T + SIGMA**2 * torch.eye(12).double()
    normal = torch.distributions.MultivariateNormal(B, covariance)
    return -normal.log_prob((image.double().flatten(1) + 1) / 2).mean().item()


def test_with_the_exact_posterior_every_weighted_draw_is_the_likelihood() -> None:
    for samples in (1, 3):
        found = negative_elbo(posterior, decoder, [images()], sigma=SIGMA, samples=samples, importance=True)
        assert found.nats == pytest.approx(exact(images()), abs=1e-5)
        assert found.bits_per_dim == pytest.approx(exact(images()) / 12 / math.log(2), abs=1e-5)


def test_with_the_exact_posterior_the_bound_is_the_likelihood() -> None:
    found = negative_elbo(posterior, decoder, [images()], sigma=SIGMA, samples=2000)
    assert found.nats == pytest.approx(exact(images()), abs=0.02)


def test_with_the_prior_the_bound_is_off_by_the_divergence_and_importance_mends_it() -> None:
    image = images()
    mu, logvar = posterior(image)
    exact_posterior = torch.distributions.Normal(mu, (logvar / 2).exp())
    standard = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
    gap = torch.distributions.kl_divergence(standard, exact_posterior).sum(1).mean().item()
    loose = negative_elbo(prior, decoder, [image], sigma=SIGMA, samples=1000).nats
    assert gap > 5
    assert loose == pytest.approx(exact(image) + gap, rel=0.05)
    tight = [
        negative_elbo(prior, decoder, [image], sigma=SIGMA, samples=k, importance=True).nats for k in (1, 10, 4000)
    ]
    assert loose * 1.3 > tight[0] > tight[1] > tight[2]
    assert tight[2] == pytest.approx(exact(image), abs=0.05)


def test_sigma_is_on_the_unit_scale_and_its_constant_counts() -> None:
    image = torch.zeros(2, 3, 4, 4)
    half_off = negative_elbo(prior, lambda z: torch.full((len(z), 3, 4, 4), 0.2), [image])  # 0.1 off on [0, 1]
    by_hand = 48 * (0.5 * math.log(2 * math.pi * 0.1**2) + 0.5)
    assert half_off.nats == pytest.approx(by_hand, rel=1e-5)
    assert half_off.standard_error == pytest.approx(0, abs=1e-9)


def test_the_draws_follow_the_seed_and_not_the_batches() -> None:
    bound: Callable[..., tuple[float, ...]] = lambda batches, seed=0: negative_elbo(  # noqa: E731
        prior, decoder, batches, sigma=SIGMA, samples=2, seed=seed
    )
    whole = bound([images()])
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    assert bound(images().split(7)) == pytest.approx(whole, rel=1e-9)
    assert torch.equal(torch.rand(1), expected)
    assert bound([images()], seed=1)[0] != pytest.approx(whole[0], rel=1e-9)


def test_the_standard_error_is_that_of_the_mean_over_images() -> None:
    single = [negative_elbo(posterior, decoder, [image[None]], sigma=SIGMA, importance=True) for image in images()]
    values = torch.tensor([part.nats for part in single])
    found = negative_elbo(posterior, decoder, [images()], sigma=SIGMA, importance=True)
    assert found.standard_error == pytest.approx((values.std() / 20**0.5).item(), rel=1e-4)
    assert math.isnan(single[0].standard_error)


def test_modules_are_evaluated_and_left_in_their_mode() -> None:
    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm2d(3)

        def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
            return self.norm(image).flatten(1)[:, :2], torch.zeros(len(image), 2)

    encoder = Encoder()
    negative_elbo(encoder, decoder, [images().float()])
    assert encoder.training
    assert encoder.norm.num_batches_tracked == 0


def test_log_normal_against_torch() -> None:
    x, mean, logvar = (torch.randn(4, 3, 2, generator=torch.Generator().manual_seed(seed)) for seed in range(3))
    expected = torch.distributions.Normal(mean, (logvar / 2).exp()).log_prob(x).flatten(1).sum(1)
    torch.testing.assert_close(log_normal(x, mean, logvar), expected)


@pytest.mark.parametrize("options", [{"sigma": 0.0}, {"samples": 0}])
def test_nonsense_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"sigma=.*samples="):
        negative_elbo(prior, decoder, [images()], **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no images"):
        negative_elbo(prior, decoder, [])
