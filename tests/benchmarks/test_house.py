"""What the house rules ask for of a checkout, without running it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.house import EXEMPT, has_tests, list_untested

ROOT = Path(__file__).resolve().parents[2]


def test_every_module_has_a_test_file_of_its_own() -> None:
    assert list_untested(ROOT) == [], "write tests/<room>/test_<module>.py, or say in benchmarks/house.py why not"


@pytest.mark.parametrize("module", EXEMPT)
def test_what_is_exempt_is_there_and_has_none(module: str) -> None:
    assert (ROOT / "gan_lab" / module).is_file()
    assert not has_tests(ROOT, Path(module))


def test_a_file_without_a_test_is_none(tmp_path: Path) -> None:
    for name in ("gan_lab/room/__init__.py", "gan_lab/room/made.py", "gan_lab/__main__.py", "gan_lab/train.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert list_untested(tmp_path) == ["__main__.py", "room/made.py"]
    (tmp_path / "tests/room").mkdir(parents=True)
    (tmp_path / "tests/room/test_made.py").touch()
    (tmp_path / "tests/test_main.py").write_text("def test_it() -> None: ...")
    assert list_untested(tmp_path) == ["room/made.py"]
    (tmp_path / "tests/room/test_made.py").write_text("def test_it() -> None: ...")
    assert list_untested(tmp_path) == []
