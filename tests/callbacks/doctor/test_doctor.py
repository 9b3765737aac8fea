"""Runs made to fail, one for each diagnosis: the doctor finds what was done to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gan_lab.losses import Hinge, LeastSquares, NonSaturating, RelativisticPairing, Wasserstein
from gan_lab.models import GAN, VAE, CycleGAN, TrainingDivergedError
from tests.callbacks.doctor.patients import attend, diary, found, noise, single
from tests.models.fitting import Pointwise, TinyDiscriminator, adam

PIXELS = 64


class Drawer(nn.Module):
    """Noise to 8x8 pixels."""

    latents = 8

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, PIXELS))

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return self.layers(z).tanh().view(-1, 1, 8, 8)


class Shuffled(nn.Module):
    """As many latents as pixels, each shown as it is: pictures of noise, scaled."""

    latents = PIXELS

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return (self.scale * (z / 2**0.5).erf()).view(-1, 1, 8, 8)


def sgd(lr: float, **options: Any) -> Any:
    return lambda parameters: torch.optim.SGD(parameters, lr=lr, **options)


def gan(generator: nn.Module, generator_optimizer: Any, discriminator_optimizer: Any = None, **options: Any) -> GAN:
    discriminator = options.pop("discriminator", None) or TinyDiscriminator(PIXELS)
    return GAN(generator, discriminator, generator_optimizer, discriminator_optimizer or adam(1e-3), **options)


def test_a_loss_that_is_not_finite(tmp_path: Path) -> None:
    model = gan(Drawer(), adam(1e-3), sgd(1e30))
    with pytest.raises(TrainingDivergedError, match=r"layer discriminator\.h"):
        attend(model, tmp_path, 20, single(noise))
    finding = found(diary(tmp_path))["not finite"]
    assert "loss_" in finding["says"]
    assert "(layer discriminator." in finding["says"]
    assert "model.gradient_clip=1" in finding["advice"]
    assert finding["since"] == model.iteration + 1


class Sharp(Shuffled):
    """Its pictures are finite, its gradient is not: that of a root at 0."""

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return super().forward(z) + (0 * self.scale).abs().sqrt()


def test_a_gradient_that_is_not_finite_is_not_applied(tmp_path: Path) -> None:
    model = gan(Sharp(), adam(1e-3))
    with pytest.raises(TrainingDivergedError, match="a gradient was not finite at iteration 1"):
        attend(model, tmp_path, 20, single(noise))
    assert model.generator.scale.item() == 1  # type: ignore[union-attr, operator]
    assert "not finite" in found(diary(tmp_path))


@pytest.mark.parametrize("loss", [NonSaturating, Hinge, LeastSquares, RelativisticPairing])
def test_a_discriminator_that_is_never_wrong(loss: Any, tmp_path: Path) -> None:
    bright = single(lambda position: 0.7 + 0.2 * noise(position))
    contents = attend(gan(Drawer(), sgd(0.0), adversarial=loss()), tmp_path, 900, bright)
    finding = found(contents)["discriminator saturated"]
    assert finding["evidence"]["train/accuracy_d"] > 0.99
    assert "model.discriminator_optimizer.lr=0.0005" in finding["advice"]


def test_a_critic_that_nothing_holds(tmp_path: Path) -> None:
    contents = attend(gan(Drawer(), sgd(0.0), adam(1e-2), adversarial=Wasserstein()), tmp_path, 900, single(noise))
    assert "no Wasserstein distance" in found(contents)["discriminator saturated"]["says"]
    assert "model.penalties.gradient_penalty" in found(contents)["discriminator saturated"]["advice"]


def test_a_discriminator_that_learns_eight_photos_by_heart(tmp_path: Path) -> None:
    few = single(lambda position: noise(position % 8))
    others = single(lambda position: noise(position, seed=1))
    contents = attend(gan(Shuffled(), sgd(0.0)), tmp_path, 700, few, others)
    finding = found(contents)["discriminator overfits"]
    assert finding["evidence"]["doctor/overfitting"] > 0.5
    assert "model/augment=ada" in finding["advice"]


def test_a_generator_whose_weights_decay_to_nothing_collapses_and_is_stopped(tmp_path: Path) -> None:
    decaying = lambda parameters: torch.optim.AdamW(parameters, lr=1e-3, weight_decay=50.0)  # noqa: E731
    model = gan(Drawer(), decaying)
    with pytest.raises(TrainingDivergedError, match="few pictures over and over") as error:
        attend(model, tmp_path, 2200, single(noise))
    assert error.value.what == "mode collapse"
    assert 300 < error.value.since < 500 < 1800 < model.iteration < 2200  # it never had variety: it is given time
    assert "model.generator_optimizer.lr=0.0005" in found(diary(tmp_path))["mode collapse"]["advice"]


def test_a_generator_whose_outputs_saturate_has_no_gradient(tmp_path: Path) -> None:
    class Loud(Shuffled):
        def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
            return (1e6 * self.scale * z).tanh().view(-1, 1, 8, 8)

    contents = attend(gan(Loud(), sgd(1e-3)), tmp_path, 900, single(noise))
    assert found(contents)["vanishing gradient"]["evidence"]["doctor/gradient_g"] < 1e-7


def test_an_augmentation_that_cannot_be_seen_through_leaks(tmp_path: Path) -> None:
    side = torch.where(torch.arange(8) < 4, 0.5, -0.5).expand(1, 8, 8)

    class Flips(nn.Module):
        """Half of all images, real or fake: which way round they were, nobody can tell."""

        def forward(self, images: Tensor) -> Tensor:
            flipped = torch.rand(len(images)) < 0.5
            return torch.where(flipped[:, None, None, None], images.flip(-1), images)

    class Backwards(Shuffled):
        def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
            return 0.2 * super().forward(z) + side.flip(-1)

    photos, others = (single(lambda i, seed=seed: side + 0.2 * noise(i, seed)) for seed in (0, 1))  # type: ignore[misc]
    contents = attend(gan(Backwards(), adam(1e-3), augment=Flips()), tmp_path, 600, photos, others)
    assert found(contents)["augmentation leaks"]["evidence"]["doctor/leak"] > 0.6


def test_a_cycle_that_settles_on_negatives(tmp_path: Path) -> None:
    def negative() -> nn.Module:
        network = Pointwise()
        first, last = network.layers[0], network.layers[2]
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.zero_()
            first.weight[:2, 0, 0, 0] = torch.tensor([1.0, -1.0])  # type: ignore[index]
            last.weight[0, :2, 0, 0] = torch.tensor([-1.0, 1.0])  # type: ignore[index]
        return network

    model = CycleGAN(negative, lambda: TinyDiscriminator(PIXELS), adam(1e-4), adam(1e-4), lambda_identity=0.0)
    photos = lambda position: {"A": noise(position), "B": noise(position, seed=1)}  # noqa: E731
    finding = found(attend(model, tmp_path, 600, photos))["colours inverted"]
    assert "model.lambda_identity=1" in finding["advice"]


def test_a_generator_that_leaves_gaps_between_its_pixels(tmp_path: Path) -> None:
    class Gaps(nn.Module):
        latents = 16

        def __init__(self) -> None:
            super().__init__()
            self.level = nn.Conv2d(1, 1, 1)

        def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
            values = self.level(z.view(-1, 1, 4, 4)).tanh().abs()
            return nn.functional.conv_transpose2d(values, torch.ones(1, 1, 1, 1), stride=2, output_padding=1)

    smooth = lambda position: 0.6 + 0.3 * noise(position, size=1).expand(1, 8, 8)  # noqa: E731
    contents = attend(gan(Gaps(), adam(1e-4)), tmp_path, 600, single(smooth))
    assert found(contents)["checkerboard"]["evidence"]["doctor/grid"] > 8


class Point(nn.Module):
    """The generator of the Dirac-GAN: one point, whatever the noise."""

    latents = 1

    def __init__(self) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.ones(()))

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return self.theta + 0.0 * z.view(-1, 1, 1, 1)


class Line(nn.Module):
    """Its discriminator."""

    def __init__(self) -> None:
        super().__init__()
        self.psi = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        return self.psi * x.flatten()


def test_a_dirac_gan_goes_round_in_circles(tmp_path: Path) -> None:
    """Mescheder et al. 2018, arXiv:1801.04406, section 3: without a penalty it never arrives."""
    model = gan(Point(), sgd(0.05), sgd(0.05), discriminator=Line(), adversarial=Wasserstein(), ema_half_life=None)
    model.probe = lambda batch: []  # type: ignore[method-assign]  # a point has no pictures
    zeros = single(lambda position: torch.zeros(1, 1, 1))
    finding = found(attend(model, tmp_path, 1300, zeros))["oscillation"]
    assert finding["evidence"]["period"] == pytest.approx(torch.pi / 0.05, rel=0.1)


def test_a_run_that_gets_no_better(tmp_path: Path) -> None:
    model = gan(Drawer(), sgd(0.0), sgd(0.0))
    finding = found(attend(model, tmp_path, 400, single(noise), validate_every=25))["plateau"]
    assert finding["since"] == 25
    assert "best.ckpt" in finding["advice"]


def test_a_vae_that_pays_too_much_for_its_latents(tmp_path: Path) -> None:
    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Linear(PIXELS, 16)

        def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
            mu, logvar = self.layers(image.flatten(1)).chunk(2, 1)
            return mu, logvar

    model = VAE(Encoder(), Drawer(), adam(1e-2), lambda_kl=10.0)
    contents = attend(model, tmp_path, 900, single(noise))
    assert "model.kl_warm_up=0.3" in found(contents)["posterior collapse"]["advice"]
    assert "mode collapse" not in found(contents)


class Still(Shuffled):
    """One grey picture for every latent, but for what no eye sees."""

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return 0.01 * super().forward(z)


def test_a_run_that_draws_no_thing_is_not_called_healthy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos = single(noise)
    drawing = attend(gan(Shuffled(), sgd(0.0)), tmp_path / "drawing", 400, photos, validate_every=200)
    assert drawing["verdict"] == "healthy"
    assert drawing["figures"]["val/recall_efficientnet_lite1"] > 0.05
    unseen = attend(gan(Shuffled(), sgd(0.0)), tmp_path / "unseen", 400, photos)
    assert unseen["verdict"] == "no fault found; its samples have not been compared with held-out photos"
    nothing = attend(gan(Still(), sgd(0.0)), tmp_path / "early", 400, photos, validate_every=200)
    assert nothing["verdict"] == "no fault found, but its samples share no features with photos yet (recall 0.00)"
    monkeypatch.setattr("gan_lab.callbacks.doctor.diagnoses.DRAWN_BY", 400)
    contents = attend(gan(Still(), sgd(0.0)), tmp_path / "late", 400, photos, validate_every=200)
    finding = found(contents)["nothing drawn"]
    assert finding["since"] == 200
    assert "the samples share no features with photos: recall 0.00 after 400 iterations" in contents["verdict"]
