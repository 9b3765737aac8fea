"""The 28x28 GAN of TensorFlow's tutorial, which the source articles take over."""

from __future__ import annotations

from torch import Tensor, nn

from gan_lab.errors import UserError
from gan_lab.networks.discriminator import Discriminator
from gan_lab.options import ImageSize, format_value, join_sides, split_sides

_SLOPE = 0.3  # Keras' LeakyReLU


class DenseGenerator28(nn.Module):
    """Grow a 28x28 image from a dense 7x7 map with 5x5 transposed convolutions, batch norm and LeakyReLU 0.3.

    Args:
        channels: of the image.
        latents: length of z.
        width: channels next to the image; the dense map has four times as many, 256.
        image_size: 28; an argument so that a configuration for other images is refused.

    Raises:
        UserError: `image_size` is not 28.

    Source: TensorFlow, "Deep Convolutional Generative Adversarial Network", make_generator_model.
    """

    def __init__(self, channels: int = 1, latents: int = 100, width: int = 64, image_size: ImageSize = 28) -> None:
        super().__init__()
        if split_sides(image_size) != (28, 28):
            raise UserError(
                f"data.image_size={format_value(join_sides(*split_sides(image_size)))}: this network makes images of 28x28 "
                "alone; give 28, or take model=dcgan"
            )
        self.latents = latents
        self.dense = nn.Sequential(
            nn.Linear(latents, 4 * width * 7 * 7, bias=False),
            nn.BatchNorm1d(4 * width * 7 * 7),
            nn.LeakyReLU(_SLOPE, inplace=True),
            nn.Unflatten(1, (4 * width, 7, 7)),
        )
        self.layers = nn.Sequential(
            nn.ConvTranspose2d(4 * width, 2 * width, 5, 1, 2, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.LeakyReLU(_SLOPE, inplace=True),
            nn.ConvTranspose2d(2 * width, width, 5, 2, 2, output_padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.LeakyReLU(_SLOPE, inplace=True),
            nn.ConvTranspose2d(width, channels, 5, 2, 2, output_padding=1, bias=False),
            nn.Tanh(),
        )
        _initialise_as_keras(self)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Return images [N, C, 28, 28] in [-1, 1] for z [N, latents]; the label is not looked at."""
        return self.layers(self.dense(z))


class ConvDiscriminator28(Discriminator):
    """Judge a 28x28 image with two 5x5 stride-2 convolutions (64, 128), LeakyReLU 0.3 and dropout.

    Source: TensorFlow, "Deep Convolutional Generative Adversarial Network", make_discriminator_model.
    """

    def __init__(self, channels: int = 1, dropout: float = 0.3) -> None:
        stages = [
            nn.Sequential(nn.Conv2d(entry, out, 5, 2, 2), nn.LeakyReLU(_SLOPE, inplace=True), nn.Dropout(dropout))
            for entry, out in ((channels, 64), (64, 128))
        ]
        super().__init__(stages, nn.Sequential(nn.Flatten(), nn.Linear(128 * 7 * 7, 1)))
        _initialise_as_keras(self)

    def judge(self, hidden: Tensor, label: Tensor | None) -> Tensor:
        """Return one logit an image, [N]."""
        return self.head(hidden).flatten()


def _initialise_as_keras(module: nn.Module) -> None:
    for layer in module.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
