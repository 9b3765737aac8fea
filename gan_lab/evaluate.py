"""Evaluate a model on held-out photos: `python -m gan_lab.evaluate checkpoint=runs/<name> output=/figures`."""

from __future__ import annotations

from gan_lab.config import command

main = command("evaluate")

if __name__ == "__main__":
    main()
