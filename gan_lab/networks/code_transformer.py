"""A transformer that predicts the codes of a grid one after the other."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

#: Keys and values of the places that a block has seen, each [N, heads, places, width / heads].
Seen = tuple[Tensor, Tensor]


class CodeTransformer(nn.Module):
    """Predict each code of a sequence from those before it.

    Args:
        codes: size of the codebook.
        places: length of a sequence: the codes of a whole grid, row by row.
        width: of its features.
        blocks: one after the other.
        heads: of attention; a divisor of `width`.
        dropout: share of what a block adds that is dropped in training.

    Raises:
        ValueError: `heads` does not divide `width`.

    Source: Esser et al. 2021, arXiv:2012.09841, section 3.2; its transformer is that of Radford et al. 2019 (GPT-2).
    """

    def __init__(
        self,
        codes: int = 512,
        places: int = 64,
        width: int = 128,
        blocks: int = 4,
        heads: int = 4,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"heads must divide width={width}; got {heads}")
        self.codes = codes
        self.places = places
        self.code = nn.Embedding(codes + 1, width)  # the last one stands before the first place
        self.place = nn.Parameter(0.02 * torch.randn(places, width))
        self.blocks = nn.ModuleList([CausalBlock(width, heads, dropout) for _ in range(blocks)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, codes, bias=False)
        for layer in self.modules():
            if isinstance(layer, nn.Linear | nn.Embedding):
                nn.init.normal_(layer.weight, std=0.02)
        for block in self.blocks:
            assert isinstance(block, CausalBlock)
            for last in block.list_last_layers():  # GPT-2's: the sum of all blocks keeps the scale of one
                nn.init.normal_(last.weight, std=0.02 / (2 * blocks) ** 0.5)

    def forward(self, codes: Tensor) -> Tensor:
        """Return logits [N, places, codes] of each place, which depend on the codes before it alone.

        Args:
            codes: int64 [N, places] in [0, codes); the last one is not looked at.
        """
        before = torch.cat([torch.full_like(codes[:, :1], self.codes), codes[:, :-1]], dim=1)
        x = self.code(before) + self.place
        for block in self.blocks:
            x, _ = block(x)
        return self.head(self.norm(x))

    def sample(self, n: int, choose: Callable[[int, Tensor], Tensor]) -> Tensor:
        """Return n sequences, int64 [n, places]; each code costs one place's computation, for keys and values are kept.

        Args:
            n: sequences.
            choose: place, and its logits [n, codes] -> codes, int64 [n].
        """
        code = torch.full((n,), self.codes, device=self.place.device)
        seen: list[Seen | None] = [None] * len(self.blocks)
        chosen = []
        for place in range(self.places):
            x = (self.code(code) + self.place[place])[:, None]  # [n, 1, width]
            for index, block in enumerate(self.blocks):
                x, seen[index] = block(x, seen[index])
            code = choose(place, self.head(self.norm(x[:, 0])))
            chosen.append(code)
        return torch.stack(chosen, dim=1)


class CausalBlock(nn.Module):
    """Add to features what attention to earlier places makes of them, then what two dense layers make of each.

    Source: Radford et al. 2019 (GPT-2), section 2.3: layer norm before each part.
    """

    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.dense = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.drop = nn.Dropout(dropout)

    def list_last_layers(self) -> list[nn.Linear]:
        """Return the layers whose results are added to the features."""
        last = self.dense[-1]
        assert isinstance(last, nn.Linear)
        return [self.out, last]

    def forward(self, x: Tensor, seen: Seen | None = None) -> tuple[Tensor, Seen]:
        """Return features [N, places, width], and the keys and values of all places so far.

        Args:
            x: [N, places, width]; a single place where others were seen before.
            seen: of those.
        """
        n, places, width = x.shape
        mixed = self.query_key_value(self.norm_attention(x)).view(n, places, 3, self.heads, width // self.heads)
        query, key, value = mixed.permute(2, 0, 3, 1, 4)  # [N, heads, places, width / heads] each
        if seen is not None:
            key, value = torch.cat([seen[0], key], dim=2), torch.cat([seen[1], value], dim=2)
        attended = functional.scaled_dot_product_attention(query, key, value, is_causal=seen is None)
        x = x + self.drop(self.out(attended.transpose(1, 2).reshape(n, places, width)))
        return x + self.drop(self.dense(x)), (key, value)
