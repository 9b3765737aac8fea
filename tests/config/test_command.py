"""A command checks its texts, and answers a call for help without importing torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

import gan_lab
from gan_lab.config.command import check_texts
from gan_lab.errors import UserError


@pytest.mark.parametrize("key", ["output", "image", "name"])
def test_a_name_that_is_too_long_is_told(key: str) -> None:
    with pytest.raises(UserError, match=f"{key}=a/xxx.*at most 255 bytes"):
        check_texts(OmegaConf.create({key: "a/" + "x" * 256}))
    check_texts(OmegaConf.create({key: "a/" * 200 + "x" * 255}))


@pytest.mark.parametrize(
    "name", sorted(path.stem for path in (Path(gan_lab.__file__).parent / "commands").glob("[a-z]*.py"))
)
def test_help_waits_for_no_import_of_torch(name: str) -> None:
    seen = f"import sys; sys.argv = ['{name}', '--help']; from gan_lab.{name} import main"
    line = f"{seen}\ntry: main()\nfinally: print('torch' in sys.modules, 'lightning' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True).stdout
    assert f"gan_lab.{name}" in told
    assert told.endswith("False False\n")
