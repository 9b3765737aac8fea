"""The VAE's bound, and that it learns."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from gan_lab.models import VAE
from gan_lab.models.gan import seeded_noise
from tests.models.fitting import adam, fit


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mu, logvar = self.layers(x).chunk(2, dim=1)
        return mu, logvar


class Decoder(nn.Module):
    latents = 2

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 16), nn.Tanh())

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z).view(-1, 1, 4, 4)


def stripes(iteration: int) -> dict[str, Tensor]:
    """Images of vertical or horizontal stripes, half and half."""
    generator = torch.Generator().manual_seed(iteration)
    vertical = torch.tensor([0.8, -0.8, 0.8, -0.8]).expand(4, 4)
    which = torch.randint(0, 2, (32,), generator=generator)
    images = torch.stack([vertical if w else vertical.T for w in which])[:, None]
    return {"image": images + 0.05 * torch.randn(32, 1, 4, 4, generator=generator), "label": which}


def test_learns_to_reconstruct_and_to_sample_both_kinds() -> None:
    torch.manual_seed(0)
    model = VAE(Encoder(), Decoder(), adam(5e-3, (0.9, 0.999)), lambda_kl=0.02)
    terms = fit(model, stripes, 800)
    assert terms[-1]["kl"] > 0.3  # one bit is 0.69: the latents carry which kind it is
    held_out = stripes(10_000)["image"]
    assert (model.reconstruct(held_out) - held_out).square().mean() < 0.02
    samples = model.generate(seeded_noise(400, 2))
    kinds = [stripes(0)["image"][stripes(0)["label"] == w].mean(0) for w in (0, 1)]
    distances = torch.stack([(samples - kind).square().mean((1, 2, 3)) for kind in kinds])
    close = distances.min(0)
    assert (close.values < 0.05).float().mean() > 0.6
    assert 0.25 < (close.indices == 0).float().mean() < 0.75


def test_the_bound_by_hand() -> None:
    model = VAE(Encoder(), Decoder(), adam(), lambda_kl=0.5)
    image, noise = stripes(0)["image"], torch.randn(32, 2)
    loss, terms = model.loss({"image": image, "noise": noise})[:2]
    mu, logvar = model.encoder(image)
    rec = model.decoder(mu + (logvar / 2).exp() * noise)
    kl = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(1).mean()
    torch.testing.assert_close(loss, (rec - image).square().mean() + 0.5 * kl)
    assert terms.keys() == {"loss", "loss_reconstruction", "kl"}


@pytest.mark.parametrize("reconstruction", ["mse", "l1"])
def test_reconstruction_by_name(reconstruction: str) -> None:
    model = VAE(Encoder(), Decoder(), adam(), reconstruction=reconstruction, lambda_kl=0.0)  # type: ignore[arg-type]
    image = stripes(0)["image"]
    loss = model.loss({"image": image, "noise": torch.zeros(32, 2)})[0]
    difference = model.reconstruct(image) - image
    expected = difference.square().mean() if reconstruction == "mse" else difference.abs().mean()
    torch.testing.assert_close(loss.detach(), expected)


def test_micro_batches_give_the_update_of_the_whole_batch() -> None:
    made = []
    for micro_batches in (1, 4):
        torch.manual_seed(0)
        model = VAE(Encoder(), Decoder(), adam(), micro_batches=micro_batches)
        fit(model, stripes, 3)
        made.append(list(model.parameters()))
    for a, b in zip(*made, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("photos", [1, 5, 8, 11, 16])
def test_a_reconstruction_stands_below_its_photo(photos: int) -> None:
    model = VAE(Encoder(), Decoder(), adam())
    real = stripes(0)["image"][:photos]
    pictures, columns = model.sample_grid({"image": real})
    whole = photos if photos < 8 else photos - photos % 8
    assert columns == min(photos, 8)
    assert len(pictures) == 2 * whole + 4 * columns
    rec = model.reconstruct(real)
    for index in range(whole):
        place = index // columns * 2 * columns + index % columns
        assert torch.equal(pictures[place], real[index])
        torch.testing.assert_close(pictures[place + columns], rec[index])
