"""A small convolutional classifier, trained here and now."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gan_lab.jobs import Progress

#: Updates of a training, images in each, and the largest step.
ITERATIONS, BATCH, LEARNING_RATE = 800, 64, 3e-3
#: Side to which larger images are shrunk, in pixels, and by how many pixels training moves an image at most.
SIDE, SHIFT = 32, 4


class Classifier(nn.Module):
    """Four stages of convolution that each halve the sides, down to 4 pixels, and a linear layer on their mean.

    Args:
        classes: how many.
        channels: of the images.
    """

    def __init__(self, classes: int, channels: int = 3) -> None:
        super().__init__()
        widths = (32, 64, 128, 256)
        self.stages = nn.ModuleList(
            nn.Sequential(nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU())
            for before, after in zip((channels, *widths), widths, strict=False)
        )
        self.head = nn.Linear(widths[-1], classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [N, classes] for images [N, C, H, W] in [-1, 1]."""
        hidden = images
        for stage in self.stages:
            hidden = stage(hidden)
            if min(hidden.shape[-2:]) > 4:
                hidden = functional.max_pool2d(hidden, 2)
        return self.head(hidden.mean(dim=(2, 3)))


def train_classifier(
    images: Tensor,
    labels: Tensor,
    classes: int,
    *,
    seed: int,
    mirror: bool,
    device: torch.device,
    progress: Progress,
    iterations: int = ITERATIONS,
) -> Classifier:
    """Train a classifier; the same seed gives the same one on the same machine, and torch's generators are left alone.

    Args:
        images: uint8 [N, C, H, W].
        labels: int64 [N] in [0, classes).
        classes: how many.
        seed: of its weights and of what it sees.
        mirror: whether a mirrored image is of the same class.
        device: where it computes.
        progress: advanced by 1 for each update.
        iterations: updates.
    """
    images = shrink_images(images)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        classifier = Classifier(classes, images.shape[1]).to(device)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(classifier.parameters(), LEARNING_RATE, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=iterations)
    classifier.train()
    for _ in range(iterations):
        chosen = torch.randint(len(images), (BATCH,), generator=generator)
        batch = shift_and_mirror(images[chosen], mirror, generator).to(device)
        loss = functional.cross_entropy(classifier(to_values(batch)), labels[chosen].to(device), label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        progress.advance()
    return classifier.eval()


@torch.no_grad()
def count_hits(classifier: Classifier, images: Tensor, labels: Tensor) -> int:
    """Return for how many images uint8 [N, C, H, W] the classifier names the label, int64 [N]."""
    device = next(classifier.parameters()).device
    parts = zip(shrink_images(images).split(256), labels.split(256), strict=True)
    return sum(int((classifier(to_values(part.to(device))).argmax(1).cpu() == label).sum()) for part, label in parts)


def shift_and_mirror(images: Tensor, mirror: bool, generator: torch.Generator) -> Tensor:
    """Shift a batch by a few pixels, the edge repeated, and mirror half of it where that is wanted."""
    down, right = torch.randint(2 * SHIFT + 1, (2,), generator=generator).tolist()
    height, width = images.shape[-2:]
    padded = functional.pad(images.float(), (SHIFT,) * 4, mode="replicate")
    cut = padded[..., down : down + height, right : right + width]
    flipped = torch.rand(len(images), generator=generator) < (0.5 if mirror else 0.0)
    return torch.where(flipped[:, None, None, None], cut.flip(-1), cut)


def shrink_images(images: Tensor) -> Tensor:
    """Return images uint8 [N, C, H, W] with sides of at most `SIDE` pixels."""
    if max(images.shape[-2:]) <= SIDE:
        return images
    parts = [
        functional.interpolate(part.float(), (SIDE, SIDE), mode="area").round().byte() for part in images.split(256)
    ]
    return torch.cat(parts)


def to_values(pixels: Tensor) -> Tensor:
    """Return pixels in [0, 255] as float32 in [-1, 1]."""
    return pixels.float().div(127.5).sub(1)
