"""The pack command: networks of runs in one file of weights."""

from __future__ import annotations

import sys
from types import ModuleType

import gan_lab.pack
from gan_lab.inference import bundle
from tests.inference.checkpoints import tiny_checkpoint
from tests.integration.runs import Command


def test_packed_runs_are_weights(command: Command) -> None:
    tiny_checkpoint(command.folder / "run", "restorer")
    pack: ModuleType = gan_lab.pack

    def run_pack(*arguments: str) -> int:
        command.monkeypatch.chdir(command.folder)
        command.monkeypatch.setattr(sys, "argv", ["pack", *arguments])
        try:
            pack.main()
        except SystemExit as stopped:
            return int(stopped.code or 0)
        return 0

    assert run_pack("output=own.safetensors", "restorer=run") == 0
    assert bundle.read_bundle(command.folder / "own.safetensors").keys() == {"restorer"}
    assert run_pack("output=own.ckpt", "restorer=run") == 2
    assert run_pack("output=own.safetensors") == 2
    assert run_pack("output=wrong.safetensors", "x2=run") == 2
    assert not (command.folder / "wrong.safetensors").exists()
