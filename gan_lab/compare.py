"""Compare enhancement networks on the same photos: `python -m gan_lab.compare input=/photos output=/compared`."""

from __future__ import annotations

from gan_lab.config import command

main = command("compare")

if __name__ == "__main__":
    main()
