"""A run that starts from packed weights: `init_from=faithful`, or a .safetensors file of `gan_lab.pack`."""

from __future__ import annotations

import logging
from pathlib import Path

from torch import nn

from gan_lab.errors import UserError
from gan_lab.inference import bundle
from gan_lab.networks import LightCorrector, Restorer

log = logging.getLogger(__name__)


def find_packed_weights(init_from: str) -> Path | None:
    """Return the file of packed weights that `init_from=` means; None where it means something else."""
    path = Path(init_from).expanduser()
    if path.suffix == ".safetensors" and path.is_file() and bundle.is_bundle(path):
        return path
    if not path.exists() and init_from in bundle.list_shipped():
        return bundle.find_weights(init_from, "init_from")
    return None


def take_packed_weights(model: nn.Module, path: Path) -> None:
    """Fill a model's generator, and its average, with the part of packed weights that has its place.

    Args:
        model: has `generator`, a `Restorer` or a `LightCorrector`, and `generator_ema`.
        path: the file.

    Raises:
        UserError: it has no such part, or the generator is another network, or of another size.
    """
    generator = getattr(model, "generator", None)
    if isinstance(generator, LightCorrector):
        part = "light"
    elif isinstance(generator, Restorer):
        part = "restorer" if generator.scale == 1 else f"x{generator.scale}"
    else:
        raise UserError(
            f"init_from={path.stem}: packed weights are of model=restorer and model=light; take one of these, or a run"
        )
    parts = bundle.read_bundle(path)
    if part not in parts:
        raise UserError(f"init_from={path.stem}: has no part {part}; it has: {', '.join(parts)}")
    weights = {name: value.float() for name, value in parts[part].weights.items()}
    own = generator.state_dict()
    other = sorted(name for name in own.keys() | weights.keys() if name not in own or name not in weights)
    other += sorted(name for name in own.keys() & weights.keys() if own[name].shape != weights[name].shape)
    if other:
        settings = {name: value for name, value in parts[part].config.items() if not name.startswith("_")}
        raise UserError(
            f"init_from={path.stem}: its {part} is another network than model.generator ({other[0]} differs); set it as there: "
            + " ".join(f"model.generator.{name}={value}".replace(" ", "") for name, value in settings.items())
        )
    averaged = getattr(model, "generator_ema", None)
    for network in (generator, *([] if averaged is None else [averaged.module])):
        network.load_state_dict(weights)
    log.info("init_from=%s: took its %s, %d tensors", path.stem, part, len(weights))
