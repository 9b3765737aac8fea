"""Put trained networks into one file of weights: `python -m gan_lab.pack output=mine.safetensors restorer=runs/mine`."""

from __future__ import annotations

from gan_lab.config import command

main = command("pack")

if __name__ == "__main__":
    main()
