"""The installed version, or that there is none."""

from __future__ import annotations

import importlib.metadata

import pytest

from gan_lab import version


def test_sources_that_are_not_installed_have_a_version_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_none(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    with monkeypatch.context() as patch:
        patch.setattr(importlib.metadata, "version", find_none)
        assert importlib.reload(version).VERSION == "not installed"
        patch.setattr(importlib.metadata, "version", lambda name: {"gan-lab": "9.8.7"}[name])
        assert importlib.reload(version).VERSION == "9.8.7"
    importlib.reload(version)
