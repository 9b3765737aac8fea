"""Files of torch.save hold tensors and plain containers; what else they name is not made."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed.tensor  # registers its classes as safe for torch.load
from torch.distributed.device_mesh import DeviceMesh

from gan_lab.storage.tensor_files import forget_registered_classes, load_tensors

MADE: list[str] = []


class Calling:
    """Unpickles by a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


class Registered:
    """What a package may register as safe: it is made while a file is read."""

    def __init__(self) -> None:
        MADE.append("made")


@pytest.mark.parametrize("new", [True, False])
def test_tensors_and_plain_containers_are_read(new: bool, tmp_path: Path) -> None:
    weights = OrderedDict(
        a=torch.arange(6.0).reshape(2, 3), b=torch.ones(2, dtype=torch.bfloat16), c=torch.tensor([True])
    )
    weights["d"] = torch.nn.Parameter(torch.zeros(1))
    content = {"weights": weights, "more": [(1, 2.5), {"x": None}], "n": torch.tensor(3)}
    torch.save(content, tmp_path / "a.pt", _use_new_zipfile_serialization=new)
    read = load_tensors(tmp_path / "a.pt", old_format=not new)
    assert all(torch.equal(read["weights"][name], value) for name, value in weights.items())
    assert (read["more"], int(read["n"])) == (content["more"], 3)


@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Calling(DeviceMesh, "cpu", [0]), "DeviceMesh"),
        (Calling(bytearray, 10**13), "bytearray"),
        (Calling(torch.FloatTensor, 10**12), "FloatTensor"),
        (Calling(print, "x"), "print"),
        (torch.zeros(2, dtype=torch.complex64), "Complex"),
        (torch.Size([1]), "Size"),
        (torch.device("cpu"), "device"),
    ],
)
def test_what_else_a_file_names_is_not_made(value: Any, name: str, new: bool, tmp_path: Path) -> None:
    torch.save({"x": value}, tmp_path / "a.pt", _use_new_zipfile_serialization=new)
    with pytest.raises(ValueError, match=rf"it names .*{name}.*, where tensors alone may stand"):
        load_tensors(tmp_path / "a.pt", old_format=not new)


def test_the_old_format_is_read_where_it_is_asked_for_alone(tmp_path: Path) -> None:
    torch.save({"x": torch.zeros(1)}, tmp_path / "a.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(zipfile.BadZipFile):
        load_tensors(tmp_path / "a.pt")


def test_a_class_that_a_package_registers_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save({"x": Calling(Registered)}, tmp_path / "a.pt")
    with torch.serialization.safe_globals([Registered]):
        torch.load(tmp_path / "a.pt", weights_only=True)
        assert MADE == ["made"]
        with pytest.raises(ValueError, match="Registered"):
            load_tensors(tmp_path / "a.pt")
        monkeypatch.setattr("gan_lab.storage.tensor_files.check_names", lambda file: None)
        with pytest.raises(pickle.UnpicklingError):
            load_tensors(tmp_path / "a.pt")
        assert MADE == ["made"]
        with forget_registered_classes():
            assert torch.serialization.get_safe_globals() == []
        assert Registered in torch.serialization.get_safe_globals()


def join_archives(path: Path, *contents: io.BytesIO) -> None:
    """Write an archive that has the records of several, each name twice."""
    with zipfile.ZipFile(path, "w") as made:
        for content in contents:
            with zipfile.ZipFile(content) as archive:
                for name in archive.namelist():
                    made.writestr(name, archive.read(name))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_the_names_are_those_that_torch_reads(tmp_path: Path) -> None:
    """Of two records of one name zipfile sees the last one; what is looked at must be what torch unpickles."""
    good, evil = io.BytesIO(), io.BytesIO()
    torch.save({"x": torch.zeros(1)}, good)
    torch.save({"x": Calling(bytearray, 3)}, evil)
    for contents in ((good, evil), (evil, good)):
        join_archives(tmp_path / "a.pt", *contents)
        try:
            read = load_tensors(tmp_path / "a.pt")
        except Exception:
            continue
        assert isinstance(read["x"], torch.Tensor)
