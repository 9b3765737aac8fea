"""The vector-quantised variational autoencoder."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gan_lab.models.autoencoder import Autoencoder
from gan_lab.models.base import Batch, Loss, OptimizerFactory, Terms, evaluating
from gan_lab.networks import CodeHistogram, VectorQuantizer


class VQVAE(Autoencoder):
    """Encode images as grids of codes, each the nearest of a learnt codebook; decode them again.

    It is for reconstruction, for compression (log2(codes) bits a place of the grid) and for codes that another model
    may learn. Its samples are poor: the codes of each place are drawn by how often they occurred there in training,
    where the paper learns a PixelCNN over whole grids. They are drawn rather than refused so that every model of this
    task can be validated, shown and compared alike, with a figure that says how poor they are.

    Args:
        encoder: image to vectors [N, width, side, side]; has `side`.
        decoder: such vectors to image in [-1, 1].
        quantizer: the codebook; its `width` is that of the vectors.
        optimizer: makes the optimiser of encoder and decoder; the codebook follows by a moving average.
        lambda_commitment: weight of the vectors' mean squared distance to their codes, the paper's beta.
        options: of `Autoencoder` and `ManualModule`.

    Source: van den Oord et al. 2017, arXiv:1711.00937, eq. 3, with the codebook of appendix A.1.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        quantizer: VectorQuantizer,
        optimizer: OptimizerFactory,
        lambda_commitment: float = 0.25,
        **options: Any,
    ) -> None:
        super().__init__(encoder, decoder, optimizer, **options)
        self.quantizer = quantizer
        self.lambda_commitment = lambda_commitment
        self.histogram = CodeHistogram(int(encoder.side), quantizer.codes)  # type: ignore[arg-type]
        self.latents = self.histogram.side**2

    # ------------------------------------------------------------------------------------------------ the method

    def step(self, batch: Batch) -> Terms:
        (optimizer,) = self.optimizer_list()
        update = self.minimize(optimizer, self.loss, {"image": batch["image"]})
        if not update.stepped:
            return update.terms
        # once an iteration, whatever the micro-batches: the average would move once for each of them
        self.histogram.update(update.images["codes"])
        return update.terms | self.quantizer.update(update.images["encoded"], update.images["codes"])

    def loss(self, draw: Batch) -> Loss:
        """Come close to the image, and keep the vectors near their codes; hand out both for the codebook's update."""
        encoded = self.encoder(draw["image"])
        vectors, codes, commitment = self.quantizer(encoded)
        loss, terms = self.reconstruction_loss(self.decoder(vectors), draw["image"])
        loss = loss + self.lambda_commitment * commitment
        terms |= {"loss_commitment": commitment.detach(), "loss": loss.detach()}
        return loss, terms, {"encoded": encoded.detach(), "codes": codes}

    # ------------------------------------------------------------------------------------------------ using it

    @torch.no_grad()
    def encode(self, image: Tensor) -> Tensor:
        """Return the codes int64 [N, side, side] of images [N, C, H, W] in [-1, 1]."""
        with evaluating(self.encoder):
            codes: Tensor = self.quantizer(self.encoder(image))[1]
            return codes

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Return images [N, C, H, W] in [-1, 1] for codes int64 [N, side, side]."""
        with evaluating(self.decoder):
            return self.decoder(self.quantizer.lookup(codes)).float()

    @torch.no_grad()
    def reconstruct(self, image: Tensor) -> Tensor:
        """Return what decoding an image's codes gives, [N, C, H, W] in [-1, 1]."""
        return self.decode(self.encode(image))

    @torch.no_grad()
    def generate(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Return images [N, C, H, W] in [-1, 1] for z [N, side * side], one number for each code; labels are not used."""
        return self.decode(self.histogram(z))

    def held_out_draw(self, image: Tensor, seed: int) -> Batch:
        return {"image": image}
