"""Run the inputs on which gan_lab once went wrong, as a user would, and print a line for each.

    python -m tests.cases /path/to/cases [--only classes grow ...]

The cases are folders of small drawn pictures; what each shows is in its check below, and the kinds that they stand for have
tests of their own. A case that is not there is skipped and said.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gan_lab.data.record import RECORD, PhotoRecord
from gan_lab.photo_files import read_image

TINY = ("data.image_size=32", "data.batch_size=4", "data.num_workers=0", "device=cpu", "trainer.doctor=false")


class WrongError(Exception):
    """The case goes wrong."""


def run(*arguments: str | Path, code: int = 0, says: tuple[str, ...] = (), **environment: str) -> str:
    """Run a command of gan_lab and return all that it printed.

    Raises:
        WrongError: it ends with another exit code, or does not say what it should.
    """
    command = [sys.executable, "-m", f"gan_lab.{arguments[0]}", *map(str, arguments[1:])]
    done = subprocess.run(command, capture_output=True, env=os.environ | environment, check=False)
    told = (done.stdout + done.stderr).decode(errors="replace")
    if done.returncode != code:
        raise WrongError(f"exit code {done.returncode}, not {code}: {told[-400:]}")
    for text in says:
        if text not in told:
            raise WrongError(f"it does not say {text!r}: {told[-400:]}")
    return told


def expect(is_so: bool, what: str) -> None:
    """Raise `WrongError` with what is not so."""
    if not is_so:
        raise WrongError(what)


def check_classes(case: Path, work: Path) -> str:
    """A class that is renamed must not become another one's number."""
    photos = shutil.copytree(case, work / "photos")
    train = ("train", "model=cgan", *TINY, f"data.root={photos}", "trainer.max_iterations=2", f"runs_dir={work}")
    run(*train, "name=run")
    run("generate", f"checkpoint={work}/run", "label=green", "n=2", f"output={work}/before", "device=cpu")
    (photos / "beige").rename(photos / "red")
    run("train", f"resume={work}/run", "trainer.max_iterations=4", code=2, says=("beige", "red"))
    run("evaluate", f"checkpoint={work}/run", "device=cpu", f"output={work}/figures", code=2, says=("beige", "red"))
    run("generate", f"checkpoint={work}/run", "label=green", "n=2", f"output={work}/after", "device=cpu")
    for picture in (work / "before").glob("seed*.png"):
        expect(picture.read_bytes() == (work / "after" / picture.name).read_bytes(), "label=green draws another class")
    run(*train, "name=other", f"init_from={work}/run", says=("green, navy taken by name", "red fresh"))
    return "resume and evaluate refuse the renamed class, label=green stays green, init_from takes rows by name"


def check_grow(case: Path, work: Path) -> str:
    """A photo more must not move others to another side of the split."""
    photos = shutil.copytree(case, work / "photos")
    train = ("train", "model=vae", *TINY, f"data.root={photos}", f"runs_dir={work}")
    run(*train, "name=run", "trainer.max_iterations=2")
    before = PhotoRecord.read(work / "run" / RECORD)
    shutil.copy(case.parent / "one_more_photo.jpg", photos / "a_first.jpg")
    run("train", f"resume={work}/run", "trainer.max_iterations=3")
    run(*train, "name=again", "trainer.max_iterations=1")
    for name in ("run", "again"):
        after = PhotoRecord.read(work / name / RECORD)
        assert before is not None
        assert after is not None
        expect(bool((after.find_parts(before.digests) == before.parts).all()), f"{name}: a photo has changed its side")
        expect(len(after) == len(before) + 1, f"{name}: {len(before)} photos and one more are {len(after)}")
    return "100 photos keep their side, in the continued run and in a new one; the one more has its own"


def check_my(case: Path, work: Path) -> str:
    """Keys at the top level of a user's own experiment count."""
    options = ("train", f"--config-dir={case}", "--cfg", "job", "experiment=seeded")
    run(*options, code=2, says=("compile=true, gradient_checkpointing=true",))  # it asks for both
    told = run(*options, "gradient_checkpointing=false")
    for line in ("seed: 7", "compile: true", "init_from: somewhere.ckpt", "name: mine", "runs_dir: /my/runs"):
        expect(line in told, f"the experiment's {line!r} is dropped")
    expect("seed: 8" in run(*options, "gradient_checkpointing=false", "seed=8"), "the command line does not win")
    return "seed, compile, init_from, name, runs_dir and device count; the command line wins"


def check_suffix(case: Path, work: Path) -> str:
    """Photos go by their content, and what cannot be read is named."""
    run("enhance", f"input={case}", f"output={work}/out", "format=same", "device=cpu", code=1, says=("f.heic",))
    made = sorted(
        path.name for path in (work / "out").iterdir() if path.suffix in (".jpg", ".JPG", ".jfif", ".jpe", ".png")
    )
    expect(len(made) == 7, f"made of 7 photos: {made}")
    return f"7 photos are enhanced ({', '.join(made)}), f.heic, which is cut short, is named with exit code 1"


def check_masks(case: Path, work: Path) -> str:
    """Masks find their photos."""
    run("enhance", f"input={case}/photos", f"mask={case}/masks", f"output={work}/out", "format=png", "device=cpu")
    pairs = {"a.jpg": "a.png", "b.jpg": "b_mask.png", "IMG_3.JPG": "img_3.png"}
    for photo, mask in pairs.items():
        holes = np.asarray(read_image(case / "masks" / mask)).max(axis=2) > 127
        before, after = case / "photos" / photo, work / "out" / f"{Path(photo).stem}.png"
        changed = np.abs(np.asarray(read_image(after), float) - np.asarray(read_image(before), float)).mean(axis=2)
        expect(changed[holes].mean() > 2 * changed[~holes].mean(), f"{photo} is not filled")
    (work / "wrong").mkdir()
    shutil.copy(case / "masks" / "a.png", work / "wrong" / "aa.png")
    options = (f"input={case}/photos", f"mask={work}/wrong", f"output={work}/none", "device=cpu")
    run("enhance", *options, code=2, says=("aa.png", "IMG_3"))
    return "a.png, b_mask.png and img_3.png fill a.jpg, b.jpg and IMG_3.JPG; aa.png alone is refused, with both names"


def check_colour(case: Path, work: Path) -> str:
    """Colours that a file states are honoured."""
    run("enhance", f"input={case}", f"output={work}/out", "correct=none", "device=cpu")
    plain = np.asarray(read_image(case / "plain.png"), float)
    for name in ("p3_cicp.png", "p3_cicp_16.png", "p3_nclx.avif"):
        read = np.asarray(read_image(case / name), float)
        expect(np.abs(read - plain).mean() > 1, f"{name} is read as plain sRGB")
        made = np.asarray(read_image(work / "out" / name), float)
        expect(np.abs(made - read).mean() < 4, f"{name}: the result has other colours than training reads")
    manifest = (work / "out" / "manifest.jsonl").read_text()
    expect("P3" in manifest, "no note says what the colours were")
    return "Display P3 by cICP (8 and 16 bits) and by nclx is converted, with a note; training reads the same"


def check_trailing(case: Path, work: Path) -> str:
    """Metadata do not speak of what is gone."""
    run("enhance", f"input={case}", f"output={work}/out", "format=same", "device=cpu")
    content = (work / "out" / "motion.jpg").read_bytes()
    expect(b"MotionPhoto" not in content, "the XMP still says that there is a film")
    expect("film" in (work / "out" / "manifest.jsonl").read_text(), "no note says that the film is gone")
    return "the film goes, the XMP no longer speaks of it, a note says so"


def check_names(case: Path, work: Path) -> str:
    """Encodings change no exit code and lose no list of failures."""
    for number, encoding in enumerate(("ascii", "cp1252", "utf-8")):
        told = run("enhance", f"input={case}", f"output={work}/{number}", code=1, PYTHONIOENCODING=encoding)
        expect("UnicodeEncodeError" not in told and ".jpg" in told, f"{encoding}: the list of failures is lost")
        expect((work / str(number) / "ok.jpg").exists(), f"{encoding}: the result is lost")
    return "with ascii, cp1252 and utf-8: one done, one named, exit code 1"


def check_system(case: Path, work: Path) -> str:
    """Folders of the system hold no photos."""
    run("enhance", f"input={case}", f"output={work}/out", "device=cpu", says=("@eaDir", "$RECYCLE.BIN"))
    made = sorted(path.name for path in (work / "out").rglob("*") if path.suffix in (".jpg", ".png"))
    expect(made == ["shirt.jpg"], f"made: {made}")
    return "@eaDir and $RECYCLE.BIN are left out, and said"


def check_strip(case: Path, work: Path) -> str:
    """A long, thin picture does not fill memory."""
    photos = work / "photos"
    shutil.copytree(case.parent / "grow", photos)
    shutil.copy(case / "gradient.png", photos)
    train = ("train", "model=vae", *TINY, f"data.root={photos}", f"runs_dir={work}", "name=run")
    run(*train, "trainer.max_iterations=1", says=("gradient.png", "max_pixels"))
    return "left out of training and named (data.max_pixels)"


CASES: dict[str, Callable[[Path, Path], str]] = {
    name.removeprefix("check_"): check for name, check in globals().items() if name.startswith("check_")
}


def main() -> None:
    """Run the cases; fail if one goes wrong."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("cases", type=Path)
    options.add_argument("--only", nargs="*", choices=CASES, default=CASES)
    arguments = options.parse_args()
    wrong = 0
    for name in arguments.only:
        case = arguments.cases / name
        if not case.is_dir():
            print(f"skipped {name}: {case} is not there")
            continue
        with tempfile.TemporaryDirectory() as work:
            try:
                print(f"right   {name}: {CASES[name](case.resolve(), Path(work).resolve())}", flush=True)
            except WrongError as error:
                wrong += 1
                print(f"WRONG   {name}: {error}", flush=True)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
