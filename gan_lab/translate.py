"""Translate a folder of photos: `python -m gan_lab.translate checkpoint=runs/<name> input=/photos output=/results`."""

from __future__ import annotations

from typing import Any

import torch
from omegaconf import DictConfig

from gan_lab.config import command
from gan_lab.imaging import read_image
from gan_lab.jobs import Task, file_sha256, open_checkpoint, plan, report, run
from gan_lab.jobs.folder import write_image
from gan_lab.jobs.pretrained import check_direction, check_size, check_tile


def translate(config: DictConfig) -> None:
    """Give every photo of `input` the look of the other domain of the model of `checkpoint`."""
    check_direction(config.direction)
    check_size(config.size)
    check_tile(config.tile)
    todo = plan(config.input, config.output, config.format)
    pretrained = open_checkpoint(config.checkpoint, config.device)
    pretrained.require("translation")
    torch.manual_seed(config.seed)

    def work(task: Task) -> dict[str, Any]:
        pixels = read_image(task.source, pretrained.channels)
        write_image(task.target, pretrained.translate(pixels, config.direction, config.size, config.tile))
        return {}

    settings = {
        "command": "translate",
        "checkpoint_sha256": file_sha256(pretrained.path),
        **{name: config[name] for name in ("direction", "size", "tile", "seed")},
    }
    report(run(todo, work, settings=settings, verb="translating"), "translated")


main = command("translate")(translate)

if __name__ == "__main__":
    main()
