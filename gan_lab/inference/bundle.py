"""Weights to ship: the networks of an enhancement in one safetensors file, with what is needed to build them.

A bundle holds up to four parts: `light`, `restorer`, `x2` and `x4`. Its header says how each is built (a `_target_` of
this package's networks and its keywords) and where it comes from. A bundle may name another one as its base, which
gives the parts that it lacks. Reading it runs no code.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from gan_lab.config import instantiate
from gan_lab.errors import UserError
from gan_lab.hardware import Choice, choose, has_dtype
from gan_lab.inference.restoration import Networks, add_smaller_scales
from gan_lab.networks import LightCorrector, Restorer
from gan_lab.storage import decode_json, hash_file, open_regular, plain_data, write_atomically
from gan_lab.storage.tensor_files import load_weights

log = logging.getLogger(__name__)

FORMAT = "gan_lab/enhance/1"
PARTS = ("light", "restorer", "x2", "x4")
#: Where the shipped weights lie, inside the package.
FOLDER = Path(__file__).resolve().parent.parent / "weights"
DEFAULT = "faithful"
#: What `precision` may be, and in which types networks then compute.
PRECISIONS = {"auto": (torch.float32, torch.bfloat16), "fp32": (torch.float32,), "bf16": (torch.bfloat16,)}


@dataclass(frozen=True)
class Component:
    """One network of a bundle.

    Attributes:
        config: how to build it, plain containers.
        weights: its state, by name.
        origin: where it comes from: run, iterations, seed.
    """

    config: dict[str, Any]
    weights: dict[str, Tensor]
    origin: dict[str, Any]


def list_shipped() -> list[str]:
    """Return the names of the weights that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.safetensors"))


def find_weights(name: str, option: str = "base") -> Path:
    """Return the file of shipped weights.

    Args:
        name: of them.
        option: what named them, for the message.

    Raises:
        UserError: there are none of this name.
    """
    if name not in list_shipped():  # so that a bundle's base cannot lead out of the folder, nor back to itself
        wanted = "shipped weights" if option == "base" else "file, run or shipped weights"
        raise UserError(f"{option}={name}: no such {wanted}; shipped are {', '.join(list_shipped())}")
    return FOLDER / f"{name}.safetensors"


def write_bundle(path: Path, parts: Mapping[str, Component], base: str | None = None) -> None:
    """Write a bundle, whole or not at all; weights as fp16.

    Args:
        path: the file, .safetensors.
        parts: by name.
        base: name of the shipped weights that give the missing parts; None for none.
    """
    tensors = {
        f"{part}.{name}": value.half().contiguous() if value.is_floating_point() else value.contiguous()
        for part, content in parts.items()
        for name, value in content.weights.items()
    }
    about = {part: {"config": content.config, "origin": content.origin} for part, content in parts.items()}
    header = {"format": FORMAT, "parts": json.dumps(about, sort_keys=True), "base": base or ""}
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_atomically(path) as file:
        file.write(save(tensors, header))


def is_bundle(path: Path) -> bool:
    """Return whether a safetensors file is one of gan_lab's bundles, or cannot be read at all: `read_bundle` says why."""
    try:
        open_regular(path).close()
        with safe_open(path, framework="pt") as file:
            return "format" in (file.metadata() or {}) and file.metadata()["format"].startswith("gan_lab")
    except (SafetensorError, OSError):
        return True


def read_bundle(path: Path) -> dict[str, Component]:
    """Return the parts of a bundle, its base's included.

    Raises:
        UserError: the file is damaged, or no bundle.
    """
    try:
        open_regular(path).close()
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
        if header.get("format") != FORMAT:
            raise UserError(
                f"checkpoint={path}: not weights of gan_lab's enhancement (format {header.get('format')}); name another file"
            )
        where = f"checkpoint={path}: parts"
        about = plain_data(decode_json(header["parts"]), where)
        parts = {
            part: Component(
                dict(plain_data(about[part]["config"], f"{where}.{part}.config", configuration=True)),
                {
                    name.removeprefix(f"{part}."): value
                    for name, value in tensors.items()
                    if name.startswith(f"{part}.")
                },
                dict(about[part]["origin"]),
            )
            for part in PARTS
            if part in about
        }
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"checkpoint={path}: damaged, or not a safetensors file ({error}); name another") from error
    base = header.get("base") or None
    parts = (read_bundle(find_weights(base)) if base else {}) | parts
    if not parts:
        raise UserError(f"checkpoint={path}: holds no network for an enhancement; name weights that gan_lab.pack made")
    return parts


def part_of_run(option: str, run: str | Path) -> Component:
    """Return the (averaged) generator of an enhancer's run as a part.

    Raises:
        UserError: there is no such run, or its network is none that a bundle takes.
    """
    # here, because it imports Lightning, which shipped weights do without
    from gan_lab import checkpoint

    path = checkpoint.find_checkpoint_file(option, run, prefer="last")
    saved = checkpoint.read_checkpoint(path)
    weights = saved["state_dict"]
    prefix = "generator_ema.module." if any(name.startswith("generator_ema.") for name in weights) else "generator."
    config = saved["config"]
    network = config["model"].get("generator", {})
    if network.get("_target_") not in ("gan_lab.networks.LightCorrector", "gan_lab.networks.Restorer"):
        raise UserError(
            f"{option}={run}: needs a run of model=light or model=restorer, not of {network.get('_target_')}"
        )
    # none that names a file or folder of the machine that trained: weights are made to be given away
    given = [line for line in config.get("overrides", []) if not any(sign in line.split("=", 1)[-1] for sign in "/\\~")]
    origin = {"iterations": saved["clock"]["iteration"], "seed": config["seed"], "overrides": given}
    own = {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
    return Component(network, own, origin)


def hash_bundle(path: Path) -> str:
    """Return the hash of a bundle, in hexadecimal: its file's SHA-256, or that of it and its base's."""
    own = hash_file(path)
    with safe_open(path, framework="pt") as file:
        base = (file.metadata() or {}).get("base")
    return hashlib.sha256(f"{own}{hash_bundle(find_weights(base))}".encode()).hexdigest() if base else own


def build_networks(parts: Mapping[str, Component], device: torch.device, precision: str = "auto") -> Networks:
    """Return the networks of a bundle, ready for use.

    Args:
        parts: see `read_bundle`.
        device: where to put them.
        precision: "fp32", "bf16", or "auto": the faster on this machine, as measured.

    Raises:
        UserError: an unknown precision, or weights that do not fit their network.
    """
    built = {name: network(name, part).to(device).eval().requires_grad_(False) for name, part in parts.items()}
    restorers = [own for own in built.values() if isinstance(own, Restorer)]
    choice = choose_for_inference(precision, restorers, device)
    for own in restorers:
        quick(own, choice)
    light = built.get("light")
    assert light is None or isinstance(light, LightCorrector)
    enlarge: dict[int, Callable[[Tensor], Tensor]] = {int(n[1:]): built[n] for n in ("x2", "x4") if n in built}
    return Networks(light=light, restore=built.get("restorer"), enlarge=add_smaller_scales(enlarge), choice=choice)


def quick(restorer: Restorer, choice: Choice) -> Restorer:
    """Make a restorer ready for use, in place: the same function, rounded to the choice's type; see ADR 0011."""
    restorer.fold()
    return restorer.to(dtype=choice.dtype, memory_format=choice.memory_format)  # type: ignore[call-overload]


def network(name: str, part: Component) -> nn.Module:
    """Build one network and fill in its weights.

    Raises:
        UserError: the configuration names something else, or the weights do not fit.
    """
    scale = {"restorer": 1, "x2": 2, "x4": 4}.get(name)
    made: nn.Module = instantiate(part.config, name, LightCorrector if scale is None else Restorer)
    if isinstance(made, Restorer) and made.scale != scale:
        raise UserError(
            f"checkpoint: its part {name} enlarges by {made.scale}, so it does not fit there; pack the weights again"
        )
    load_weights(made, {key: value.float() for key, value in part.weights.items()}, Path(name))
    return made


def choose_for_inference(precision: str, networks: Iterable[nn.Module], device: torch.device, batch: int = 1) -> Choice:
    """Return the precision and layout in which this machine is fastest, among those that `precision` allows.

    Raises:
        UserError: an unknown precision.
    """
    if precision not in PRECISIONS:
        raise UserError(f"precision={precision}: needs one of {', '.join(PRECISIONS)}")
    choice = choose(networks, device, batch=batch, training=False, dtypes=PRECISIONS[precision])
    if not has_dtype(device, choice.dtype):
        log.warning("precision=%s: this machine emulates it, tens of times slower than fp32", precision)
    return choice
