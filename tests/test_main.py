"""`python -m gan_lab` lists the commands, and runs one by its name."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import gan_lab
from gan_lab import __main__ as entry


def test_every_command_is_listed_with_what_it_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in ([], ["--help"]):
        monkeypatch.setattr(sys, "argv", ["gan_lab", *arguments])
        entry.main()
        said = capsys.readouterr().out
        assert "python -m gan_lab.train      Train a model\n" in said
    commands = {path.stem for path in (Path(gan_lab.__file__).parent / "commands").glob("[a-z]*.py")}
    assert commands == set(entry.COMMANDS)


def test_a_command_is_run_with_its_own_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, str, list[str]]] = []

    def command(name: str) -> Callable[[], None]:
        running = sys.modules["__main__"].__spec__
        return lambda: seen.append((name, running.name if running else "", sys.argv[1:]))

    monkeypatch.setattr("gan_lab.config.command", command)
    monkeypatch.delitem(sys.modules, "gan_lab.pack", raising=False)
    monkeypatch.setattr(sys, "argv", ["gan_lab", "pack", "output=a.safetensors", "-h"])
    entry.main()
    assert seen == [("pack", "gan_lab.pack", ["output=a.safetensors", "-h"])]


def test_a_mistyped_command_is_answered_with_the_nearest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for given, answer in (("trian", "did you mean train?"), ("xyz", "there are train, evaluate")):
        monkeypatch.setattr(sys, "argv", ["gan_lab", given])
        with pytest.raises(SystemExit) as ended:
            entry.main()
        assert ended.value.code == 2
        assert answer in capsys.readouterr().err
