"""From the command line to constructors: where the configuration lies, what it may name, and what a typo is told.

Only this module, `checkpoint.py`, `training.py` and the commands know Hydra.
"""

from __future__ import annotations

import argparse
import difflib
import functools
import importlib
import inspect
import itertools
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import hydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gan_lab.errors import UserError
from gan_lab.kinds import fits, in_words, kinds_of

log = logging.getLogger(__name__)

#: What a `_target_` may name: a class or function defined under one of these. Everything else is refused, since a
#: configuration can come out of a checkpoint that somebody else made.
ALLOWED_TARGETS = (
    "gan_lab.models.",
    "gan_lab.networks.",
    "gan_lab.losses.",
    "gan_lab.augment.",
    "gan_lab.metrics.",
    "gan_lab.imaging.",
    "gan_lab.data.",
    "gan_lab.callbacks.",
    "torch.nn.",
    "torch.optim.",
    "torchvision.transforms.",
    "lightning.pytorch.loggers.",
)
#: What a key is called whose value is a secret; and such a value in a text, after `key=`, `key:` or as a URL's password.
SECRETS = r"(?i:api_?key|access_?key|private_?key|token|secret|passwo?r?d|credential)"
WRITTEN_SECRET = re.compile(
    rf"(?P<name>[\w.]*{SECRETS}\w*['\"]?\s*[=:]\s*)(?:'[^']*'|\"[^\"]*\"|[^,\s\]}}]+)|(?P<user>//[^/\s:@]*:)[^/\s]+(?=@)"
)
#: A secret that is shorter is masked behind its name alone: everywhere else such a text means something else.
SHORTEST_SECRET = 6
#: Bytes of a file's name, at most, on common file systems.
LONGEST = 255
#: Options that are names or paths, whatever they look like to YAML.
TEXTS = {
    *("name", "runs_dir", "resume", "init_from", "checkpoint", "input", "output", "image", "mask", "extractor_weights"),
    *("restorer", "light", "x2", "x4", "base"),
}
#: Where plain functions may be named as well: factories of modules and schedules, which touch no file.
ALLOWED_FUNCTIONS = ("gan_lab.models.", "gan_lab.networks.", "gan_lab.losses.", "torch.nn.")


def config_dir() -> Path:
    """Return the folder of the configuration groups: inside an installed package, beside it in a source tree."""
    package = Path(__file__).resolve().parent
    return package / "conf" if (package / "conf").is_dir() else package.parent / "conf"


class Command(NamedTuple):
    """The work of a command.

    Attributes:
        work: what it does with its composed configuration.
        check: refuses a configuration, given whether it is one of a sweep's, before Hydra makes the sweep's folder.
        prepare: completes the command line before it is checked.
    """

    work: Callable[[DictConfig], None]
    check: Callable[[DictConfig, bool], None] | None = None
    prepare: Callable[[list[str]], list[str]] | None = None


def command(name: str) -> Callable[[], None]:
    """Return the command of a name: Hydra's flags, checked overrides, one-line errors.

    Its primary configuration is the yaml of that name, its work the `COMMAND` of that module in `gan_lab.commands`.
    """

    def main() -> None:
        # torch and Lightning take seconds to import, and a call for help does not wait for them
        work = (lambda _: None) if asks_for_help(sys.argv[1:]) else prepared(name)
        hydra.main(version_base="1.3", config_path=str(config_dir()), config_name=name)(work)()

    return main


def prepared(name: str) -> Callable[[DictConfig], None]:
    """Import the work of a command, check the command line, and return the work with one-line errors."""
    made: Command = importlib.import_module(f"gan_lab.commands.{name}").COMMAND
    from gan_lab.hardware import keep_freed_memory  # here, because it imports torch

    keep_freed_memory()
    try:
        if made.prepare is not None:
            sys.argv[1:] = made.prepare(sys.argv[1:])
        sys.argv[1:] = complete_overrides(sys.argv[1:], name)
        if made.check is not None:
            made.check(first_configuration(sys.argv[1:], name), is_sweep(sys.argv[1:]))
    except UserError as error:
        fail(error)
    except OmegaConfBaseException as error:
        fail(refusal_of(error))

    @functools.wraps(made.work)
    def guarded(config: DictConfig) -> None:
        try:
            if "seed" in config:
                check_seed(config.seed)
            check_texts(config)
            made.work(config)
        except UserError as error:
            fail(error)
        except OmegaConfBaseException as error:  # a value that another one refers to is gone
            fail(refusal_of(error))

    return guarded


def refusal_of(error: OmegaConfBaseException) -> UserError:
    """Return in one line what OmegaConf finds wrong with a configuration."""
    return UserError(f"configuration: {' '.join(str(error).split())}")


def check_seed(seed: Any) -> None:
    """Refuse what no random number generator takes.

    Raises:
        UserError: the seed is no whole number from 0 to 2**32 - 1.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise UserError(f"seed={seed}: needs a whole number from 0 to {2**32 - 1}")


def check_texts(config: DictConfig) -> None:
    """Make texts of numbers where a name or a path is asked for: `name=7`.

    Raises:
        UserError: it is neither, or longer than a name may be.
    """
    for key in TEXTS & {str(key) for key in config}:
        value: Any = config[key]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            config[key] = str(value)
        elif value is not None and not isinstance(value, str):
            raise UserError(f"{key}={value!r}: needs a name or a path")
        if any(len(os.fsencode(part)) > LONGEST for part in str(value).split("/")):
            raise UserError(f"{key}={str(value)[:60]}...: a name in a path has at most {LONGEST} bytes")


def fail(error: UserError) -> None:
    """Print the message and leave with exit code 2."""
    print(f"error: {text_masked(str(error))}", file=sys.stderr)
    raise SystemExit(2)


# ---------------------------------------------------------------------------------------------------- overrides


def complete_overrides(argv: list[str], config_name: str) -> list[str]:
    """Check every override against the composed configuration before anything starts.

    A key that no yaml states but that the constructor at its place takes is let through (as `++key=value`): defaults
    live in signatures.

    Args:
        argv: the command line without the program's name.
        config_name: the command's primary configuration.

    Raises:
        UserError: an unknown key or option, with the nearest valid ones; a broken override.
    """
    arguments = [argument for argument in argv if is_override(argument)]
    if not arguments or asks_for_help(argv):
        return argv
    overrides = [parsed(argument) for argument in arguments]
    groups = [override for override in overrides if is_group(override)]
    for override in groups:
        check_choice(override)
    if any(override.is_sweep_override() for override in overrides) and not is_sweep(argv):
        swept = next(override for override in overrides if override.is_sweep_override())
        raise UserError(f"{swept.input_line}: several values make a sweep; add -m, or put the value in quotes")
    completed = {}
    for configuration in compositions(config_name, groups, search_path(argv)):
        for override in overrides:
            if override not in groups and not override.key_or_group.startswith(("hydra.", "hydra/")):
                line = checked(override, configuration)
                if line.startswith("++") or override.input_line not in completed:  # one job that needs ++ is enough
                    completed[override.input_line] = line
    return [completed.get(argument, argument) for argument in argv]


def asks_for_help(argv: list[str]) -> bool:
    """Tell whether the command line asks to be told something rather than to run."""
    return bool({"-h", "--help", "--hydra-help", "-sc", "--shell-completion"} & set(argv))


def is_sweep(argv: list[str]) -> bool:
    """Tell whether the command line asks for a sweep."""
    return bool({"-m", "--multirun"} & set(argv))


def first_configuration(argv: list[str], config_name: str) -> DictConfig:
    """Compose the configuration of a command line; of a sweep, its first job's."""
    lines = []
    for override in map(parsed, filter(is_override, argv)):
        line = str(override.input_line)
        if override.is_sweep_override():
            line = f"{line.split('=', 1)[0]}={swept_values(override)[0]}"
        lines.append(line)
    return compose(config_name, [*search_path(argv), *lines])


def parsed(argument: str) -> Override:
    """Parse one override.

    Raises:
        UserError: it is none.
    """
    try:
        return OverridesParser.create().parse_override(argument)
    except HydraException as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"{argument}: {reason}; a value with commas, brackets or spaces needs quotes: 'key=\"a, b\"'"
        ) from error


def swept_values(override: Override) -> list[str]:
    """Return what an override gives its key, as text: one value, or all values of a sweep.

    Raises:
        UserError: the values cannot be listed without running the sweep.
    """
    if not override.is_sweep_override():
        return [str(override.get_value_element_as_str())]
    try:
        return list(map(str, override.sweep_string_iterator()))
    except HydraException as error:
        raise UserError(f"{override.input_line}: name the values one by one, with commas ({error})") from error


def is_override(argument: str) -> bool:
    """Tell `key=value` and `~key` from flags and their values."""
    return not argument.startswith("-") and ("=" in argument or argument.startswith("~"))


def is_group(override: Override) -> bool:
    """Tell whether an override chooses an option of a configuration group."""
    return (config_dir() / override.key_or_group.replace(".", "/").split("@")[0]).is_dir()


def search_path(argv: list[str]) -> list[str]:
    """Return the override that adds the folder of `--config-dir`, where a user's own yamls lie, if it is given."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config-dir", "-cd")
    folder = parser.parse_known_args(argv)[0].config_dir
    return [] if folder is None else [f"hydra.searchpath=['file://{Path(folder).resolve()}']"]


def compositions(config_name: str, groups: list[Override], search: list[str]) -> Iterator[DictConfig]:
    """Yield the configuration for every combination of group options that a sweep will visit."""
    choices: list[list[str]] = []
    for group in groups:
        prefix = str(group.input_line).split("=", 1)[0]
        choices.append([f"{prefix}={value}" for value in swept_values(group)])
    for combination in itertools.islice(itertools.product(*choices), 64):
        yield compose(config_name, [*search, *combination])


def compose(config_name: str, overrides: list[str]) -> DictConfig:
    """Compose a configuration without running anything.

    Raises:
        UserError: Hydra's own complaint, shortened.
    """
    try:
        with hydra.initialize_config_dir(config_dir=str(config_dir()), version_base="1.3"):
            return hydra.compose(config_name, overrides=overrides)
    except (HydraException, OmegaConfBaseException) as error:
        chosen = next((o for o in overrides if is_group(parsed(o)) and o.split("=")[-1] in str(error)), None)
        raise UserError(group_message(chosen) if chosen else f"configuration: {error}") from error


def group_message(override: str) -> str:
    """Say which options a group has, the nearest first."""
    group, value = override.lstrip("+").split("=", 1)
    options = sorted(path.stem for path in (config_dir() / group.split("@")[0].replace(".", "/")).glob("*.yaml"))
    if value in options:
        return f"{override}: the chosen configuration has no place for {group}; another model has"
    near = difflib.get_close_matches(value, options, n=1)
    hint = f"; did you mean {group}={near[0]}?" if near else f"; ~{group} is none of them" if value == "null" else ""
    return f"{override}: there is no such option{hint} (there are: {', '.join(options)})"


def checked(override: Override, configuration: DictConfig) -> str:
    """Return the override as Hydra shall have it.

    Raises:
        UserError: no such key.
    """
    key = override.key_or_group
    check_no_group(override, configuration)
    if override.is_add() or override.is_force_add() or override.is_delete():
        return str(override.input_line)
    node: Any = configuration
    parts = key.split(".")
    for depth, part in enumerate(parts):
        if not isinstance(node, DictConfig):
            parent = ".".join(parts[:depth])
            raise UserError(f"{key}: {parent} is {node!r} here, so it has no key {part!r}; set {parent} first")
        if part in node:
            node = node._get_node(part)
            if isinstance(node, DictConfig) and node._is_none():
                node = None
            elif not isinstance(node, DictConfig):
                node = node._value() if node is not None else None
            continue
        if part in keywords(node.get("_target_")):
            return f"++{override.input_line}"
        raise UserError(unknown_key(key, ".".join(parts[:depth]), node, configuration))
    return str(override.input_line)


def check_choice(override: Override) -> None:
    """Refuse what names no option of a group, which Hydra's composition takes for a defect; of a sweep, any such value.

    Raises:
        UserError: naming the options.
    """
    if override.is_delete():
        return
    kinds = str | None if "." in override.key_or_group else str  # model.augment=null sets a key, whatever the group
    for text in swept_values(override):
        line = f"{str(override.input_line).split('=', 1)[0]}={text}"
        value = parsed(line).value()
        if not all(isinstance(one, kinds) for one in (value if isinstance(value, list) else [value])):
            raise UserError(group_message(line))


def check_no_group(override: Override, configuration: DictConfig) -> None:
    """Refuse a single value in the place of a group of options.

    Raises:
        UserError: naming what is in the group.
    """
    found = OmegaConf.select(configuration, override.key_or_group, throw_on_resolution_failure=False)
    if not isinstance(found, DictConfig) or override.is_delete() or override.is_sweep_override():
        return
    value = override.value()
    if value is not None and not isinstance(value, dict):
        names = ", ".join(f"{override.key_or_group}.{name}" for name in map(str, found))
        raise UserError(
            f"{override.input_line}: {override.key_or_group} is a group of options; set one of them: {names}"
        )


def unknown_key(key: str, parent: str, node: DictConfig, configuration: DictConfig) -> str:
    """Say that there is no such key, and which are near."""
    prefix = f"{parent}." if parent else ""
    siblings = [f"{prefix}{name}" for name in {*map(str, node), *keywords(node.get("_target_"))} if name[0] != "_"]
    elsewhere = [known for known in dotted_keys(configuration) if known.rsplit(".", 1)[-1] == key.rsplit(".", 1)[-1]]
    near = [*elsewhere, *difflib.get_close_matches(key, {*siblings, *dotted_keys(configuration)}, n=3, cutoff=0.6)]
    near = list(dict.fromkeys(near))[:3]
    if near:
        return f"{key}: there is no such key; did you mean {' or '.join(near)}?"
    return f"{key}: there is no such key; under {parent or 'the top level'} there are: {', '.join(sorted(siblings))}"


def dotted_keys(node: DictConfig, prefix: str = "") -> Iterator[str]:
    """Yield every key of a configuration, dotted."""
    for name in map(str, node):
        child = node._get_node(name)
        yield f"{prefix}{name}"
        if isinstance(child, DictConfig) and not child._is_none() and not child._is_interpolation():
            yield from dotted_keys(child, f"{prefix}{name}.")


def keywords(target: str | None) -> set[str]:
    """Return the keyword arguments that a `_target_` takes, those of its base classes included where it passes them on."""
    if target is None:
        return set()
    found = allowed_object(target)
    names: set[str] = set()
    for owner in inspect.getmro(found) if inspect.isclass(found) else [found]:
        function = owner.__dict__.get("__init__") if inspect.isclass(owner) else owner
        if function is None:
            continue
        parameters = inspect.signature(function).parameters.values()
        names |= {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)} - {"self"}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    return names


# ---------------------------------------------------------------------------------------------------- instantiation


def allowed_object(target: str) -> Any:
    """Return the class or function that a `_target_` names.

    Raises:
        UserError: it is not one that a configuration may name, or it does not exist.
    """
    refusal = f"_target_={target}: a configuration may only name classes of {', '.join(ALLOWED_TARGETS)}"
    if not isinstance(target, str) or not target.startswith(ALLOWED_TARGETS):
        raise UserError(refusal)
    try:
        found = hydra.utils.get_object(target)
    except Exception as error:
        raise UserError(f"_target_={target}: there is no such class ({error})") from error
    home = f"{getattr(found, '__module__', '')}."
    places = ALLOWED_TARGETS if inspect.isclass(found) else ALLOWED_FUNCTIONS
    # torch.optim.os.system would pass by its name: what counts is where a thing was defined
    if not callable(found) or not home.startswith(places):
        raise UserError(refusal)
    return found


def check_targets(node: Any, where: str = "") -> None:
    """Check every `_target_` in a plain container before anything is made of it.

    Args:
        node: the container.
        where: its dotted key, for the message.

    Raises:
        UserError: one of them is not allowed, or the container holds an interpolation.
    """
    if isinstance(node, dict):
        if "_target_" in node:
            try:
                allowed_object(node["_target_"])
            except UserError as error:
                raise UserError(f"{where}: {error}" if where else str(error)) from error
        for key, value in node.items():
            check_targets(value, f"{where}.{key}" if where else str(key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            check_targets(value, f"{where}[{index}]")
    elif isinstance(node, str) and "${" in node:
        raise UserError(f"{where or 'configuration'}={node}: an interpolation is left in a resolved configuration")


def check_kinds(node: Any, where: str = "") -> None:
    """Check that every argument of every `_target_` in a plain container is of the kind that its signature says.

    Args:
        node: the container, its targets allowed.
        where: its dotted key, for the message.

    Raises:
        UserError: one is not.
    """
    if isinstance(node, list):
        for index, value in enumerate(node):
            check_kinds(value, f"{where}[{index}]")
    if not isinstance(node, dict):
        return
    hints = kinds_of(allowed_object(node["_target_"])) if "_target_" in node else {}
    for name, value in node.items():
        key = f"{where}.{name}" if where else str(name)
        if (
            str(name).startswith("_")
            and str(name) != "_target_"
            and (name != "_partial_" or not isinstance(value, bool))
        ):
            raise UserError(
                f"{key}={value}: beside _target_ there may be _partial_, true or false, and no other word of Hydra's"
            )
        if name in hints and not fits(value, hints[name]):
            shown = "null" if value is None else value if str(value).strip() else repr(value)
            raise UserError(f"{key}={shown}: needs {in_words(hints[name])}")
        check_kinds(value, key)


def instantiate(node: DictConfig | dict[str, Any], where: str = "", /, **arguments: Any) -> Any:
    """Make what a node describes, after checking that it may be made.

    Args:
        node: what to make.
        where: its dotted key, for messages; a node of a configuration knows its own.
        arguments: more of its constructor's.

    Raises:
        UserError: a target is not allowed, an argument is of the wrong kind, or the constructor refuses it.
    """
    if isinstance(node, DictConfig):
        where = where or str(node._get_full_key(None) or "")
    container = OmegaConf.to_container(node, resolve=True) if isinstance(node, DictConfig) else node
    check_targets(container, where)
    check_kinds(container, where)
    try:
        return hydra.utils.instantiate(container, **arguments, _convert_="all")
    except hydra.errors.InstantiationException as error:
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        if isinstance(cause, UserError):
            raise cause from error
        # an empty list is an IndexError, a 0 may be divided by
        if not isinstance(
            cause, (TypeError, ValueError, IndexError, ZeroDivisionError, hydra.errors.InstantiationException)
        ):
            raise  # a defect of the constructor, not of the configuration: the traceback is what helps
        raise UserError(" ".join(f"configuration: {error}".split())) from error


def secrets_masked(node: Any) -> Any:
    """Return a plain container with every value masked whose key looks like a secret's, in `key=value` strings too."""
    if isinstance(node, dict):
        return {key: "***" if is_secret(key) and value else secrets_masked(value) for key, value in node.items()}
    if isinstance(node, list):
        return [secrets_masked(value) for value in node]
    if isinstance(node, str) and "=" in node and is_secret(node.split("=", 1)[0]):
        return f"{node.split('=', 1)[0]}=***"
    return text_masked(node) if isinstance(node, str) else node


def text_masked(text: str) -> str:
    """Return a text in which what follows the name of a secret, is a URL's password or is known for a secret is masked."""
    for secret in known_secrets():
        text = text.replace(secret, "***")
    return WRITTEN_SECRET.sub(r"\g<name>\g<user>***", text)


def known_secrets() -> list[str]:
    """Return the secrets that this process was given by its command line and its environment, the longest first."""
    found = {value for name, value in os.environ.items() if re.search(rf"{SECRETS}[sS]?$", name)}
    for argument in filter(is_secret, {*sys.argv, *sys.orig_argv}):  # sys.argv may be masked for the moment
        with suppress(UserError):
            override = parsed(argument)
            found |= set(secrets_in(override.value(), is_secret(override.key_or_group)))
    return sorted((each for each in found if len(each) >= SHORTEST_SECRET), key=len, reverse=True)


def secrets_in(value: Any, secret: bool) -> Iterator[str]:
    """Yield the secrets in an override's value, and in the variables of the environment that they refer to.

    Args:
        value: the value, that of a sweep included.
        secret: its key looks like a secret's.
    """
    value = getattr(value, "list", value)  # of a sweep
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from secrets_in(inner, secret or is_secret(key))
    elif isinstance(value, list):
        for inner in value:
            yield from secrets_in(inner, secret)
    elif secret and value is not None:
        text = str(getattr(value, "text", value))  # of a value in quotes
        yield text
        yield from (os.environ.get(name, "") for name in re.findall(r"\$\{oc\.env:([^,}]+)", text))


class MaskedFormatter(logging.Formatter):
    """Mask what looks like a secret in every line of the log: Hydra logs each job's command line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return text_masked(super().format(record))


def is_secret(key: Any) -> bool:
    """Tell whether a key names something that must not be written down."""
    return re.search(SECRETS, str(key)) is not None
