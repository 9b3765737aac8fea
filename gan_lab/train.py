"""Train a model: `python -m gan_lab.train model=cyclegan data=products`."""

from __future__ import annotations

from gan_lab.config import command

main = command("train")

if __name__ == "__main__":
    main()
