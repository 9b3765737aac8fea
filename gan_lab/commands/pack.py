"""Put trained networks into one file of weights: `python -m gan_lab.pack output=mine.safetensors restorer=runs/mine`."""

from __future__ import annotations

from pathlib import Path

import torch
from omegaconf import DictConfig

from gan_lab.config import Command
from gan_lab.errors import UserError
from gan_lab.inference import bundle
from gan_lab.storage import hash_file
from gan_lab.terminal import printable


def pack(config: DictConfig) -> None:
    """Write the networks of the named runs to `output`, and check that it can be read back."""
    named = {part: config[part] for part in bundle.PARTS if config[part] is not None}
    if not named:
        raise UserError(f"{', '.join(bundle.PARTS)}: no run is given; name one at least, {bundle.PARTS[0]}=runs/<name>")
    if config.output is None or Path(config.output).suffix != ".safetensors":
        raise UserError(f"output={config.output}: needs the name of a file that ends in .safetensors")
    if config.base is not None:
        bundle.find_weights(config.base)
    parts = {part: bundle.part_of_run(part, run) for part, run in named.items()}
    for name, part in parts.items():
        bundle.network(name, part)  # refuses a run that does not fit its place before anything is written
    path = Path(config.output).expanduser()
    bundle.write_bundle(path, parts, config.base)
    whole = bundle.read_bundle(path)
    bundle.build_networks(whole, torch.device("cpu"))
    for name, part in whole.items():
        size = sum(value.numel() for value in part.weights.values() if value.is_floating_point())
        print(f"{name:<10} {size / 1e6:.2f} M parameters, {printable(str(part.origin.get('iterations')))} iterations")
    print(
        f"written    {printable(str(path))} ({path.stat().st_size / 1e6:.1f} MB, SHA-256 {hash_file(path)})",
        flush=True,
    )


COMMAND = Command(pack)
