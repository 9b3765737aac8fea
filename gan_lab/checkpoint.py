"""Checkpoints: written whole or not at all, read without running code, and carrying the configuration they came from."""

from __future__ import annotations

import copy
import logging
import os
import zipfile
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.plugins.io import CheckpointIO

from gan_lab.config import build, check_description, iterate_calls
from gan_lab.errors import UserError
from gan_lab.models import ManualModule
from gan_lab.models.class_rows import join_names, read_class_names, take_rows_by_name
from gan_lab.options import ImageSize, check_image_size
from gan_lab.storage import PlainCopy, open_regular, plain_data, write_atomically
from gan_lab.storage.tensor_files import check_sums, load_tensors, load_weights
from gan_lab.version import VERSION

log = logging.getLogger(__name__)

#: A run's newest checkpoint, and the one before it.
LAST, PREVIOUS = "last.ckpt", "previous.ckpt"
#: How the name ends of what a module keeps beside its tensors.
EXTRA_STATE = "_extra_state"
#: Version of the checkpoint's own layout.
FORMAT = 1
#: What a run needs to go on, beside its weights.
RESUMED = {"ranks": list, "optimizer_states": list, "lr_schedulers": list, "callbacks": dict}
#: Parts of a configuration that are groups of options.
GROUPS = ("model", "data", "trainer", "logger", "callbacks", "choices")
#: Parts that are neither: each has a check of its own, or says where the file comes from.
OTHERS = {"config", "clock", "state_dict", "format", "versions", "pytorch-lightning_version"}
#: Options of the data by the names that older checkpoints have for them.
RENAMED = {"root_A": "domain_a", "root_B": "domain_b", "class_A": "class_a", "class_B": "class_b"}


class DamagedError(UserError):
    """A file is not what a checkpoint was when it was written, or none that can be read safely."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"checkpoint {path}: damaged, or not a checkpoint that can be read safely ({reason}); name another"
        )


class CrashSafeIO(CheckpointIO):
    """Write a checkpoint beside its final place, flush it to disk, then rename it: a kill leaves the old one or the new.

    Args:
        config: the run's resolved configuration in plain containers; goes into every checkpoint.

    Attributes:
        unwritten: files whose newest version could not be written, and why.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.unwritten: dict[Path, OSError] = {}
        self._written: set[Path] = set()

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write `checkpoint` to `path`; where the disk refuses it, keep what was there, say so, and let the run go on."""
        path = Path(path)
        try:
            about = {"format": FORMAT, "versions": get_versions(), "config": self.config}
            former = PREVIOUS if path.name == LAST and self._sound(path) else None
            with write_atomically(path, former) as file:
                torch.save(checkpoint | about, file)
            self._written.add(path)
        except (OSError, RuntimeError) as error:
            # torch makes an error of its own of a file's
            refusal = error if isinstance(error, OSError) else error.__context__
            if not isinstance(refusal, OSError):
                raise
            iteration = checkpoint["clock"]["iteration"]
            log.error(
                "iteration %d: %s cannot be written (%s); %s, and the run goes on: make room for the next",
                iteration,
                path,
                refusal.strerror,
                "the one before stays" if path.exists() else "there is none yet",
            )
            self.unwritten[path] = refusal
        else:
            self.unwritten.pop(path, None)

    def _sound(self, path: Path) -> bool:
        """Return whether a file may take the place of the one before: what this process has not written may be torn."""
        if path in self._written:
            return path.exists()
        try:
            with open_regular(path) as file:
                check_sums(file)
        except (OSError, ValueError, zipfile.BadZipFile):
            return False
        return True

    def load_checkpoint(
        self, path: Any, map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read a checkpoint's tensors and plain containers.

        Raises:
            UserError: see `read_checkpoint`, or it lacks what a run needs to go on.
        """
        content = read_once(Path(path))
        forget()
        for name, kind in RESUMED.items():
            if type(content.get(name)) is not kind:
                raise UserError(
                    f"checkpoint {path}: no run can go on from it (its {name} is something else); name another"
                )
        return content

    def remove_checkpoint(self, path: Any) -> None:
        """Delete a checkpoint."""
        Path(path).unlink(missing_ok=True)


def get_versions() -> dict[str, str]:
    """Return the versions that a checkpoint is made with."""
    return {"gan_lab": VERSION, "torch": str(torch.__version__), "lightning": lightning.__version__}


class ForeignError(UserError):
    """A file of tensors that is no checkpoint of gan_lab."""


def find_checkpoint_file(option: str, value: str | Path, prefer: str = "best") -> Path:
    """Return the checkpoint file that `value` means: a file, a run's folder, or its checkpoints folder.

    Args:
        option: the option that gave it, for the message.
        value: the path.
        prefer: "best" or "last": which of a run's checkpoints to take; its newest one where it has not that.

    Raises:
        UserError: there is none.
    """
    path = Path(os.path.expanduser(value))
    if os.path.isfile(path):  # which a name that is too long does not make an error of
        return path
    for folder in filter(os.path.isdir, (path / "checkpoints", path)):
        if os.path.isfile(folder / f"{prefer}.ckpt"):
            return folder / f"{prefer}.ckpt"
        if found := [file for file in folder.glob("*.ckpt") if os.path.isfile(file)]:
            return max(found, key=os.path.getmtime)
    what = "is a folder without checkpoints/*.ckpt" if os.path.isdir(path) else "does not exist"
    raise UserError(f"{option}={value}: {what}; name a run's folder (runs/<name>) or a .ckpt file")


def find_whole_file(option: str, value: str | Path, say: bool = True) -> Path:
    """Return the checkpoint that a run continues from: its last one, or where that is damaged the newest that is whole.

    A file that is named is taken or refused, and no other.

    Args:
        option: the option that gave it, for the message.
        value: the path.
        say: warn of what is damaged.

    Raises:
        UserError: there is none.
        DamagedError: every one is damaged.
    """
    path = find_checkpoint_file(option, value, prefer="last")
    if os.path.isfile(os.path.expanduser(value)):
        return path
    try:
        read_once(path)
    except DamagedError as error:
        found = find_newest_whole(path.parent, but=path)
        if found is None:
            raise
        iteration = found[1]["clock"]["iteration"]
        if say:
            log.warning("%s; the run goes on from %s, iteration %d", error, found[0].name, iteration)
        return found[0]
    return path


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint into CPU memory. Only tensors and plain containers are read, so no code of it can run.

    Raises:
        UserError: the file is missing, damaged, or not a checkpoint of gan_lab.
    """
    try:
        checkpoint = load_tensors(path)
    except FileNotFoundError as error:
        raise UserError(f"checkpoint {path}: does not exist; name another") from error
    except OSError as error:
        raise UserError(
            f"checkpoint {path}: cannot be read ({error.strerror or error}); repair it, or name another"
        ) from error
    except MemoryError as error:
        raise UserError(f"checkpoint {path}: is larger than this machine's memory; use a machine with more") from error
    except Exception as error:  # what a damaged file makes of the unpickler can be anything, IndexError among it
        raise DamagedError(path, str(error).splitlines()[0][:120] if str(error) else type(error).__name__) from error
    if type(checkpoint) is not dict or not {"config", "clock", "state_dict"} <= checkpoint.keys():
        raise ForeignError(f"checkpoint {path}: not made by gan_lab (it holds no config); name another")
    checkpoint.pop("loops", None)  # Lightning's counters, which no checkpoint of gan_lab's has and a stranger's may set
    check_format(checkpoint, path)
    checkpoint["clock"] = read_clock(checkpoint["clock"], path)
    checkpoint["state_dict"] = read_weights(checkpoint["state_dict"], path)
    checkpoint["config"] = read_config(checkpoint["config"], path)
    for name in checkpoint.keys() - OTHERS:  # what a method of one's own has added among it
        checkpoint[name] = StateCopy(f"checkpoint {path}: {name}").copy(checkpoint[name])
    return checkpoint


#: What `read_once` has read last: what tells the file from a later one, and its content.
_recalled: tuple[tuple[Any, ...], dict[str, Any]] | None = None


def read_once(path: Path) -> dict[str, Any]:
    """Read a checkpoint, or give again what was read last, where that was this file as it is now.

    For the start of a continued run, which asks a large file several things. `forget` frees the memory.

    Returns:
        As of `read_checkpoint`; the tensors are the same ones at every call, and must not be changed.

    Raises:
        UserError: see `read_checkpoint`.
    """
    global _recalled
    try:
        state = os.stat(path)
    except OSError:
        return read_checkpoint(path)
    key = (os.path.abspath(path), state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns)
    if _recalled is None or _recalled[0] != key:
        forget()
        _recalled = key, read_checkpoint(path)
    content = _recalled[1]
    return content | {name: copy.deepcopy(content[name]) for name in ("config", "clock")}


def forget() -> None:
    """Free what `read_once` keeps."""
    global _recalled
    _recalled = None


class StateCopy(PlainCopy):
    """A walk over the state of a run, which holds tensors, tuples and numbered entries beside plain data."""

    def other(self, value: Any) -> Any:
        """Return a tuple's copy, or a tensor as it is."""
        if type(value) is tuple:
            return tuple(self.inside(index, item) for index, item in enumerate(value))
        if type(value) is torch.Tensor and value.layout is torch.strided:
            return value
        return super().other(value)

    def key(self, key: Any) -> Any:
        """Return a key; optimisers number their entries."""
        return key if type(key) is int else super().key(key)


def check_format(checkpoint: dict[str, Any], path: Path) -> None:
    """Refuse what a newer gan_lab has made.

    Raises:
        UserError: it is newer, or says nothing that makes sense.
    """
    number = checkpoint.get("format", 0)
    if type(number) is not int or not isinstance(checkpoint.get("pytorch-lightning_version", ""), str):
        raise UserError(f"checkpoint {path}: not made by gan_lab (its format is something else); name another")
    if number > FORMAT:
        known = plain_data(checkpoint.get("versions"), f"checkpoint {path}: versions")
        maker = str(known.get("gan_lab", "")) if isinstance(known, dict) else ""
        raise UserError(
            f"checkpoint {path}: made by a newer gan_lab {maker} (this is {VERSION}); upgrade with "
            "pip install -U gan-lab"
        )


def read_clock(clock: Any, path: Path) -> dict[str, Any]:
    """Return the clock of a checkpoint.

    Raises:
        UserError: it is none.
    """
    clock = plain_data(clock, f"checkpoint {path}: clock")
    if not isinstance(clock, dict) or type(clock.get("iteration")) is not int or clock["iteration"] < 0:
        raise UserError(f"checkpoint {path}: not made by gan_lab (its clock has no iteration); name another")
    progress, rollbacks = clock.get("progress", 0.0), clock.get("rollbacks", 0)
    if type(progress) not in (int, float) or type(rollbacks) is not int:
        raise UserError(f"checkpoint {path}: not made by gan_lab (its clock is something else); name another")
    return {"progress": 0.0, "rollbacks": 0} | clock


def read_weights(weights: Any, path: Path) -> dict[str, Any]:
    """Return a state dict as a plain one: tensors by name, and the extra state of an averaged network as data.

    Raises:
        UserError: it holds something else.
    """
    if not isinstance(weights, dict):
        raise UserError(f"checkpoint {path}: not made by gan_lab (its weights are something else); name another")
    found: dict[str, Any] = {}
    for name, value in weights.items():
        if type(name) is not str:
            raise UserError(f"checkpoint {path}: not made by gan_lab (a weight has no name); name another")
        if name.endswith(EXTRA_STATE):
            found[name] = plain_data(value, f"checkpoint {path}: {name}")
        elif type(value) in (torch.Tensor, torch.nn.Parameter) and is_dense(value):
            found[name] = value.detach()
        else:
            raise UserError(
                f"checkpoint {path}: its weight {name[:200]} is no dense tensor of real numbers; name another"
            )
    return found


def is_dense(value: torch.Tensor) -> bool:
    """Return whether a tensor is dense and of real numbers."""
    return value.layout is torch.strided and not (value.is_complex() or value.is_quantized or value.is_meta)


def read_config(config: Any, path: Path) -> dict[str, Any]:
    """Return the configuration that a checkpoint carries, as data.

    Raises:
        UserError: it is none, or holds what no configuration of gan_lab's does.
    """
    where = f"checkpoint {path}: config"
    if type(config) is not dict or "model" not in config:
        raise UserError(f"checkpoint {path}: not made by gan_lab (it holds no config); name another")
    # what was typed may hold interpolations, which were resolved elsewhere; nothing else may
    overrides = plain_data(config.get("overrides", []), f"{where}.overrides")
    config = plain_data({name: part for name, part in config.items() if name != "overrides"}, where, configuration=True)
    wrong = [name for name in GROUPS if not isinstance(config.get(name, {}), dict)]
    if wrong or not isinstance(overrides, list) or not all(isinstance(line, str) for line in overrides):
        raise UserError(
            f"checkpoint {path}: not made by gan_lab ({', '.join(wrong) or 'overrides'} is something else); name another"
        )
    if overrides:
        config["overrides"] = overrides
    if "penalty" in config["model"]:  # of a gan_lab that took a single one
        penalty = config["model"].pop("penalty")
        name = str(penalty.get("_target_", "")).rsplit(".", 1)[-1].lower() if isinstance(penalty, dict) else "penalty"
        config["model"]["penalties"] = penalty and {name: penalty}
    if "data" in config:
        config["data"] = {RENAMED.get(name, name): value for name, value in config["data"].items()}
        if config["data"].get("_target_") == "gan_lab.data.Products":
            config["data"].setdefault("split_by", "order")  # of a gan_lab that had no other rule
    return config


def find_newest_whole(
    folder: Path, but: Path | None = None, sound: Callable[[dict[str, Any]], bool] = lambda content: True
) -> tuple[Path, dict[str, Any]] | None:
    """Return the checkpoint of a folder that was made last of those that are whole, and its file; None where none is.

    Args:
        folder: of `*.ckpt` files.
        but: a file that is not asked.
        sound: what else a checkpoint must be.
    """
    found: tuple[Path, dict[str, Any]] | None = None
    for path in sorted(folder.glob("*.ckpt")):
        if path == but:
            continue
        try:
            candidate = read_checkpoint(path)
        except UserError:  # damaged, or a file that somebody else has put there
            continue
        newer = found is None or candidate["clock"]["iteration"] > found[1]["clock"]["iteration"]
        if newer and sound(candidate):
            found = path, candidate
    return found


def read_image_size(data: dict[str, Any], path: Path) -> ImageSize:
    """Return the size of a run's images that its configuration says.

    Raises:
        UserError: it says none.
    """
    try:
        return check_image_size("data.image_size", data.get("image_size"))
    except UserError as error:
        raise UserError(
            f"checkpoint {path}: its configuration has no size of images ({error}); name another"
        ) from error


def load_model(
    path: Path, device: str | torch.device = "cpu", trust: Collection[str] = ()
) -> tuple[ManualModule, dict[str, Any]]:
    """Build the model that a checkpoint describes and fill in its weights.

    Args:
        path: the file.
        device: where to put the model.
        trust: packages of the user's own whose classes it may name; see `gan_lab.config.targets`.

    Returns:
        The model in evaluation mode on `device`, and the resolved configuration of its run.

    Raises:
        UserError: the checkpoint cannot be read, names something that is not allowed, or does not fit its own config.
    """
    checkpoint = read_checkpoint(path)
    call = check_description(checkpoint["config"]["model"], f"checkpoint {path}: model", ManualModule, trust)
    for settings in (each.arguments for each in iterate_calls(call)):  # an autoencoder may be part of a model
        if settings.get("lambda_perceptual"):
            # The terms of a loss are of no use here, and this one's feature network may not be on this machine. L1 takes
            # its place where it was the only one, for a model without any term is refused.
            settings["lambda_perceptual"] = 0.0
            if settings.get("lambda_l1") == 0:
                settings["lambda_l1"] = 1.0
    model: ManualModule = build(call)
    load_weights(model, checkpoint["state_dict"], path)
    model.iteration = checkpoint["clock"]["iteration"]
    return model.to(device).eval(), checkpoint["config"]


def describe_other(value: object) -> str:
    """Describe the other run's value in the place of a tensor."""
    return f" (there {list(value.shape)})" if isinstance(value, torch.Tensor) else " (not there)"


def transfer_weights(model: torch.nn.Module, path: Path, class_names: Sequence[str] = ()) -> None:
    """Start a model from another run's weights: all those whose name and shape fit; the log names the others.

    Rows of class embeddings go by the classes' names.

    Args:
        model: to be filled.
        path: the other run's checkpoint.
        class_names: of the model, in the order of its labels; none for a model without.

    Raises:
        UserError: none fit.
    """
    content, own = read_checkpoint(path), model.state_dict()
    weights, theirs = content["state_dict"], read_class_names(content["config"])
    if class_names and theirs != []:
        take_rows_by_name(model, weights, class_names, theirs or [])
        log_classes(path, class_names, theirs)
    fitting = {
        name: value
        for name, value in weights.items()
        if name in own and isinstance(value, torch.Tensor) and own[name].shape == value.shape
    }
    if not fitting:
        raise UserError(f"init_from={path}: none of its {len(weights)} weights fits this model; was it another method?")
    left = {name: value for name, value in own.items() if isinstance(value, torch.Tensor) and name not in fitting}
    log.info("init_from=%s: took %d of %d tensors", path, len(fitting), len(own))
    if left:
        shapes = [
            f"{name} {list(value.shape)}{describe_other(weights.get(name))}" for name, value in sorted(left.items())
        ]
        log.warning("init_from=%s: %d tensors keep their own start: %s", path, len(left), ", ".join(shapes[:8]))
    model.load_state_dict(fitting, strict=False)


def log_classes(path: Path, own: Sequence[str], theirs: Sequence[str] | None) -> None:
    """Say whose rows a new run takes from another one's class embeddings."""
    if theirs is None:
        log.warning("init_from=%s: it does not say what its classes are called; all classes start fresh", path)
        return
    taken, fresh = [name for name in own if name in theirs], [name for name in own if name not in theirs]
    said = [f"{join_names(taken) or 'none'} taken by name"]
    said += [f"{join_names(fresh)} fresh"] if fresh else []
    said += [f"{join_names(left)} left behind"] if (left := [name for name in theirs if name not in own]) else []
    log.log(logging.WARNING if fresh else logging.INFO, "init_from=%s: classes: %s", path, "; ".join(said))
