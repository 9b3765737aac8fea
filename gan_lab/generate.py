"""Generate images: `python -m gan_lab.generate checkpoint=runs/<name> n=64 output=/images`."""

from __future__ import annotations

from omegaconf import DictConfig

from gan_lab.config import command
from gan_lab.jobs import open_checkpoint
from gan_lab.jobs.sampling import check_folder, write_samples


def generate(config: DictConfig) -> None:
    """Write `n` images of the model of `checkpoint`, and a grid of the first ones."""
    pretrained = open_checkpoint(config.checkpoint, config.device)
    batches = pretrained.samples(config.n, config.seed, config.label)
    folder = check_folder(config.output, config.n)
    grid = write_samples(batches, folder, config.n, columns=pretrained.model.classes if pretrained.conditional else 8)
    print(f"generated    {config.n} images in {folder}")
    print(f"grid         {grid}", flush=True)


main = command("generate")(generate)

if __name__ == "__main__":
    main()
