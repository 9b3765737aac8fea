"""Restore a folder of photos: `python -m gan_lab.enhance checkpoint=runs/<name> input=/photos output=/results`."""

from __future__ import annotations

import torch
from omegaconf import DictConfig

from gan_lab.config import command
from gan_lab.jobs import open_checkpoint, plan, report, run
from gan_lab.jobs.pretrained import check_tile


def enhance(config: DictConfig) -> None:
    """Restore every photo of `input` with the model of `checkpoint`, at its own size."""
    check_tile(config.tile)
    tasks = plan(config.input, config.output, config.format)
    pretrained = open_checkpoint(config.checkpoint, config.device)
    pretrained.require("restoration")
    torch.manual_seed(config.seed)
    outcome = run(tasks, lambda image: pretrained.enhance(image, config.tile), "enhancing", pretrained.channels)
    report(outcome, "enhanced", config.output)


main = command("enhance")(enhance)

if __name__ == "__main__":
    main()
