"""What keeps a product itself while its surroundings are translated: masks, attention, and the terms made of them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gan_lab.errors import UserError
from gan_lab.losses import attention_loss, masked_l1
from gan_lab.models.base import Terms
from gan_lab.models.batches import Batch
from gan_lab.networks import HasAttention, evaluation_mode


def get_masks(batch: Batch, domains: str) -> Batch:
    """Return where the product is on the photos of these domains, `mask_A` and so on.

    Raises:
        UserError: the data have not looked for it.
    """
    names = [f"mask_{domain}" for domain in domains]
    if any(name not in batch for name in names):
        raise UserError(
            "model.lambda_foreground, model.lambda_ground: the data give no masks of the product; set data.masks=true"
        )
    return {name: batch[name] for name in names}


def compute_foreground_terms(
    domain: str, fake: Tensor, real: Tensor, product: Tensor, attention: Tensor | None
) -> Terms:
    """Return the terms that hold the product, by name.

    Args:
        domain: of the photos, "A" or "B".
        fake: their translations, [N, C, H, W].
        real: the photos.
        product: 1 where it is on them, [N, 1, H, W].
        attention: where a generator with attention draws, logits [N, 1, H, W]; None for one without.
    """
    terms = {f"loss_foreground_{domain}": masked_l1(fake, real, product)}
    if attention is not None:
        terms[f"loss_attention_{domain}"] = attention_loss(attention, product)
    return terms


def has_attention(generator: nn.Module, lambda_foreground: float) -> bool:
    """Return whether a generator has attention.

    Raises:
        UserError: it has, and nothing teaches it where to look. It would copy its input: a copy comes back through a cycle,
            and its patches are its input's, without anything being learnt (seen: within 500 iterations).
    """
    attends = isinstance(generator, HasAttention) and generator.attention
    if attends and lambda_foreground == 0:
        raise UserError(
            "model.generator.attention=true: without masks it learns to copy the whole photo; add model.lambda_foreground=1"
        )
    return attends


@torch.no_grad()
def split_attention(generator: nn.Module, image: Tensor) -> tuple[Tensor, Tensor]:
    """Return the drawing that a generator with attention makes of images, and the share of it that it takes.

    Args:
        generator: returns images and attention logits when called with `return_attention=True`.
        image: [N, C, H, W] in [-1, 1].

    Returns:
        The drawing [N, C, H, W] in [-1, 1], and the share [N, 1, H, W] in [0, 1]; where it is small the drawing means little.
    """
    with evaluation_mode(generator):
        out, logits = generator(image, return_attention=True)
    share = logits.float().sigmoid()
    return (image + (out.float() - image) / share.clamp(min=0.05)).clamp(-1, 1), share
