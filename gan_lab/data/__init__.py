"""Data: a view of photos for every model, in an order that depends on the seed and the position alone."""

from gan_lab.data.base import ImageDataModule
from gan_lab.data.fashion_mnist import FashionMNIST
from gan_lab.data.products import Products

__all__ = ["FashionMNIST", "ImageDataModule", "Products"]

#: What a configuration may describe, one in a checkpoint from elsewhere among them; see gan_lab/config/targets.py.
LOADABLE = frozenset(
    {
        "FashionMNIST",
        "Products",
    }
)
