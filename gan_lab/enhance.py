"""Enhance a folder of photos: `python -m gan_lab.enhance input=/photos output=/better`."""

from __future__ import annotations

from gan_lab.config import command

main = command("enhance")

if __name__ == "__main__":
    main()
