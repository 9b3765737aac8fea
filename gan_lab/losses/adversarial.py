"""Adversarial losses: what the discriminator and the generator minimise, from logits alone.

Each has `discriminator(logits_real, logits_fake)` and `generator(logits_fake, logits_real)`, both scalars in fp32 whatever
the dtype of the logits, which are [N] or [N, 1, h, w]. Only a `relativistic` loss looks at `logits_real` in G's turn.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


class NonSaturating:
    """Binary cross-entropy, with the generator's loss in its non-saturating form.

    Args:
        real_label: target for real images; below 1 it is one-sided label smoothing (Salimans et al. 2016, section 3.4).

    Source: Goodfellow et al. 2014, arXiv:1406.2661, algorithm 1 and the end of section 3.
    """

    boundary = 0.0
    relativistic = False

    def __init__(self, real_label: float = 1.0) -> None:
        self.real_label = real_label

    def discriminator(self, logits_real: Tensor, logits_fake: Tensor) -> Tensor:
        """Return the cross-entropy on real plus that on fake logits; log 4 where D cannot tell."""
        real, fake = logits_real.float(), logits_fake.float()
        # -log sigmoid(x) = softplus(-x) and -log(1 - sigmoid(x)) = softplus(x) do not overflow.
        on_real = self.real_label * functional.softplus(-real) + (1 - self.real_label) * functional.softplus(real)
        return on_real.mean() + functional.softplus(fake).mean()

    def generator(self, logits_fake: Tensor, logits_real: Tensor | None = None) -> Tensor:
        """Return -log D(fake), averaged."""
        return functional.softplus(-logits_fake.float()).mean()


class Hinge:
    """Hinge loss. Source: Miyato et al. 2018, arXiv:1802.05957, eq. 16 and 17."""

    boundary = 0.0
    relativistic = False

    def discriminator(self, logits_real: Tensor, logits_fake: Tensor) -> Tensor:
        """Return the sum of the two margins' mean violations; 2 where D gives 0 throughout."""
        return functional.relu(1 - logits_real.float()).mean() + functional.relu(1 + logits_fake.float()).mean()

    def generator(self, logits_fake: Tensor, logits_real: Tensor | None = None) -> Tensor:
        """Return minus the mean logit."""
        return -logits_fake.float().mean()


class LeastSquares:
    """Least squares towards 1 on real and 0 on fake.

    Differs from paper: without its factors 1/2; CycleGAN's own 1/2 belongs to its model.

    Args:
        real_label: target for real images, and G's for its own; below 1 it is one-sided label smoothing.

    Source: Mao et al. 2017, arXiv:1611.04076, eq. 9 (a = 0, b = c = `real_label`).
    """

    boundary: float
    relativistic = False

    def __init__(self, real_label: float = 1.0) -> None:
        self.real_label = real_label
        self.boundary = real_label / 2

    def discriminator(self, logits_real: Tensor, logits_fake: Tensor) -> Tensor:
        """Return mean (real - real_label)^2 + mean fake^2."""
        return (logits_real.float() - self.real_label).square().mean() + logits_fake.float().square().mean()

    def generator(self, logits_fake: Tensor, logits_real: Tensor | None = None) -> Tensor:
        """Return mean (fake - real_label)^2: beyond what D gives real images there is nothing to gain."""
        return (logits_fake.float() - self.real_label).square().mean()


class Wasserstein:
    """The critic's estimate of the Wasserstein distance, negated; wants a gradient penalty beside it.

    Source: Arjovsky et al. 2017, arXiv:1701.07875, eq. 2.
    """

    boundary = 0.0  # of no meaning to a critic, whose zero is arbitrary; its accuracy is logged for completeness
    relativistic = False

    def discriminator(self, logits_real: Tensor, logits_fake: Tensor) -> Tensor:
        """Return mean fake - mean real."""
        return logits_fake.float().mean() - logits_real.float().mean()

    def generator(self, logits_fake: Tensor, logits_real: Tensor | None = None) -> Tensor:
        """Return minus the mean logit."""
        return -logits_fake.float().mean()


class RelativisticPairing:
    """The softplus of how far D puts the fake of a pair above the real image; for G, the real above the fake.

    Pairs are the rows of the two batches. Only differences count: the zero of D is arbitrary, and its accuracy is the
    share of pairs in the right order. Converges with a zero-centred penalty on real and on fake images (R1 and R2).

    Source: Jolicoeur-Martineau 2018, arXiv:1807.00734, section 4.1; Huang et al. 2024, arXiv:2501.05441, eq. 2.
    """

    boundary = 0.0
    relativistic = True

    def discriminator(self, logits_real: Tensor, logits_fake: Tensor) -> Tensor:
        """Return mean softplus(fake - real); log 2 where D cannot tell."""
        return functional.softplus(logits_fake.float() - logits_real.float()).mean()

    def generator(self, logits_fake: Tensor, logits_real: Tensor | None = None) -> Tensor:
        """Return mean softplus(real - fake).

        Raises:
            ValueError: `logits_real` is missing.
        """
        if logits_real is None:
            raise ValueError("logits_real: a pairing loss compares each fake with a real image in G's turn too")
        return functional.softplus(logits_real.float() - logits_fake.float()).mean()
