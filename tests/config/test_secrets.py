"""Secrets are masked wherever something is written down, and no text moves the terminal's cursor."""

from __future__ import annotations

import sys

import pytest

from gan_lab.config import mask_secrets, mask_text


def test_secrets_are_masked_at_any_depth() -> None:
    node = {"logger": [{"api_key": "x", "project": "p"}], "wandb_token": "y", "password": None}
    assert mask_secrets(node) == {
        "logger": [{"api_key": "***", "project": "p"}],
        "wandb_token": "***",
        "password": None,
    }
    lines = [
        "+logger.wandb.settings={api_key:x,timeout:3}",
        "data.root=https://me:x@host/a",
        "data.access_key='a b'",
        "seed=1",
    ]
    assert mask_secrets(lines) == [
        "+logger.wandb.settings={api_key:***,timeout:3}",
        "data.root=https://me:***@host/a",
        "data.access_key=***",
        "seed=1",
    ]


def test_secrets_that_were_given_are_masked_wherever_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "from the environment")
    monkeypatch.setenv("SHOP", "referred to")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false-ish")
    given = [
        "+a.api_key='swept one',swept2",
        "+a={b:{password:[inside]}}",
        "a.token=${oc.env:SHOP}",
        "a.secret=7",
        "b='",
    ]
    monkeypatch.setattr(sys, "argv", ["gan_lab.train", *given])
    said = "from the environment, swept one, swept2, inside, referred to, false-ish, 7"
    assert mask_text(said) == "***, ***, ***, ***, ***, false-ish, 7"
    assert mask_secrets({"a": ["swept2"]}) == {"a": ["***"]}


def test_a_quoted_secret_in_a_text_is_masked_whole() -> None:
    assert mask_text("password='a b' api_key: \"c, d\" seed=1") == "password=*** api_key: *** seed=1"
    assert mask_text("token=a@b https://me:c@d@host/e") == "token=*** https://me:***@host/e"
