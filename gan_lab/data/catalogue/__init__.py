"""The built-in demo catalogue: pictures of goods that the project draws itself, in a studio and as snapshots."""

from gan_lab.data.catalogue.drawing import KINDS, SMALLEST, draw, kind_of, product_of

__all__ = ["KINDS", "SMALLEST", "draw", "kind_of", "product_of"]
