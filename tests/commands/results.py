"""What a command left."""

from __future__ import annotations

from pathlib import Path


def list_files(folder: Path) -> set[str]:
    """Return the files of a folder by their paths in it."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
