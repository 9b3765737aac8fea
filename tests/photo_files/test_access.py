"""Opening an image file: what is learnt for it, and every fault named."""

from __future__ import annotations

import pickle
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from gan_lab.photo_files import UnreadableImage, read_image, read_photo, read_size
from tests.fixtures.heif import FOLDER as HEIF
from tests.fixtures.heif import make_muted_picture


def test_heif_is_learnt_when_there_is_one() -> None:
    """In a process of its own, for it stays learnt."""
    path = HEIF / "alpha.heic"
    code = (
        "import sys; from pathlib import Path; from gan_lab.photo_files import read_photo, read_image\n"
        f"before = 'pi_heif' in sys.modules; read_photo(Path({str(path)!r})); print(before, 'pi_heif' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == ["False", "True"]


def test_heif_may_be_learnt_by_another_thread_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    read_photo(HEIF / "alpha.heic")
    learnt, opened = Image.OPEN.pop("HEIF"), Image.open

    def open_and_learn(*given: object, **options: object) -> Image.Image:
        try:
            return opened(*given, **options)
        finally:
            Image.OPEN["HEIF"] = learnt

    monkeypatch.setattr(Image, "ID", [name for name in Image.ID if name != "HEIF"])
    monkeypatch.setattr(Image, "open", open_and_learn)
    assert read_photo(HEIF / "alpha.heic").pixels.shape == (48, 80, 3)


def test_without_its_library_a_heic_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    with pytest.raises(UnreadableImage, match="pip install pi-heif"):
        read_photo(HEIF / "phone.heic")


@pytest.mark.parametrize("name", ["a.dng", "a.nef", "a.ARW", "renamed.tif", "cr2.tif"])
def test_the_small_picture_in_a_raw_file_is_not_taken_for_the_photo(tmp_path: Path, name: str) -> None:
    tags = {50706: b"\1\4\0\0"} if name == "renamed.tif" else {}
    Image.fromarray(make_muted_picture()).save(tmp_path / name, "TIFF", tiffinfo=tags)
    if name == "cr2.tif":  # its mark stands where Pillow writes the directory: which goes to the end
        data = bytearray((tmp_path / name).read_bytes())
        (start,) = struct.unpack_from("<I", data, 4)
        data += data[start : start + 2 + 12 * data[start] + 4]
        struct.pack_into("<I", data, 4, len(data) - (2 + 12 * data[start] + 4))
        data[8:10] = b"CR"
        (tmp_path / name).write_bytes(data)
    for read in (read_photo, read_image, read_size):
        with pytest.raises(UnreadableImage, match="raw file of a camera"):
            read(tmp_path / name)


def test_a_jpeg_that_is_called_raw_is_a_jpeg(tmp_path: Path) -> None:
    Image.fromarray(make_muted_picture()).save(tmp_path / "a.dng", "JPEG")
    assert read_photo(tmp_path / "a.dng").metadata.format == "JPEG"


def test_the_error_survives_the_way_between_processes(tmp_path: Path) -> None:
    error = pickle.loads(pickle.dumps(UnreadableImage(tmp_path / "x.png", "the reason")))
    assert (error.path, error.reason) == (tmp_path / "x.png", "the reason")
