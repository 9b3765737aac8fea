"""What a `_target_` may name, and how a description becomes an object: read whole, checked whole, then built.

A configuration can come out of a checkpoint that somebody else made, so a `_target_` names a member of a closed list: the
classes and schedules that gan_lab's packages declare in `LOADABLE`, and a few optimisers and layers of torch. A class of a
user's own package needs that package's name in `trust=`, on the command line. docs/adr/0028-closed-targets.md says why.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf

from gan_lab.config.signatures import Signature, describe_kind, member_kind, signature_of, takes
from gan_lab.errors import UserError
from gan_lab.kinds import fits, in_words
from gan_lab.storage import plain_data
from gan_lab.terminal import printable

#: Packages whose `LOADABLE` names what a configuration may describe.
PACKAGES = tuple(f"gan_lab.{name}" for name in ("models", "networks", "losses", "augment", "imaging", "data"))
#: What it may describe of torch.
TORCH = {
    "torch.optim": ("Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "SGD"),
    "torch.nn": ("ELU", "GELU", "Flatten", "LeakyReLU", "Linear", "ReLU", "SiLU", "Sigmoid", "Tanh"),
}
#: Loggers of a run, which the command line and the shipped yamls alone describe.
LOGGERS = {
    "gan_lab.callbacks": ("TensorBoardRun", "WandbRun"),
    "lightning.pytorch.loggers": (
        "CSVLogger", "CometLogger", "MLFlowLogger", "NeptuneLogger", "TensorBoardLogger", "WandbLogger",
    ),
}  # fmt: skip
#: Callbacks of a run, likewise; a user's own are in a package that `trust=` names.
CALLBACKS = {
    "gan_lab.callbacks": (
        "Doctor", "EarlyStopping", "Histograms", "ProgressBar", "SampleGrid", "TermsLogger", "Validation",
    ),
}  # fmt: skip
#: Packages that `trust=` takes none of: what a stranger's file could name there is anything.
NOT_OWN = {"gan_lab", "hydra", "lightning", "numpy", "omegaconf", "pip", "setuptools", "torch", "torchvision"}
SWITCHES = ("_target_", "_partial_")
#: How constructors refuse values that their annotations allow: an empty list, a 0 that divides, more than memory holds.
REFUSALS = (TypeError, ValueError, IndexError, ZeroDivisionError, OverflowError, RuntimeError, MemoryError)


@dataclass(frozen=True)
class Call:
    """A description that was checked: what is to be called, with what.

    Attributes:
        target: the class, or the function that makes a schedule.
        arguments: by name; plain data, and calls at places whose annotation expects an object.
        partial: whether the call is left to the one who gets it, with further arguments.
        where: the description's dotted key, for messages.
    """

    target: Callable[..., Any]
    arguments: dict[str, Any]
    partial: bool
    where: str


def instantiate(
    node: DictConfig | dict[str, Any],
    where: str = "",
    kind: Any = object,
    trust: Collection[str] = (),
    /,
    **arguments: Any,
) -> Any:
    """Make what a node describes; nothing is made before all of it is checked.

    Args:
        node: what to make.
        where: its dotted key, for messages; a node of a configuration knows its own.
        kind: the class that it must be of.
        trust: packages beside the closed list, from the command line alone.
        arguments: more of its constructor's, as they are; they take the place of the node's own.

    Raises:
        UserError: see `check_description`, or a constructor refuses an argument.
    """
    if isinstance(node, DictConfig):
        where = where or str(node._get_full_key(None) or "")
        node = OmegaConf.to_container(node, resolve=True)  # type: ignore[assignment]
    return build(check_description(node, where, kind, trust, given=arguments), arguments)


def build(call: Call, more: Mapping[str, Any] | None = None) -> Any:
    """Make what a checked description says, the inner objects first.

    Args:
        call: as `check_description` returns it.
        more: further arguments of the outermost constructor, as they are.

    Raises:
        UserError: a constructor refuses an argument.
    """
    objects: dict[int, Any] = {}
    for each in iterate_calls(call):
        arguments = _replace_calls(each.arguments, objects) | (dict(more or {}) if each is call else {})
        if each.partial:
            objects[id(each)] = functools.partial(each.target, **arguments)
            continue
        try:
            objects[id(each)] = each.target(**arguments)
        except REFUSALS as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:400]
            where = each.where or "configuration"
            raise UserError(
                f"{where}: {each.target.__qualname__} cannot be made ({reason}); change what was set of it"
            ) from error
    return objects[id(call)]


def iterate_calls(value: Any) -> Iterator[Call]:
    """Yield the calls in a value, those in a call's arguments before it."""
    inner = value.arguments if isinstance(value, Call) else value
    for item in inner.values() if isinstance(inner, dict) else inner if isinstance(inner, list) else ():
        yield from iterate_calls(item)
    if isinstance(value, Call):
        yield value


def _replace_calls(value: Any, objects: Mapping[int, Any]) -> Any:
    """Return a value with each call replaced by the object that it has made."""
    if isinstance(value, Call):
        return objects[id(value)]
    if isinstance(value, dict):
        return {name: _replace_calls(item, objects) for name, item in value.items()}
    return [_replace_calls(item, objects) for item in value] if isinstance(value, list) else value


# ---------------------------------------------------------------------------------------------------- checks


def check_description(
    node: Any,
    where: str = "",
    kind: Any = object,
    trust: Collection[str] = (),
    among: Mapping[str, Collection[str]] | None = None,
    given: Collection[str] = (),
) -> Call:
    """Check a description from the outside inwards, and return what it says to call; nothing is called.

    Args:
        node: the description, in plain containers.
        where: its dotted key, for messages.
        kind: the class that its object must be of.
        trust: packages beside the closed list, from the command line alone.
        among: package -> names, in the place of the closed list.
        given: names of arguments that the caller adds.

    Raises:
        UserError: a `_target_` is not in the list or makes something else than belongs in its place; an argument is not in
            the signature, is missing, or is of the wrong kind; the node holds what `plain_data` refuses.
    """
    node = plain_data(node, where or "configuration", configuration=True)
    if not isinstance(node, dict) or "_target_" not in node:
        raise UserError(f"{where or 'configuration'}: needs the description of an object, {{_target_: ...}}")
    return _Check(tuple(trust), among).call(node, kind, where, given)


@dataclass(frozen=True)
class _Check:
    """A walk over a description.

    Attributes:
        trust: see `check_description`.
        among: likewise.
    """

    trust: tuple[str, ...]
    among: Mapping[str, Collection[str]] | None

    def call(self, node: dict[str, Any], kind: Any, where: str, given: Collection[str] = ()) -> Call:
        """Check a description of an object at a place that takes a `kind`."""
        name, partial = node["_target_"], node.get("_partial_", False)
        prefix = f"{where}." if where else ""
        if not isinstance(partial, bool):
            raise UserError(f"{prefix}_partial_={partial}: needs true or false")
        try:
            target = resolve(name, self.trust, self.among)
        except UserError as error:
            raise UserError(f"{where}: {error}" if where else str(error)) from error
        if not takes(kind, target, partial):
            raise UserError(f"{prefix}_target_={name}: does not belong here; this place needs {describe_kind(kind)}")
        signature = signature_of(target)
        for argument in node:
            if argument not in SWITCHES and argument not in signature.kinds and not signature.open:
                raise UserError(describe_unknown_argument(f"{prefix}{argument}", name, argument, signature))
        missing = [] if partial else sorted(signature.required - node.keys() - set(given))
        if missing:
            raise UserError(f"{where or 'configuration'}: {name} needs {', '.join(missing)}; set it")
        own = is_own(name, self.trust)
        arguments = {}
        for argument, value in node.items():
            if argument not in SWITCHES and argument not in given:
                expected = signature.kinds.get(argument, Any)
                arguments[argument] = self.argument(value, expected, f"{prefix}{argument}", own)
        return Call(target, arguments, partial, where)

    def argument(self, value: Any, kind: Any, where: str, own: bool = False) -> Any:
        """Check an argument; `own`: of a trusted class, whose places without an annotation take any object."""
        if isinstance(value, dict) and "_target_" in value:
            return self.call(value, object if own and kind is Any else kind, where)
        if not fits(value, kind):
            shown = "null" if value is None else value if str(value).strip() else repr(value)
            raise UserError(f"{where}={shown}: needs {in_words(kind)}")
        if isinstance(value, dict):
            if "_partial_" in value:
                raise UserError(f"{where}._partial_: belongs beside a _target_, and there is none; leave it out")
            inner = member_kind(kind, Mapping, 0)
            return {name: self.argument(item, inner, f"{where}.{name}", own) for name, item in value.items()}
        if isinstance(value, list):
            kinds = [member_kind(kind, Sequence, index) for index in range(len(value))]
            items = enumerate(zip(value, kinds, strict=True))
            return [self.argument(item, inner, f"{where}[{index}]", own) for index, (item, inner) in items]
        return value


def describe_unknown_argument(where: str, target: str, name: str, signature: Signature) -> str:
    """Report that a target has no such argument, and which are near."""
    near = difflib.get_close_matches(name, signature.kinds, n=1)
    hint = f"did you mean {near[0]}?" if near else f"it has: {', '.join(sorted(signature.kinds)) or 'none'}"
    return f"{printable(where)}: {target} has no such argument; {hint}"


# ---------------------------------------------------------------------------------------------------- names


def resolve(name: Any, trust: Collection[str] = (), among: Mapping[str, Collection[str]] | None = None) -> Any:
    """Return the class or function that a `_target_` names.

    Args:
        name: dotted.
        trust: packages of the user's own, beside the closed list.
        among: package -> names, in the place of the closed list.

    Raises:
        UserError: it is not in the list, or not in a trusted package.
    """
    text = printable(str(name)[:200])
    if not isinstance(name, str):
        raise UserError(f"_target_={text}: needs the dotted name of a class")
    package, _, member = name.rpartition(".")
    listed = among if among is not None else TORCH
    if member in listed.get(package, ()) or (among is None and package in PACKAGES and member in list_names(package)):
        return getattr(importlib.import_module(package), member)
    if is_own(name, trust):
        return _import_own(name)
    closed = dict(among) if among is not None else list_loadable()
    near = [f"{each}.{member}" for each, members in closed.items() if member in members]
    everything = [f"{each}.{own}" for each, members in closed.items() for own in members]
    near = near or difflib.get_close_matches(name, everything, n=1, cutoff=0.8)
    root = name.split(".")[0]
    advice = "; name one of those"
    if package in PACKAGES and hasattr(importlib.import_module(package), member):
        advice = f"; add it to LOADABLE in {package} if a stranger's checkpoint may make it"
    elif near:
        advice = f"; did you mean {near[0]}?"
    elif root.isidentifier() and not is_foreign(root):
        advice = f"; for a class of your own add trust={root} to the command line"
    raise UserError(
        f"_target_={text}: a configuration may only name what gan_lab lists as loadable (SECURITY.md){advice}"
    )


def list_names(package: str) -> frozenset[str]:
    """Return the `LOADABLE` of a package of gan_lab."""
    names: frozenset[str] = importlib.import_module(package).LOADABLE
    return names


def list_loadable() -> dict[str, Collection[str]]:
    """Return the names that a configuration may use as a `_target_`, by package; without loggers."""
    return {**{package: list_names(package) for package in PACKAGES}, **TORCH}


def parse_trust(value: Any) -> tuple[str, ...]:
    """Return the packages that `trust=` names.

    Args:
        value: the option: null, a name, or a list of names.

    Raises:
        UserError: it names no package, or one that is not the user's own.
    """
    names = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise UserError(f"trust={value}: needs the name of a package of yours, or a list of such names")
    for name in names:
        if not re.fullmatch(r"[A-Za-z]\w*(\.[A-Za-z]\w*)*", name):
            raise UserError(f"trust={printable(name)}: needs the name of a package of yours, as in trust=my_package")
        if is_foreign(name.split(".")[0]):
            raise UserError(f"trust={name}: is not a package of yours; what a file could name in it is anything")
    return tuple(names)


def is_foreign(package: str) -> bool:
    """Return whether a package is Python's, or one that gan_lab is built on."""
    return package in sys.stdlib_module_names or package in NOT_OWN


def is_own(name: str, trust: Collection[str]) -> bool:
    """Return whether a dotted name lies in a trusted package."""
    return any(name.startswith(f"{package}.") for package in trust)


def _import_own(name: str) -> Any:
    """Return a class or function of a trusted package, which must be defined there."""
    package, _, member = name.rpartition(".")
    if not all(part.isidentifier() and not part.startswith("_") for part in name.split(".")):
        raise UserError(f"_target_={printable(name)}: needs the public, dotted name of a class")
    try:
        found = getattr(importlib.import_module(package), member)
    except (ImportError, AttributeError) as error:
        raise UserError(f"_target_={name}: there is no such class ({printable(str(error))}); name another") from error
    home = getattr(found, "__module__", "")
    if not (inspect.isclass(found) or inspect.isfunction(found)) or home.split(".")[0] != package.split(".")[0]:
        raise UserError(f"_target_={name}: is no class or function that {package.split('.')[0]} defines; name one")
    return found


def list_arguments(target: Any, trust: Collection[str] = ()) -> set[str]:
    """Return the keyword arguments that a `_target_` takes; none where there is no target."""
    return set(list_kinds(target, trust))


def list_kinds(target: Any, trust: Collection[str] = ()) -> Mapping[str, Any]:
    """Return the annotations of the keyword arguments that a `_target_` takes, by name; none where there is no target."""
    if target is None:
        return {}
    package, _, name = str(target).rpartition(".")
    among = next((each for each in (LOGGERS, CALLBACKS) if name in each.get(package, ())), None)
    return signature_of(resolve(target, trust, among)).kinds
