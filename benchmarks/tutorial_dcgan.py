"""Train a DCGAN as PyTorch's tutorial does, for so many minutes, and write samples: the baseline of generate_quality.py.

    python -m benchmarks.tutorial_dcgan --photos /photos/products/train --minutes 20 --out samples.npy [--size 64] [--n 1705]

fp32, NCHW, eager, batch 128, Adam at 2e-4 with betas (0.5, 0.999), normal initialisation of 0.02, binary cross-entropy, two
workers that decode each epoch anew; no averaging, no flips. `--photos` is a folder of class folders, or of the IDX files of
Fashion-MNIST. At 32x32 the outermost layer of both networks is left out, as users of the tutorial do.

Source: https://docs.pytorch.org/tutorials/beginner/dcgan_faces_tutorial.html, its algorithm and settings.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset
from torchvision import datasets, transforms

from gan_lab.data.fashion_mnist import read_idx

LATENTS, WIDTH, BATCH = 100, 64, 128


def generator(size: int, channels: int) -> nn.Sequential:
    """Return the tutorial's generator: z [N, 100, 1, 1] to [N, channels, size, size] in [-1, 1]."""
    widths = [WIDTH * size // 8 // 2**step for step in range(size.bit_length() - 3)]
    layers: list[nn.Module] = [nn.ConvTranspose2d(LATENTS, widths[0], 4, 1, 0, bias=False)]
    for before, after in zip(widths, [*widths[1:], channels], strict=True):
        layers += [nn.BatchNorm2d(before), nn.ReLU(True), nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False)]
    return nn.Sequential(*layers, nn.Tanh())


def discriminator(size: int, channels: int) -> nn.Sequential:
    """Return the tutorial's discriminator: [N, channels, size, size] to [N, 1, 1, 1] in [0, 1]."""
    widths = [WIDTH * 2**step for step in range(size.bit_length() - 3)]
    layers: list[nn.Module] = [nn.Conv2d(channels, widths[0], 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True)]
    for before, after in pairwise(widths):
        layers += [
            nn.Conv2d(before, after, 4, 2, 1, bias=False),
            nn.BatchNorm2d(after),
            nn.LeakyReLU(0.2, inplace=True),
        ]
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, 1, 0, bias=False), nn.Sigmoid())


def initialise(layer: nn.Module) -> None:
    """Draw a layer's weights as the tutorial does."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)
        nn.init.zeros_(layer.bias)


def photos(root: Path, size: int) -> Dataset:
    """Return the photos of class folders, or Fashion-MNIST's training pictures, as a tutorial reads them."""
    if (root / "train-images-idx3-ubyte.gz").exists() or (root / "train-images-idx3-ubyte").exists():
        pixels = torch.from_numpy(read_idx(root / "train-images-idx3-ubyte", dimensions=3).copy())[:, None].float()
        return TensorDataset(F.interpolate(pixels / 127.5 - 1, size=size, mode="bilinear"))
    half = (0.5, 0.5, 0.5)
    steps = [
        transforms.Resize(size),
        transforms.CenterCrop(size),
        transforms.ToTensor(),
        transforms.Normalize(half, half),
    ]
    return datasets.ImageFolder(str(root), transforms.Compose(steps))


def endless(data: Dataset) -> Iterator[Tensor]:
    """Yield batches, epoch after epoch."""
    loader = DataLoader(data, batch_size=min(BATCH, len(data)), shuffle=True, num_workers=2)  # type: ignore[arg-type]
    while True:
        for batch in loader:
            yield batch[0]


def train(data: Dataset, size: int, minutes: float) -> tuple[nn.Module, int, int]:
    """Return the generator, and how many iterations and images the minutes were enough for."""
    channels = data[0][0].shape[0]
    net_g, net_d = generator(size, channels), discriminator(size, channels)
    net_g.apply(initialise)
    net_d.apply(initialise)
    criterion = nn.BCELoss()
    optimizer_d = torch.optim.Adam(net_d.parameters(), lr=2e-4, betas=(0.5, 0.999))
    optimizer_g = torch.optim.Adam(net_g.parameters(), lr=2e-4, betas=(0.5, 0.999))
    batches, start, iterations, seen = endless(data), time.monotonic(), 0, 0
    while time.monotonic() - start < 60 * minutes:
        real = next(batches)
        ones, zeros = torch.ones(len(real)), torch.zeros(len(real))
        net_d.zero_grad()
        criterion(net_d(real).view(-1), ones).backward()
        fake = net_g(torch.randn(len(real), LATENTS, 1, 1))
        criterion(net_d(fake.detach()).view(-1), zeros).backward()
        optimizer_d.step()
        net_g.zero_grad()
        criterion(net_d(fake).view(-1), ones).backward()
        optimizer_g.step()
        iterations, seen = iterations + 1, seen + len(real)
    return net_g, iterations, seen


def main() -> None:
    """Train and write the samples, uint8 [N, H, W, C]."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=64, choices=(32, 64))
    parser.add_argument("--n", type=int, default=1705)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    net_g, iterations, seen = train(photos(arguments.photos, arguments.size), arguments.size, arguments.minutes)
    with torch.no_grad():  # in training mode, as the tutorial samples: its batch statistics are those of the batch
        parts = [net_g(torch.randn(min(BATCH, arguments.n - at), LATENTS, 1, 1)) for at in range(0, arguments.n, BATCH)]
    images = ((torch.cat(parts) + 1) * 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
    np.save(arguments.out, images)
    print(f"{iterations} iterations, {seen} images", flush=True)


if __name__ == "__main__":
    main()
