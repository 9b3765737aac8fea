"""Options that every command with photos in and photos out has."""

from __future__ import annotations

from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

from gan_lab.errors import UserError
from gan_lab.jobs.options import check_photo_options


def config(**given: Any) -> DictConfig:
    usual = {"jobs": 1, "quality": 95, "max_pixels": 10**8, "max_result_pixels": 10**9, "provenance": "on"}
    return OmegaConf.create(usual | {"drop_gps": False, "report": True} | given)


def test_the_ends_of_each_range_are_taken() -> None:
    check_photo_options(config(quality=1, max_pixels=2**32, provenance="off"), guard__enabled=True)


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"jobs": 0}, "jobs=0: needs a whole number"),
        ({"quality": 101}, "quality=101: needs a whole number from 1 to 100"),
        ({"quality": True}, "quality=True: needs a whole number"),
        ({"max_pixels": 0}, "max_pixels=0: needs a whole number from 1 to 4294967296"),
        ({"max_result_pixels": 1.5}, "max_result_pixels=1.5: needs a whole number"),
        ({"provenance": "maybe"}, "provenance=maybe: needs on or off"),
        ({"drop_gps": 1}, "drop_gps=1: needs true or false"),
    ],
)
def test_what_nothing_can_be_written_with_is_refused(given: dict[str, Any], refusal: str) -> None:
    with pytest.raises(UserError, match=f"^{refusal}"):
        check_photo_options(config(**given))


def test_a_commands_own_flag_is_named_with_its_group() -> None:
    with pytest.raises(UserError, match=r"^guard\.enabled=yes: needs true or false"):
        check_photo_options(config(), guard__enabled="yes")
