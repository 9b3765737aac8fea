"""Throw hostile checkpoints and bundles at every way to load one: each is loaded or refused, and nothing of it runs.

    python -m tests.chaos.checkpoints --files 5000 [--seed 0] [--names]
    python -m tests.chaos.checkpoints --attacks
    python -m tests.chaos.checkpoints --case 1234 --keep case.ckpt

A case is a valid file whose configuration was changed in one to three places, as its number and the seed say: a `_target_` out
of all that can be imported of torch, torchvision, lightning, hydra, omegaconf, numpy, os, pathlib, subprocess and others, as
an argument, inside a list, a tuple or a dict; containers of every type that `torch.load` can return; interpolations; keys of
Hydra's; nesting and sharing without end. Its other parts are changed as well. It is loaded as the commands do, in a process
with an audit hook that forbids, once all valid files have been loaded, every import of another module, every file opened
for writing or changed outside the case's own folder, every process and every socket. A failure is

- an act that the hook forbids, or a payload that ran;
- a file that is not refused though it holds what no file of gan_lab's does;
- a network that was built before the refusal;
- an exception that is no refusal, and what ends the process or holds it.

`--attacks` has each known way in tried at each kind of place, in the place of random cases.
`--names` has every importable name refused once by itself as well, which takes some minutes.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import functools
import importlib.util
import io
import json
import multiprocessing
import os
import pkgutil
import shutil
import sys
import tempfile
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import track
from safetensors.torch import save_file

import gan_lab
from gan_lab import evaluate, train
from gan_lab.commands import evaluate as evaluating
from gan_lab.errors import UserError
from gan_lab.inference import bundle
from gan_lab.run import fitting
from tests.fixtures.made import FOLDER as RELEASES
from tests.inference.checkpoints import tiny_checkpoint

SECONDS = 120
#: Packages whose names are tried as a `_target_`.
PACKAGES = (
    *("torch", "torchvision", "lightning", "hydra", "omegaconf", "numpy", "os", "pathlib", "subprocess", "builtins"),
    *("shutil", "importlib", "runpy", "socket", "urllib", "logging", "pickle", "tempfile", "gan_lab"),
)
#: Of these most cases are made, since most that they name does something at once.
EAGER = ("os.", "pathlib.", "subprocess.", "builtins.", "shutil.", "importlib.", "runpy.", "socket.", "urllib.")
#: Known ways in: what was found in gan_lab 0.1, or in others.
ATTACKS: tuple[dict[str, Any], ...] = (
    {"_target_": "pathlib.Path.write_text", "_args_": [{"_target_": "pathlib.Path", "_args_": ["owned"]}, "x"]},
    {"_target_": "torch.hub.load", "repo_or_dir": ".", "model": "payload", "source": "local"},
    {"_target_": "torch.nn.attention._fa3._fa3_import_module", "name": "payload"},
    {"_target_": "torch.nn.attention._fa3._fa3_import_module", "module_path": "payload"},
    {"_target_": "torch.nn.attention.register_flash_attention_fa4", "module_path": "payload"},
    {"_target_": "torch.nn.Module.__setattr__", "_partial_": True},
    {"_target_": "torch.nn.Module.compile", "_partial_": True},
    {"_target_": "torch.nn.Module.load_state_dict", "_partial_": True},
    {"_target_": "lightning.pytorch.loggers.csv_logs.ExperimentWriter", "log_dir": "precious"},
    {"_target_": "lightning.pytorch.loggers.CSVLogger", "save_dir": "precious"},
    {"_target_": "lightning.fabric.loggers.CSVLogger", "root_dir": "precious"},
    {"_target_": "importlib.import_module", "name": "payload"},
    {"_target_": "os.system", "command": "touch owned"},
    {"_target_": "subprocess.Popen", "args": ["touch", "owned"]},
    {"_target_": "builtins.exec", "_args_": ["open('owned', 'w')"]},
    {"_target_": "builtins.open", "file": "owned", "mode": "w"},
    {"_target_": "runpy.run_path", "path_name": "payload.py"},
    {"_target_": "shutil.rmtree", "path": "precious"},
    {"_target_": "os.remove", "path": "precious/metrics.csv"},
    {"_target_": "socket.create_connection", "address": ["127.0.0.1", 9]},
    {"_target_": "torch.load", "f": "evil.ckpt", "weights_only": False},
    {"_target_": "torch.save", "obj": [], "f": "owned"},
    {"_target_": "torch.utils.cpp_extension.load_inline", "name": "x", "cpp_sources": "int x;"},
    {"_target_": "numpy.load", "file": "evil.npy", "allow_pickle": True},
    {"_target_": "hydra.utils.instantiate", "config": {"_target_": "os.system", "command": "touch owned"}},
    {"_target_": "omegaconf.OmegaConf.load", "file_": "precious/metrics.csv"},
    {"_target_": "logging.FileHandler", "filename": "owned"},
    {"_target_": "gan_lab.imaging.write_png", "path": "owned", "array": 1},
    {"_target_": "gan_lab.callbacks.Checkpoints", "folder": "precious"},
    {"_target_": "gan_lab.networks.inception", "weights": "evil.ckpt"},
    {"_target_": "payload.Payload"},
)
INTERPOLATIONS = (
    *("${oc.env:GAN_LAB_CANARY}", "${oc.env:HOME,x}", "http://127.0.0.1:9/${oc.env:GAN_LAB_CANARY}", "${seed}"),
    *(
        "${hydra:runtime.cwd}",
        "${oc.decode:'{_target_:os.system}'}",
        "${oc.create:{_target_:os.system}}",
        "???",
        "\\${x}",
    ),
)
CANARY = "canary-7d1c"
#: In how many ways a description, and an interpolation, is put into a configuration: `place_node`, `place_interpolation`.
WAYS, INTERPOLATION_WAYS = 7, 3
#: How many cases there are of known attacks.
KNOWN = len(ATTACKS) * WAYS + len(INTERPOLATIONS) * INTERPOLATION_WAYS
#: What happens in a process without harm: reading, looking, and what Python says of itself.
FORBIDDEN = (
    "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.startfile", "os.putenv", "os.unsetenv",
    "os.kill", "pty.", "socket.", "signal.", "shutil.", "urllib.", "webbrowser.", "ftplib.", "smtplib.", "http.", "code.",
    "cpython.run", "sys.settrace", "sys.setprofile", "sys.addaudithook", "builtins.input",
)  # fmt: skip
#: Events that change a file system, and which of their arguments are paths.
CHANGING = {
    "os.remove": 1, "os.rename": 2, "os.mkdir": 1, "os.rmdir": 1, "os.link": 2, "os.symlink": 2, "os.truncate": 1,
    "os.chmod": 1, "os.chown": 1, "os.utime": 1, "os.setxattr": 1, "os.removexattr": 1, "os.mkfifo": 1, "os.mknod": 1,
    "tempfile.mkstemp": 1, "tempfile.mkdtemp": 1,
}  # fmt: skip
#: Modules that loading may import late: gan_lab's own, and what Python imports to say that something went wrong.
LATE = ("gan_lab", "encodings", "traceback", "linecache", "tokenize", "token", "difflib", "unicodedata", "stringprep")


# ------------------------------------------------------------------------------------------------ what is watched


class ForbiddenError(Exception):
    """An act that loading a file has no business with."""


@dataclass
class Guard:
    """The audit hook: while `armed`, it notes every forbidden act and keeps it from happening.

    Attributes:
        folder: of the case, in which a command may write.
        acts: what was tried.
    """

    folder: Path = Path("/nonexistent")
    armed: bool = False
    acts: list[str] = field(default_factory=list)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.armed:
            return
        found = self._import(arguments) if event == "import" else self._change(event, arguments)
        if found:
            self.acts.append(found)
            raise ForbiddenError(found)

    def _import(self, arguments: tuple[Any, ...]) -> str:
        name = str(arguments[0])
        return "" if name in sys.modules or name.split(".")[0] in LATE else f"imported {name}"

    def _change(self, event: str, arguments: tuple[Any, ...]) -> str:
        if event == "open":
            path, mode, flags = (*arguments, None, None)[:3]
            writing = any(sign in str(mode or "") for sign in "wax+") or (
                isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
            )
            return f"opened {path} for writing" if writing and not self._own(path) else ""
        if event in CHANGING:
            paths = arguments[: CHANGING[event]]
            return "" if all(map(self._own, paths)) else f"{event} {paths}"
        # None is this process itself; and torch asks the driver whether there is a GPU
        if event == "ctypes.dlopen" and arguments[0] not in (None, "libnvidia-ml.so.1"):
            return f"{event} {arguments[0]}"
        if event == "os.putenv" and os.fsdecode(arguments[0]).startswith("PL_"):  # Lightning's seed
            return ""
        return f"{event} {str(arguments)[:120]}" if event.startswith(FORBIDDEN) else ""

    def _own(self, path: Any) -> bool:
        if isinstance(path, int):  # a descriptor: whoever opened it was asked
            return True
        with contextlib.suppress(TypeError, ValueError):
            real = os.path.abspath(os.fsdecode(path))
            return real in (os.devnull, str(self.folder)) or real.startswith(f"{self.folder}{os.sep}run")
        return False


GUARD = Guard()


@contextlib.contextmanager
def count_networks() -> Iterator[list[str]]:
    """Give a list that grows by the name of each module that is made inside."""
    made: list[str] = []
    first = torch.nn.Module.__init__

    def count(self: torch.nn.Module, *arguments: Any, **options: Any) -> None:
        made.append(type(self).__name__)
        first(self, *arguments, **options)

    torch.nn.Module.__init__ = count  # type: ignore[method-assign]
    try:
        yield made
    finally:
        torch.nn.Module.__init__ = first  # type: ignore[method-assign]


# ------------------------------------------------------------------------------------------------ names to try


@functools.cache
def eager() -> list[str]:
    """Return the names that do something at once."""
    return [name for name in names() if name.startswith(EAGER)]


@functools.cache
def names() -> list[str]:
    """Return every importable dotted name of `PACKAGES`: modules, what they define, and the members of classes."""
    found: set[str] = set()
    for package in PACKAGES:
        for module in modules_of(package):
            found.add(module)
            loaded = sys.modules.get(module)
            members = dir(loaded) if loaded is not None else find_definitions(module)
            found |= {f"{module}.{member}" for member in members}
            for member in members if loaded is not None else ():
                kind = vars(loaded).get(member)
                if isinstance(kind, type) and kind.__module__ == module:
                    found |= {f"{module}.{member}.{inner}" for inner in vars(kind)}
    closed = getattr(gan_lab.config, "targets", None)
    listed = closed.list_loadable() if closed is not None else {}
    return sorted(found - {f"{package}.{name}" for package, members in listed.items() for name in members})


def modules_of(package: str) -> Iterator[str]:
    """Yield a package and all modules below it; nothing is imported but the package."""
    yield package
    folders = getattr(importlib.import_module(package), "__path__", None)
    for each in pkgutil.iter_modules(folders, f"{package}.") if folders is not None else ():
        yield each.name
        if each.ispkg:
            yield from below(each.name, [os.path.join(folder, each.name.rpartition(".")[2]) for folder in folders])


def below(package: str, folders: list[str]) -> Iterator[str]:
    """Yield the modules of a package that is not imported."""
    for each in pkgutil.iter_modules(folders, f"{package}."):
        yield each.name
        if each.ispkg:
            yield from below(each.name, [os.path.join(folder, each.name.rpartition(".")[2]) for folder in folders])


def find_definitions(module: str) -> list[str]:
    """Return the functions and classes that a module's file defines, without importing it."""
    root = importlib.util.find_spec(module.split(".")[0])
    for folder in (root.submodule_search_locations or []) if root is not None else []:
        path = Path(folder, *module.split(".")[1:]).with_suffix(".py")
        with contextlib.suppress(OSError, SyntaxError, ValueError):
            body = ast.parse(path.read_text("utf-8")).body
            return [each.name for each in body if isinstance(each, ast.FunctionDef | ast.ClassDef)]
    return []


# ------------------------------------------------------------------------------------------------ files that are whole


@functools.cache
def whole_files() -> dict[str, Any]:
    """Return the content of valid files by kind: the releases' checkpoints, a restorer's run, and a bundle's parts."""
    found: dict[str, Any] = {
        path.stem: torch.load(path, weights_only=True) for path in sorted(RELEASES.glob("*/*.ckpt"))
    }
    with tempfile.TemporaryDirectory() as folder:
        tiny_checkpoint(Path(folder, "restorer"), "restorer")
        found["restorer"] = torch.load(Path(folder, "restorer/checkpoints/last.ckpt"), weights_only=True)
    found["bundle"] = found["restorer"]
    return found


def write(content: Any, kind: str, path: Path) -> None:
    """Write the content of a file, as a checkpoint or as a bundle."""
    if kind != "bundle":
        usual = sys.getrecursionlimit()
        sys.setrecursionlimit(20_000)  # who writes such a file is not bound by it; who reads it is
        try:
            torch.save(content, path)
        finally:
            sys.setrecursionlimit(usual)
        return
    weights = {
        f"restorer.{name[10:]}": value for name, value in content["state_dict"].items() if name.startswith("generator.")
    }
    parts = {"restorer": {"config": content["config"]["model"]["generator"], "origin": content.get("origin", {})}}
    header = {"format": bundle.FORMAT, "parts": content.get("parts") or json.dumps(parts, default=str), "base": ""}
    save_file(weights, path, header)


# ------------------------------------------------------------------------------------------------ files that are not


@dataclass
class Case:
    """A hostile file.

    Attributes:
        kind: of the valid file that it was made of.
        content: what is in it.
        changes: what was changed, in words.
        hostile: whether no file of gan_lab's is like that, so that it must be refused.
    """

    kind: str
    content: Any
    changes: list[str] = field(default_factory=list)
    hostile: bool = False


def places(node: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) of nested dicts and lists."""
    found: list[tuple[Any, Any]] = []
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        found += [(node, key), *places(value)]
    return found


def find_description(case: Case) -> Any:
    """Return the part of a configuration that objects are made of."""
    model = case.content["config"]["model"]
    return model["generator"] if case.kind in ("bundle", "restorer") else model  # all that `pack` looks at


def anywhere(case: Case, rng: np.random.Generator) -> tuple[Any, Any]:
    """Return a place in what objects are made of; every fourth time in all of a checkpoint's configuration."""
    every = case.kind != "bundle" and rng.random() < 0.25
    found = places(case.content["config"] if every else find_description(case))
    found = [
        place for place in found if place[1] != "overrides" and place[0] is not case.content["config"].get("overrides")
    ]
    return found[rng.integers(len(found))]


def foreign_target(case: Case, rng: np.random.Generator) -> str:
    """Name something to call."""
    attack = rng.random()
    if attack < 0.4:
        node = copy.deepcopy(ATTACKS[rng.integers(len(ATTACKS))])
    else:
        pool = names() if attack < 0.7 else eager()
        node = {"_target_": pool[rng.integers(len(pool))]}
        if rng.random() < 0.3:
            node["_args_"] = [str(rng.choice(["payload", "owned", "precious", "touch owned"]))]
        if rng.random() < 0.2:
            node["_partial_"] = bool(rng.random() < 0.7)
    return place_node(case, node, int(rng.integers(WAYS)), rng)


def place_node(case: Case, node: dict[str, Any], way: int, rng: np.random.Generator) -> str:
    """Put the description of an object somewhere, in one of `WAYS` ways."""
    root = find_description(case)
    found = places(root)
    container, key = found[rng.integers(len(found))]
    nodes = [value for value in (root, *(c[k] for c, k in found)) if isinstance(value, dict) and "_target_" in value]
    if way == 0:
        nodes[rng.integers(len(nodes))]["_target_"] = node["_target_"]
    elif way == 1:
        container[key] = node
    elif way == 2:
        nodes[rng.integers(len(nodes))][str(rng.choice(["extra", "augment", "schedule", "penalties"]))] = node
    elif way == 3:
        container[key] = (node,) if case.kind != "bundle" else [node]
    elif way == 4:
        container[key] = [node, (node,)] if case.kind != "bundle" else [[node]]
    elif way == 5:
        container[key] = {"a": {"b": (node, 1) if case.kind != "bundle" else node}}
    else:
        nodes[rng.integers(len(nodes))]["extra"] = OrderedDict(a=torch.Size([1]), b=(1, {"c": node}))
        if case.kind == "bundle":
            nodes[0]["extra"] = {"a": [node]}
    case.hostile = True
    return f"_target_={node['_target_']}, way {way}"


def other_container(case: Case, rng: np.random.Generator) -> str:
    """Put a type that JSON does not have in the place of a value."""
    container, key = anywhere(case, rng)
    value = container[key]
    made: list[Any] = [
        (value,), tuple(value) if isinstance(value, list) else (), OrderedDict(a=value), torch.Size([1, 2]), {1: value},
        {None: value}, {(1, 2): value}, Counter("ab"), {1, 2}, b"bytes", bytearray(b"x"), 1j, torch.zeros(2),
        torch.nn.Parameter(torch.zeros(1)), torch.float32, torch.device("cpu"), 2**70, [value, (value,)], OrderedDict(),
    ]  # fmt: skip
    chosen = made[rng.integers(len(made))]
    if case.kind == "bundle":  # JSON would write it as something else
        chosen = [[[[chosen]]]] if isinstance(chosen, int) else {"_args_": [1]}
    container[key] = chosen
    case.hostile = True
    return f"{key}: a {type(chosen).__name__}"


def interpolation(case: Case, rng: np.random.Generator) -> str:
    """Refer to what is on the machine of who loads it."""
    return place_interpolation(
        case, INTERPOLATIONS[rng.integers(len(INTERPOLATIONS))], int(rng.integers(INTERPOLATION_WAYS)), rng
    )


def place_interpolation(case: Case, text: str, way: int, rng: np.random.Generator) -> str:
    """Put an interpolation somewhere: as a value, as a key, or in a tuple."""
    container, key = anywhere(case, rng)
    container[key] = text if way == 0 else {text: 1} if way == 1 or case.kind == "bundle" else (text,)
    case.hostile = True
    return f"{key}: {text}, way {way}"


def hydra_key(case: Case, rng: np.random.Generator) -> str:
    """Give Hydra an order."""
    nodes = [value for _, value in [(c, c[k]) for c, k in places(find_description(case))] if isinstance(value, dict)]
    nodes.append(find_description(case))
    key = str(rng.choice(["_args_", "_convert_", "_recursive_", "_mode_", "_global_"]))
    value: list[Any] = [[1], "all", False, "object", {"_target_": "os.system"}, True]
    nodes[rng.integers(len(nodes))][key] = value[rng.integers(len(value))]
    case.hostile = True
    return f"{key}"


def without_end(case: Case, rng: np.random.Generator) -> str:
    """Nest, repeat or share."""
    container, key = anywhere(case, rng)
    way = int(rng.integers(4))
    node: Any = 1
    if way == 0:
        for _ in range(int(rng.choice([70, 300, 900]))):
            node = [node] if rng.random() < 0.5 else {"a": node}
    elif way == 1:
        for _ in range(40):  # 2 ** 40 values in some hundred bytes
            node = [node, node]
        if case.kind == "bundle":
            node = [1] * 2_000_000
    elif way == 2:
        node = [0] * 1_500_000
    else:
        node = "x" * (65 * 2**20)
    container[key] = node
    case.hostile = True
    return f"{key}: without end, way {way}"


def other_kind(case: Case, rng: np.random.Generator) -> str:
    """Put a plain value of another kind in the place of one."""
    container, key = anywhere(case, rng)
    values: list[Any] = [
        None,
        True,
        -1,
        0,
        3,
        1e30,
        float("nan"),
        "",
        "x",
        "\x1b[2J",
        "/dev/zero",
        [],
        [1],
        {},
        {"a": 1},
    ]
    container[key] = values[rng.integers(len(values))]
    return f"{key}: {container[key]!r}"


def other_part(case: Case, rng: np.random.Generator) -> str:
    """Change what stands beside the configuration."""
    values: list[Any] = [
        None,
        3,
        "x",
        [],
        {},
        (1,),
        {"a": (1, 2)},
        [{}],
        OrderedDict(),
        torch.zeros(1),
        {"iteration": "x"},
    ]
    value = values[rng.integers(len(values))]
    if case.kind == "bundle":
        chosen = str(rng.choice(["parts", "origin"]))
        deep = "[" * 100_000 if rng.random() < 0.5 else '{"restorer": ' * 50_000
        case.content[chosen] = deep if chosen == "parts" else {"iterations": "\x1b[2J", "x": [1]}
        return chosen
    names = [
        "clock",
        "state_dict",
        "ranks",
        "versions",
        "format",
        "optimizer_states",
        "callbacks",
        "config",
        "loops",
        "x",
    ]
    name = str(rng.choice(names))
    if name == "state_dict" and rng.random() < 0.7:
        weights = case.content["state_dict"]
        key = list(weights)[rng.integers(len(weights))]
        weights[key] = torch.zeros(1, dtype=torch.int8) if rng.random() < 0.3 else value
        return f"state_dict.{key}: {value!r}"
    case.content[name] = value
    return f"{name}: {value!r}"


MUTATIONS: tuple[Callable[[Case, np.random.Generator], str], ...] = (
    *(foreign_target,) * 5, other_container, other_container, interpolation, hydra_key, without_end, other_kind, other_part,
)  # fmt: skip


def case_of(number: int, seed: int | None) -> Case:
    """Return a case; without a seed, a known attack."""
    if seed is None:
        return attack_of(number)
    rng = np.random.default_rng([seed, number])
    kinds = list(whole_files())
    kind = kinds[number % len(kinds)]
    case = Case(kind, copy.deepcopy(whole_files()[kind]))
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        if isinstance(case.content.get("config"), dict) and isinstance(case.content["config"].get("model"), dict):
            mutation = MUTATIONS[rng.integers(len(MUTATIONS))]
            with contextlib.suppress(KeyError, TypeError, IndexError, AttributeError, ValueError):  # an earlier change
                case.changes.append(f"{mutation.__name__}: {mutation(case, rng)}")
            if mutation is without_end:  # nothing may walk over it any more
                break
    return case


def attack_of(number: int) -> Case:
    """Return a known attack, or an interpolation, in one of the ways to place it."""
    kinds, rng = list(whole_files()), np.random.default_rng(number)
    if number < len(ATTACKS) * WAYS:
        which, way = divmod(number, WAYS)
    else:
        which, way = divmod(number - len(ATTACKS) * WAYS, INTERPOLATION_WAYS)
    kind = kinds[which % len(kinds)]
    case = Case(kind, copy.deepcopy(whole_files()[kind]))
    if number < len(ATTACKS) * WAYS:
        case.changes.append(place_node(case, copy.deepcopy(ATTACKS[which]), way, rng))
    else:
        case.changes.append(place_interpolation(case, INTERPOLATIONS[which], way, rng))
    return case


# ------------------------------------------------------------------------------------------------ loading them


def load(path: Path) -> None:
    """Load as `enhance`, `translate`, `generate` and the Python API do."""
    gan_lab.load(path, device="cpu")


def pack(path: Path) -> None:
    """Read the network as `pack` does."""
    bundle.network("restorer", bundle.part_of_run("restorer", path))


def run_command(module: Any, *arguments: str) -> None:
    """Run a command of gan_lab's here."""
    given, sys.argv = sys.argv, [module.__name__, "device=cpu", *arguments]
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            module.main()
    except SystemExit as ended:
        if ended.code == 2:
            raise UserError(said.getvalue()) from ended
        if ended.code:
            raise RuntimeError(f"left with {ended.code}: {said.getvalue()[-300:]}") from ended
    finally:
        sys.argv = given


def resume(path: Path) -> None:
    """Go on with the run as `train` does, up to its first iteration."""
    kept, fitting.fit_parts = fitting.fit_parts, lambda *_: None  # type: ignore[assignment]
    try:
        run_command(train, f"resume={path}", "name=run", "runs_dir=.", "data.index=false")
    finally:
        fitting.fit_parts = kept


def measure(path: Path) -> None:
    """Build the model and its data as `evaluate` does, up to the figures."""
    kept = evaluating.measure_model

    def measured(*_: Any) -> None:
        raise SystemExit(0)

    evaluating.measure_model = measured  # type: ignore[assignment]
    try:
        run_command(evaluate, f"checkpoint={path}", "output=run", "data.num_workers=0", "data.index=false")
    finally:
        evaluating.measure_model = kept


def way_of(number: int, kind: str) -> Callable[[Path], None]:
    """Return how a case is loaded: most by the API, which is quick; some by the commands."""
    if kind == "bundle":
        return load
    if kind == "restorer":
        return pack if number % 2 else load
    turn = number // len(whole_files()) % 12
    return resume if turn == 3 else measure if turn == 7 else load


@dataclass
class Findings:
    """What became of the cases."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: dict[int, str] = field(default_factory=dict)

    def add(self, number: int, kind: str, outcome: str, failure: str) -> None:
        """Take one in."""
        self.outcomes[kind, "failed" if failure else outcome] += 1
        if failure:
            self.failures[number] = f"{kind}: {failure}"


def outcome(case: Case, number: int, folder: Path) -> tuple[str, str]:
    """Load a case: "loaded" or "refused", and what was wrong with that, "" for nothing."""
    path = folder / ("case.safetensors" if case.kind == "bundle" else "case.ckpt")
    way = way_of(number, case.kind)
    write(case.content, case.kind, path)
    GUARD.acts.clear()
    failure, result = "", "loaded"
    with count_networks() as made:
        GUARD.armed = True
        try:
            way(path)
        except UserError as error:
            result = "refused"
            if CANARY in str(error):
                failure = "the environment was told"
            elif "\x1b" in str(error) and way in (resume, measure):
                failure = "a terminal's escape sequence in the message"
        except Exception as error:  # everything that is no refusal is a finding
            result = "refused"
            failure = f"{type(error).__name__}: {str(error).splitlines()[0][:150] if str(error) else ''}"
        finally:
            GUARD.armed = False
    if GUARD.acts:
        failure = GUARD.acts[0]
    elif "payload" in sys.modules or (folder / "owned").exists() or os.listdir(folder / "precious") != ["metrics.csv"]:
        failure = "a payload ran"
    elif case.hostile and result == "loaded":
        failure = "was loaded"
    elif case.hostile and made and way in (load, pack) and not failure:
        failure = f"built {made[0]} before the refusal"
    return result, f"{failure} [{way.__name__}; {'; '.join(case.changes)[:300]}]" if failure else ""


def prepare_folder(folder: Path) -> None:
    """Make a folder in which an attack would find what it looks for."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "precious").mkdir(parents=True)
    (folder / "precious/metrics.csv").write_text("step,loss\n0,1\n")
    text = "open('owned', 'w').close()\nclass Payload: ...\n"
    for name in ("payload.py", "hubconf.py"):
        (folder / name).write_text(text)


def worker(numbers: range, seed: int | None, pipe: Any) -> None:
    """Go through cases; say before each which it is, and after it what came of it."""
    os.environ["GAN_LAB_CANARY"] = CANARY
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)
    torch.set_num_threads(1)
    names()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(os.path.realpath(name), "case")
        GUARD.folder = folder
        prepare_folder(folder)
        os.chdir(folder)
        sys.path.insert(0, str(folder))
        warm_up(folder)
        for number in numbers:
            case = case_of(number, seed)
            pipe.send((number, case.kind, "", "; ".join(case.changes)[:300]))
            pipe.send((number, case.kind, *outcome(case, number, folder)))
            if "payload" in sys.modules or sorted(os.listdir(folder)) != ["hubconf.py", "payload.py", "precious"]:
                sys.modules.pop("payload", None)
                prepare_folder(folder)
                os.chdir(folder)


def warm_up(folder: Path) -> None:
    """Load every valid file in every way, and refuse one, so that what is imported late is there; then watch."""
    for kind, content in whole_files().items():
        path = folder / ("whole.safetensors" if kind == "bundle" else "whole.ckpt")
        write(content, kind, path)
        ways = (load,) if kind == "bundle" else (load, pack) if kind == "restorer" else (load, resume, measure)
        for way in ways:
            way(path)
            shutil.rmtree(folder / "run", ignore_errors=True)
    path.write_bytes(b"PK\x03\x04")
    for way in (load, resume, measure):
        with contextlib.suppress(UserError):
            way(path)
    sys.addaudithook(GUARD)


def watched(numbers: range, seed: int | None, findings: Findings) -> None:
    """Run cases in a process, and start another where one ends it or holds it."""
    context = multiprocessing.get_context("fork")  # which hands over the names, gathered once
    names(), whole_files()
    while len(numbers):
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=worker, args=(numbers, seed, sender))
        process.start()
        sender.close()
        at, kind, changes, done = numbers.start, "none", "before the first case", numbers.start
        try:
            while receiver.poll(SECONDS):
                number, kind, result, text = receiver.recv()
                if result:
                    findings.add(number, kind, result, text)
                    done = number + 1
                else:
                    at, changes = number, text
            failure = f"held for more than {SECONDS} s [{changes}]"
        except EOFError:
            failure = ""
        if not failure:
            process.join()
            failure = f"ended the process ({process.exitcode}) [{changes}]" if process.exitcode else ""
        process.kill()
        process.join()
        if failure:
            findings.add(at, kind, "refused", failure)
            done = max(done, at + 1)
        elif done < numbers.stop and done == numbers.start:
            raise RuntimeError("no case was begun")
        numbers = range(done, numbers.stop)


def fuzz(count: int, seed: int | None, show: bool = True) -> Findings:
    """Go through so many cases, in stretches for the progress bar."""
    findings = Findings()
    stretches = [range(start, min(start + 1000, count)) for start in range(0, count, 1000)]
    for numbers in track(stretches, "loading") if show else stretches:
        watched(numbers, seed, findings)
    return findings


def find_accepted_names() -> list[str]:
    """Return the importable names that are not refused, or whose refusal imports something; there should be none."""
    from gan_lab.config import resolve

    accepted = []
    everything = names()
    sys.addaudithook(GUARD)
    for name in track(everything, f"{len(everything)} names"):
        GUARD.acts.clear()
        GUARD.armed = True
        try:
            resolve(name)
            accepted.append(name)
        except UserError:
            pass
        finally:
            GUARD.armed = False
        if GUARD.acts:
            accepted.append(f"{name} ({GUARD.acts[0]})")
    return accepted


def main() -> None:
    """Count, print, and fail if anything failed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--files", type=int, default=5000)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--attacks", action="store_true", help="only the known ones, each in each way")
    options.add_argument("--names", action="store_true", help="also have every importable name refused by itself")
    options.add_argument("--show", type=int, default=40, help="failures to print")
    options.add_argument("--case", type=int, help="write this case to --keep")
    options.add_argument("--keep", type=Path, default=Path("case.ckpt"))
    arguments = options.parse_args()
    seed = None if arguments.attacks else arguments.seed
    if arguments.case is not None:
        case = case_of(arguments.case, seed)
        write(case.content, case.kind, arguments.keep)
        print(case.kind, case.changes)
        return
    findings = fuzz(KNOWN if arguments.attacks else arguments.files, seed)
    print("| file | files | loaded | refused | failed |", "| --- | ---: | ---: | ---: | ---: |", sep="\n")
    columns = ("loaded", "refused", "failed")
    for kind in [*sorted({kind for kind, _ in findings.outcomes}), "all"]:
        counts = [
            sum(n for (k, r), n in findings.outcomes.items() if r == column and kind in (k, "all"))
            for column in columns
        ]
        print(f"| {kind} | {sum(counts)} | {' | '.join(map(str, counts))} |")
    for number, text in sorted(findings.failures.items())[: arguments.show]:
        print(f"case {number}: {text}")
    accepted = find_accepted_names() if arguments.names else []
    if arguments.names:
        print(f"{len(names())} importable names, {len(accepted)} not refused: {accepted[:20]}")
    sys.exit(bool(findings.failures or accepted))


if __name__ == "__main__":
    main()
