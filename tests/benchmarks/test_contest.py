"""The benchmarks that train keep their runs, and take none for another's."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).parents[2] / "benchmarks" / "contest.py"


@pytest.fixture(scope="module")
def contest() -> ModuleType:
    spec = importlib.util.spec_from_file_location("contest", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_folder_of_runs_is_taken_up_again_by_the_same_options_only(contest: ModuleType, tmp_path: Path) -> None:
    options = contest.parser("a benchmark", "photos")
    line = ["--root", "/photos", "--work", str(tmp_path / "kept"), "--minutes"]
    contest.begin(options.parse_args([*line, "20"]))
    contest.begin(options.parse_args([*line, "20", "--json", "out.json"]))  # what is written, not what was trained
    with pytest.raises(SystemExit, match=r"--work .*kept holds runs of --minutes 20\.0: name another folder"):
        contest.begin(options.parse_args([*line, "10"]))
    contest.begin(options.parse_args([*line, "20"]))  # a refusal changes nothing
