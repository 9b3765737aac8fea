"""Translate a folder of photos: `python -m gan_lab.translate checkpoint=runs/<name> input=/photos output=/results`."""

from __future__ import annotations

import torch
from omegaconf import DictConfig

from gan_lab.config import command
from gan_lab.jobs import open_checkpoint, plan, report, run
from gan_lab.jobs.pretrained import check_direction, check_size, check_tile


def translate(config: DictConfig) -> None:
    """Give every photo of `input` the look of the other domain of the model of `checkpoint`."""
    check_direction(config.direction)
    check_size(config.size)
    check_tile(config.tile)
    tasks = plan(config.input, config.output, config.format)
    pretrained = open_checkpoint(config.checkpoint, config.device)
    pretrained.require("translation")
    torch.manual_seed(config.seed)
    outcome = run(
        tasks,
        lambda image: pretrained.translate(image, config.direction, config.size, config.tile),
        "translating",
        pretrained.channels,
    )
    report(outcome, "translated", config.output)


main = command("translate")(translate)

if __name__ == "__main__":
    main()
