"""DiffAugment: the same few augmentations on every image, whatever the discriminator does."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gan_lab.errors import UserError


class DiffAugment(nn.Module):
    """Change colour, move and cut out, each image by draws of its own.

        augment: {_target_: gan_lab.augment.DiffAugment}
        augment: {_target_: gan_lab.augment.DiffAugment, cutout: 0}      # the paper's policy "color, translation"

    Args:
        brightness: largest change, in units of [-1, 1]; 0 switches it off, as it does every other.
        saturation: largest relative change: factors are drawn from 1 - saturation to 1 + saturation.
        contrast: likewise, about the image's mean.
        translation: largest move, as a share of the side; whole pixels, with mid grey (0) moving in.
        cutout: side of the square that becomes mid grey, as a share of the image's; its centre is drawn from the whole
            image, so that part of it may lie outside.

    Raises:
        UserError: a strength is out of its range, or all are 0.

    Source: Zhao et al. 2020, arXiv:2006.10738, section 3.2 and the authors' code (data-efficient-gans).
    """

    adaptive = False

    def __init__(
        self,
        brightness: float = 0.5,
        saturation: float = 1.0,
        contrast: float = 0.5,
        translation: float = 0.125,
        cutout: float = 0.5,
    ) -> None:
        super().__init__()
        self.brightness = brightness
        self.saturation = saturation
        self.contrast = contrast
        self.translation = translation
        self.cutout = cutout
        strengths = {
            "brightness": brightness,
            "saturation": saturation,
            "contrast": contrast,
            "translation": translation,
            "cutout": cutout,
        }
        for name, strength in strengths.items():
            if not 0 <= strength <= 1:
                raise UserError(f"model.augment.{name}={strength}: needs a number from 0 (off) to 1")
        if not any(strengths.values()):
            raise UserError(
                "model.augment: every strength of DiffAugment is 0, so that it does nothing; set model.augment=null"
            )

    def forward(self, images: Tensor) -> Tensor:
        """Return augmented images; the draws come from torch's generator, in evaluation mode too.

        Args:
            images: [N, C, H, W] in [-1, 1], float.

        Returns:
            [N, C, H, W] in the images' dtype, computed in float32 (float64 stays) also under autocast; brightness and
            contrast may leave [-1, 1]. Differentiable in the images, any number of times.
        """
        x = images if images.dtype == torch.float64 else images.float()
        if self.brightness or self.saturation or self.contrast:
            x = self.change_colours(x)
        if self.translation:
            x = self.shift(x)
        if self.cutout:
            x = x * self.draw_cutout(x)
        return x.to(images.dtype)

    def change_colours(self, x: Tensor) -> Tensor:
        """Change brightness, saturation and contrast, in this order, in one pass."""
        b, s, c = (2 * torch.rand(3, len(x), 1, 1, 1, device=x.device).to(x.dtype) - 1).unbind()
        b, s, c = self.brightness * b, 1 + self.saturation * s, 1 + self.contrast * c
        grey = x.mean(1, keepdim=True)  # [N, 1, H, W]; no saturation moves it
        mean = grey.mean((2, 3), keepdim=True)
        # x + b; s (x - grey) + grey; c (x - mean) + mean, with the grey and mean of what each of them gets, collected
        return torch.addcmul(c * (1 - s) * grey + (1 - c) * mean + b, x, c * s)

    def shift(self, x: Tensor) -> Tensor:
        """Move each image by whole pixels."""
        n, channels, height, width = x.shape
        row = torch.arange(height, device=x.device) - draw_shift(n, self.translation, height, x.device)  # [N, H]
        column = torch.arange(width, device=x.device) - draw_shift(n, self.translation, width, x.device)
        source = row.clamp(0, height - 1)[:, :, None] * width + column.clamp(0, width - 1)[:, None]
        inside = (row == row.clamp(0, height - 1))[:, :, None] & (column == column.clamp(0, width - 1))[:, None]
        flat = x.flatten(2).gather(2, source.view(n, 1, -1).expand(-1, channels, -1))
        return flat.view(x.shape) * inside[:, None]

    def draw_cutout(self, x: Tensor) -> Tensor:
        """Return 0 in a square of each image and 1 elsewhere, bool [N, 1, H, W]."""
        n, _, height, width = x.shape
        rows = draw_stretch(n, self.cutout, height, x.device)
        columns = draw_stretch(n, self.cutout, width, x.device)
        return ~(rows[:, :, None] & columns[:, None])[:, None]


def draw_shift(n: int, share: float, side: int, device: torch.device) -> Tensor:
    """Draw whole pixels up to `share` of `side` in either direction, int64 [N, 1]."""
    largest = int(side * share + 0.5)
    return torch.randint(-largest, largest + 1, (n, 1), device=device)


def draw_stretch(n: int, share: float, side: int, device: torch.device) -> Tensor:
    """Draw a stretch of `share` of `side` pixels whose middle lies anywhere in it, bool [N, side]."""
    length = int(side * share + 0.5)
    start = torch.randint(0, side + 1 - length % 2, (n, 1), device=device) - length // 2
    place = torch.arange(side, device=device)
    return (place >= start) & (place < start + length)
