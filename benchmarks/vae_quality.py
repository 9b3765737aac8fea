"""Train a plain VAE and this project's for the same minutes on the same photos, and compare them on photos held out.

    python -m benchmarks.vae_quality --root /photos/products --minutes 20 --work runs/vae_quality [--json out.json]

The plain side is the convolutional VAE that most examples share (PyTorch-VAE's network and settings: 64x64, 128 latents, widths
32 to 512, Adam, fp32, NCHW, eager, two workers that decode each epoch anew), once with its own weight of the KL term, 0.00025,
and once with the weight that makes its loss the bound that is measured. So is gan_lab's. Measured on the test photos:
the negative evidence lower bound under one decoder distribution for all, N(decoder(z), 0.1^2) on the [0, 1] scale, in nats a
photo and in bits a value, the PSNR of reconstructions from the mean of the latents, and the kernel distance of as many samples
in the features of EfficientNet-Lite2 trained on ImageNet, by which nothing is trained and nothing chosen (ADR 33). Minutes are
wall clock; preparation does not count for either side. What `--work` holds is not trained again.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from benchmarks.contest import JUDGE_NAME, begin, parser, photo_batches, trained, write
from benchmarks.tutorial_dcgan import photos
from gan_lab.evaluation.extractors import JUDGE_KEY, choose_extractor
from gan_lab.metrics import kernel_distance, negative_elbo, psnr, to_uint8
from gan_lab.photo_files import grid, write_png
from gan_lab.rng import draw_seeded_noise

SIZE, LATENTS, BATCH, SIGMA = 64, 128, 64, 0.1
USUAL = 2.5e-4
#: The weight that makes mean squared error on the [-1, 1] scale plus weight x KL the bound, but for its scale.
OF_THE_BOUND = 2 * (2 * SIGMA) ** 2 / (3 * SIZE**2)
RUNS = {
    "plain": USUAL,
    "plain, weight of the bound": OF_THE_BOUND,
    "gan_lab": USUAL,
    "gan_lab, weight of the bound": OF_THE_BOUND,
}


@dataclass(frozen=True)
class Result:
    """What a side reached on the test photos: nats a photo with their standard error, bits a value, dB, and KID of samples."""

    name: str
    trained: str
    nats: float
    error: float
    bits: float
    psnr: float
    kid: float


class PlainVAE(nn.Module):
    """The usual convolutional VAE. Source: github.com/AntixK/PyTorch-VAE, models/vanilla_vae.py, its layers and widths."""

    def __init__(self) -> None:
        super().__init__()
        widths = [3, 32, 64, 128, 256, 512]
        down: list[nn.Module] = []
        for i, o in pairwise(widths):
            down += [nn.Conv2d(i, o, 3, 2, 1), nn.BatchNorm2d(o), nn.LeakyReLU()]
        self.down = nn.Sequential(*down)
        self.mu, self.logvar = nn.Linear(512 * 4, LATENTS), nn.Linear(512 * 4, LATENTS)
        self.entry = nn.Linear(LATENTS, 512 * 4)
        up: list[nn.Module] = []
        for i, o in ((512, 256), (256, 128), (128, 64), (64, 32), (32, 32)):
            up += [nn.ConvTranspose2d(i, o, 3, 2, 1, output_padding=1), nn.BatchNorm2d(o), nn.LeakyReLU()]
        self.up = nn.Sequential(*up, nn.Conv2d(32, 3, 3, padding=1), nn.Tanh())

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.down(x).flatten(1)
        return self.mu(hidden), self.logvar(hidden)

    def decode(self, z: Tensor) -> Tensor:
        return self.up(self.entry(z).view(-1, 512, 2, 2))


def train_plain(root: Path, minutes: float, weight: float, seed: int) -> tuple[PlainVAE, int]:
    """Return the plain VAE, trained for so many minutes, and the iterations that they were enough for."""
    torch.manual_seed(seed)
    model = PlainVAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3 if weight == USUAL else 1e-3)
    loader = DataLoader(photos(root / "train", SIZE), batch_size=BATCH, shuffle=True, num_workers=2)
    start, iterations = time.monotonic(), 0
    while True:
        for x, _ in loader:
            mu, logvar = model.encode(x)
            rec = model.decode(mu + torch.randn_like(mu) * (0.5 * logvar).exp())
            kl = torch.mean(-0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp(), dim=1))
            loss = F.mse_loss(rec, x) + weight * kl
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            iterations += 1
            if time.monotonic() - start > 60 * minutes:
                return model.eval(), iterations


Networks = tuple[Callable[[Tensor], tuple[Tensor, Tensor]], Callable[[Tensor], Tensor], str]


def plain(name: str, weight: float, arguments: argparse.Namespace) -> Networks:
    """Return the plain side's encoder and decoder, trained, and how long."""
    file = arguments.work / f"{slug(name)}.pt"
    if not file.exists():
        model, iterations = train_plain(arguments.root, arguments.minutes, weight, arguments.seed)
        torch.save({"weights": model.state_dict(), "iterations": iterations}, file)
    saved, model = torch.load(file, weights_only=True), PlainVAE()
    model.load_state_dict(saved["weights"])
    model.eval()
    return model.encode, model.decode, f"{saved['iterations']} iterations"


def own(name: str, weight: float, arguments: argparse.Namespace) -> Networks:
    """Return the encoder and decoder of a run of gan_lab.train, and how long it trained."""
    options = [*data_options(arguments.root), f"model.lambda_kl={weight}", *arguments.override]
    model = trained(slug(name), options, arguments).model.eval()
    return model.encoder, model.decoder, f"{model.iteration} iterations"


def data_options(root: Path) -> list[str]:
    """Return what gan_lab is told of the model and the data."""
    return ["model=vae", f"data.root={root}", f"data.image_size={SIZE}"]


def slug(name: str) -> str:
    """Return a name as that of a file."""
    return name.replace(",", "").replace(" ", "_")


def results(arguments: argparse.Namespace) -> Iterator[Result]:
    """Yield each side when it has trained."""
    batches = photo_batches("test", data_options(arguments.root))
    extractor = choose_extractor(JUDGE_KEY, torch.device("cpu"))
    photos_seen = torch.cat([extractor(image)[0] for image in batches])
    for name, weight in RUNS.items():
        encode, decode, length = (plain if name.startswith("plain") else own)(name, weight, arguments)
        evidence = negative_elbo(encode, decode, batches, sigma=SIGMA, samples=4)
        with torch.no_grad():
            rec = torch.cat([decode(encode(image)[0]) for image in batches]).float()
            noise = draw_seeded_noise(len(photos_seen), LATENTS)
            samples = torch.cat([extractor(decode(z).float())[0] for z in noise.split(BATCH)])
        truth = torch.cat(batches)
        pairs = torch.cat([torch.cat([truth[i : i + 8], rec[i : i + 8]]) for i in range(0, 32, 8)])
        write_png(arguments.work / f"{slug(name)}.png", grid(to_uint8(pairs).permute(0, 2, 3, 1).numpy(), 8))
        figure = psnr(to_uint8(rec), to_uint8(truth)).mean().item()
        distance = kernel_distance(photos_seen, samples, subsets=None)[0]
        yield Result(name, length, evidence.nats, evidence.standard_error, evidence.bits_per_dim, figure, distance)


def main() -> None:
    """Train, measure, print."""
    options = parser(__doc__, "the photos, with train/, val/ and test/")
    options.add_argument("--override", nargs="*", default=[], help="more of gan_lab.train's options")
    arguments = options.parse_args()
    begin(arguments)
    made = Table(title=f"Test photos under N(decoder(z), {SIGMA}^2); lower is better but for PSNR")
    samples = f"KID x 1000 of samples ({JUDGE_NAME})"
    for column in ("", "trained", "-ELBO, nats a photo", "bits a value", "PSNR, dB", samples):
        made.add_column(column)
    found = []
    for each in results(arguments):
        found.append(each)
        nats = f"{each.nats:.0f} ± {1.96 * each.error:.0f}"
        made.add_row(each.name, each.trained, nats, f"{each.bits:.3f}", f"{each.psnr:.2f}", f"{1000 * each.kid:.0f}")
    Console(width=120).print(made)
    write(found, made, arguments)


if __name__ == "__main__":
    main()
