"""The VAE's bound, and that it learns."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from lightning.pytorch import Callback
from torch import Tensor, nn

from gan_lab.errors import UserError
from gan_lab.models import VAE
from gan_lab.networks import ConvDecoder, ConvEncoder
from gan_lab.rng import draw_seeded_noise
from tests.models.fitting import adam, fit, unpack


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


def test_an_encoder_and_a_decoder_of_two_minds_are_refused() -> None:
    with pytest.raises(UserError, match=r"model.decoder.latents=3: the encoder gives 2"):
        VAE(ConvEncoder(32, latents=2, widths=(4, 8)), ConvDecoder(32, latents=3, widths=(4, 8)), adam())


def test_learns_to_reconstruct_and_to_sample_both_kinds() -> None:
    torch.manual_seed(0)
    model = VAE(Encoder(), Decoder(), adam(5e-3, (0.9, 0.999)), lambda_kl=0.02)
    terms = fit(model, stripes, 800)
    assert terms[-1]["kl"] > 0.3  # one bit is 0.69: the latents carry which kind it is
    held_out = stripes(10_000)["image"]
    assert (model.reconstruct(held_out) - held_out).square().mean() < 0.02
    samples = model.generate(draw_seeded_noise(400, 2))
    kinds = [stripes(0)["image"][stripes(0)["label"] == w].mean(0) for w in (0, 1)]
    distances = torch.stack([(samples - kind).square().mean((1, 2, 3)) for kind in kinds])
    close = distances.min(0)
    assert (close.values < 0.05).float().mean() > 0.6
    assert 0.25 < (close.indices == 0).float().mean() < 0.75


def test_the_bound_by_hand() -> None:
    model = VAE(Encoder(), Decoder(), adam(), lambda_kl=0.5)
    image, noise = stripes(0)["image"], torch.randn(32, 2)
    loss, terms, _ = unpack(model.loss({"image": image, "noise": noise}))
    mu, logvar = model.encoder(image)
    rec = model.decoder(mu + (logvar / 2).exp() * noise)
    kl = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(1).mean()
    torch.testing.assert_close(loss, (rec - image).square().mean() + 0.5 * kl)
    assert terms.keys() == {"loss", "loss_reconstruction", "kl", "active_units"}


def test_options_out_of_range_are_refused(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for option, value, message in (
        ("reconstruction", "mae", r"model\.reconstruction=mae: needs one of mse, l1, bce"),
        ("kl_warm_up", 1.5, r"model\.kl_warm_up=1\.5: needs a share"),
        ("free_bits", -1.0, r"model\.free_bits=-1\.0: needs nats"),
        ("lambda_perceptual", 1.0, r"vgg19-dcbb9e9d\.pth"),
    ):
        with pytest.raises(UserError, match=message):
            VAE(Encoder(), Decoder(), adam(), **{option: value})


# ------------------------------------------------------------------------------------------------ the KL term


@pytest.mark.parametrize(("progress", "weight"), [(0.0, 0.0), (0.125, 1.0), (0.25, 2.0), (0.5, 4.0), (1.0, 4.0)])
def test_the_weight_warms_up(progress: float, weight: float) -> None:
    model = VAE(Encoder(), Decoder(), adam(), lambda_kl=4.0, kl_warm_up=0.5)
    model.progress = progress
    assert model.kl_weight() == pytest.approx(weight)
    draw = model.draw_inputs(stripes(0))
    loss, terms, _ = unpack(model.loss(draw))
    torch.testing.assert_close(loss.detach(), terms["loss_reconstruction"] + weight * terms["kl"])
    # validation compares the whole objective, or the first iterations would be the best ones
    draw = model.make_held_out_inputs(stripes(0)["image"], 0)
    loss, terms, _ = unpack(model.loss(draw))
    torch.testing.assert_close(loss.detach(), terms["loss_reconstruction"] + 4.0 * terms["kl"])


def test_without_a_warm_up_the_weight_is_whole_from_the_start() -> None:
    model = VAE(Encoder(), Decoder(), adam(), lambda_kl=4.0)
    assert model.kl_weight() == 4.0


def test_a_resumed_run_warms_up_where_it_stopped() -> None:
    class Weights(Callback):
        def __init__(self) -> None:
            self.seen: list[float] = []

        def on_train_batch_end(self, trainer: Any, pl_module: Any, *args: Any) -> None:
            self.seen.append(pl_module.kl_weight())

    straight, rest = Weights(), Weights()
    fit(VAE(Encoder(), Decoder(), adam(), lambda_kl=1.0, kl_warm_up=1.0), stripes, 4, straight)
    assert straight.seen == pytest.approx([0, 0.25, 0.5, 0.75])
    resumed = VAE(Encoder(), Decoder(), adam(), lambda_kl=1.0, kl_warm_up=1.0)
    resumed.on_load_checkpoint({"clock": {"iteration": 2, "progress": 0.5}, "ranks": []})
    assert resumed.kl_weight() == 0.5  # from the checkpoint, before any iteration
    fit(resumed, stripes, 4, rest)
    assert rest.seen == straight.seen[2:]


def test_free_bits_are_in_the_objective_and_not_in_the_figure() -> None:
    model = VAE(Encoder(), Decoder(), adam(), lambda_kl=1.0, free_bits=100.0)
    loss, terms, _ = unpack(model.loss({"image": stripes(0)["image"], "noise": torch.zeros(32, 2)}))
    torch.testing.assert_close(loss.detach(), terms["loss_reconstruction"] + 2 * 100.0)
    assert terms["kl"] < 100
    loss.backward()
    head = model.encoder.layers[-1]
    assert head.weight.grad[2:].abs().sum() == 0  # no noise, so that logvar is in the KL term alone


class Fixed(nn.Module):
    """The same mu for every image."""

    def __init__(self, mu: list[float]) -> None:
        super().__init__()
        self.mu = nn.Parameter(torch.tensor(mu))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.mu.expand(len(x), -1), torch.zeros(len(x), len(self.mu))


def test_active_units_are_those_that_carry_information() -> None:
    decoder = nn.Sequential(nn.Linear(4, 16), nn.Unflatten(1, (1, 4, 4)))
    decoder.latents = 4  # type: ignore[assignment]
    model = VAE(Fixed([0.0, 0.1, 0.2, 2.0]), decoder, adam())  # KL of 0, 0.005, 0.02 and 2
    terms = model.loss(model.draw_inputs(stripes(0))).terms
    assert terms["active_units"].item() == 0.5


def test_validation_is_the_mean_over_images_however_they_are_batched() -> None:
    model = VAE(Encoder(), Decoder(), adam())
    image, label = stripes(0)["image"], stripes(0)["label"]
    image[25:] *= 5
    parts = [{"image": image[:25], "label": label[:25]}, {"image": image[25:], "label": label[25:]}]
    figures = model.validate(parts)
    whole = model.validate([{"image": image, "label": label}])
    assert figures["val/kl"] == pytest.approx(whole["val/kl"], rel=1e-5)  # the term that takes no noise
    assert {"val/loss", "val/loss_reconstruction", "val/active_units", "val/kid_efficientnet_lite1"} <= figures.keys()


def test_encode_gives_the_mean_and_leaves_the_mode() -> None:
    encoder = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(16), nn.Linear(16, 4))
    halves = lambda x: encoder(x).chunk(2, dim=1)  # noqa: E731

    class Halves(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, x: Tensor) -> Any:
            return halves(x)

    model = VAE(Halves(), Decoder(), adam())
    image = stripes(0)["image"]
    z = model.encode(image)
    assert encoder.training
    assert encoder[1].num_batches_tracked == 0
    encoder.eval()
    torch.testing.assert_close(z, halves(image)[0].detach())
    torch.testing.assert_close(model.reconstruct(image), model.generate(z))


def test_micro_batches_give_the_update_of_the_whole_batch() -> None:
    made = []
    for micro_batches in (1, 4):
        torch.manual_seed(0)
        model = VAE(Encoder(), Decoder(), adam(), micro_batches=micro_batches)
        fit(model, stripes, 3)
        made.append(list(model.parameters()))
    for a, b in zip(*made, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
