"""Generate images: `python -m gan_lab.generate checkpoint=runs/<name> n=64 output=/images`."""

from __future__ import annotations

from gan_lab.config import command

main = command("generate")

if __name__ == "__main__":
    main()
