"""The vector-quantised variational autoencoder."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gan_lab.models.autoencoder import Autoencoder
from gan_lab.models.base import Loss, OptimizerFactory, Terms
from gan_lab.models.batches import Batch
from gan_lab.networks import VectorQuantizer, evaluation_mode
from gan_lab.options import check_weights


class VQVAE(Autoencoder):
    """Encode images as grids of codes, each the nearest of a learnt codebook; decode them again.

    It is for reconstruction, for compression (log2(codes) bits a place of the grid) and for codes that another model
    may learn. Alone it generates nothing: that takes a prior over whole grids, `CodePrior`. Codes drawn place by
    place, as often as they occurred there, decode to coloured noise, which a kernel distance in a random embedding
    takes for better than a VAE's samples.

    Args:
        encoder: image to vectors [N, width, h, w].
        decoder: such vectors to image in [-1, 1].
        quantizer: the codebook, of vectors of that width.
        optimizer: makes the optimiser of encoder and decoder; the codebook follows by a moving average.
        lambda_commitment: weight of the vectors' mean squared distance to their codes, the paper's beta.
        options: of `Autoencoder` and `ManualModule`.

    Source: van den Oord et al. 2017, arXiv:1711.00937, eq. 3, with the codebook of appendix A.1.
    """

    task = "reconstruction"

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
        check_weights(lambda_commitment=lambda_commitment)
        self.quantizer = quantizer
        self.lambda_commitment = lambda_commitment

    # ------------------------------------------------------------------------------------------------ the method

    def step(self, batch: Batch) -> Terms:
        (optimizer,) = self.optimizer_list()
        update = self.minimize(optimizer, self.loss, {"image": batch["image"]})
        if not update.stepped:
            return update.terms
        # once an iteration, whatever the micro-batches: the average would move once for each of them
        return update.terms | self.quantizer.update(update.outputs["encoded"], update.outputs["codes"])

    def loss(self, inputs: Batch) -> Loss:
        """Come close to the image, and keep the vectors near their codes; return both for the codebook's update."""
        encoded = self.encoder(inputs["image"])
        vectors, codes, commitment = self.quantizer(encoded)
        loss, terms = self.reconstruction_loss(self.decoder(vectors), inputs["image"])
        loss = loss + self.lambda_commitment * commitment
        return Loss(loss, terms | {"loss_commitment": commitment, "loss": loss}, {"encoded": encoded, "codes": codes})

    # ------------------------------------------------------------------------------------------------ using it

    @property
    def sides(self) -> tuple[int, int]:
        """Return how many codes the grid has in height and width."""
        height, width = self.encoder.sides  # type: ignore[misc]
        return int(height), int(width)

    @torch.no_grad()
    def encode(self, image: Tensor) -> Tensor:
        """Return the codes int64 [N, h, w] of images [N, C, H, W] in [-1, 1]."""
        with evaluation_mode(self.encoder):
            codes: Tensor = self.quantizer(self.encoder(image))[1]
            return codes

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Return images [N, C, H, W] in [-1, 1] for codes int64 [N, h, w]."""
        with evaluation_mode(self.decoder):
            return self.decoder(self.quantizer.lookup(codes)).float()

    @torch.no_grad()
    def reconstruct(self, image: Tensor) -> Tensor:
        """Return an image's codes decoded, [N, C, H, W] in [-1, 1]."""
        return self.decode(self.encode(image))

    def make_held_out_inputs(self, image: Tensor, seed: int) -> Batch:
        return {"image": image}
