"""The folder of photos that an option names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gan_lab.data.index import NOWHERE, Index
from gan_lab.errors import UserError


@dataclass(frozen=True)
class Root:
    """A folder of photos, by the option that names it.

    Attributes:
        option: its name, without `data.`.
        path: the folder.
        index: keeps what is found in it for the next start.
    """

    option: str
    path: Path
    index: Index = NOWHERE

    def refuse(self, why: str) -> UserError:
        """Return the refusal of the folder, to be raised."""
        return UserError(f"data.{self.option}={self.path}: {why}")
