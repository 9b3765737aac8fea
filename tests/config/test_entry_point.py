"""A command checks its texts, and answers a call for help without importing torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

import gan_lab
from gan_lab.config.entry_point import check_texts, check_trust
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


def test_trust_is_given_on_the_command_line_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []
    hydra = OmegaConf.create({"overrides": {"task": given}})
    monkeypatch.setattr("gan_lab.config.entry_point.HydraConfig.get", lambda: hydra)
    check_trust(OmegaConf.create({"trust": None}))
    check_trust(OmegaConf.create({}))
    for value in ("mine", ["mine"]):
        with pytest.raises(UserError, match="a file may not ask for trust"):
            check_trust(OmegaConf.create({"trust": value}))
    hydra.overrides.task = ["seed=1", "trust=mine"]
    check_trust(OmegaConf.create({"trust": "mine"}))
    with pytest.raises(UserError, match="trust=os: is not a package of yours"):
        check_trust(OmegaConf.create({"trust": "os"}))
