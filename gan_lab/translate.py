"""Translate a folder of photos: `python -m gan_lab.translate checkpoint=runs/<name> input=/photos output=/results`."""

from __future__ import annotations

from gan_lab.config import command

main = command("translate")

if __name__ == "__main__":
    main()
