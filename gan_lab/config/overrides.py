"""The command line: where the configuration lies, what may be overridden, and what a mistyped key is answered."""

from __future__ import annotations

import argparse
import difflib
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hydra
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gan_lab.config.own_keys import check_keys
from gan_lab.config.targets import list_arguments, parse_trust
from gan_lab.config.texts import find_kind, keep_text
from gan_lab.errors import UserError


def find_config_dir() -> Path:
    """Return the folder of the configuration groups: inside an installed package, beside it in a source tree."""
    package = Path(__file__).resolve().parent.parent
    return package / "conf" if (package / "conf").is_dir() else package.parent / "conf"


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
    overrides = [parse_override(argument) for argument in arguments]
    groups = [override for override in overrides if is_group(override)]
    for override in groups:
        check_group_choice(override)
    if any(override.is_sweep_override() for override in overrides) and not is_sweep(argv):
        swept = next(override for override in overrides if override.is_sweep_override())
        raise UserError(f"{swept.input_line}: several values make a sweep; add -m, or put the value in quotes")
    completed, trust = {}, read_trust(argv)
    for configuration in iterate_compositions(config_name, groups, get_search_path(argv)):
        check_keys(configuration, config_name, find_config_dir(), [str(group.input_line) for group in groups])
        for override in overrides:
            if override not in groups and not override.key_or_group.startswith(("hydra.", "hydra/")):
                kind = find_kind(override.key_or_group, configuration, trust)
                line = keep_text(check_override(override, configuration, trust), kind)
                if line.startswith("++") or override.input_line not in completed:  # one job that needs ++ is enough
                    completed[override.input_line] = line
    return [completed.get(argument, argument) for argument in argv]


def asks_for_help(argv: list[str]) -> bool:
    """Return whether the command line asks for help rather than for work."""
    return bool({"-h", "--help", "--hydra-help", "-sc", "--shell-completion"} & set(argv))


def is_sweep(argv: list[str]) -> bool:
    """Return whether the command line asks for a sweep."""
    return bool({"-m", "--multirun"} & set(argv))


def compose_first_job(argv: list[str], config_name: str) -> DictConfig:
    """Compose the configuration of a command line; of a sweep, its first job's."""
    lines = []
    for override in map(parse_override, filter(is_override, argv)):
        line = str(override.input_line)
        if override.is_sweep_override():
            line = f"{line.split('=', 1)[0]}={list_swept_values(override)[0]}"
        lines.append(line)
    return compose(config_name, [*get_search_path(argv), *lines])


def parse_override(argument: str) -> Override:
    """Parse one override.

    Raises:
        UserError: it is none.
    """
    try:
        return OverridesParser.create().parse_override(argument)
    except HydraException as error:
        reason = str(error).splitlines()[0]
        key, given, value = argument.partition("=")
        if given and "~" in value and not {'"', "'"} & set(value):
            raise UserError(f"""{argument}: ~ needs quotes within quotes: '{key}="{value}"'""") from error
        raise UserError(
            f"{argument}: {reason}; a value with commas, brackets or spaces needs quotes: 'key=\"a, b\"'"
        ) from error


def list_swept_values(override: Override) -> list[str]:
    """Return the values of an override as text: one, or all those of a sweep.

    Raises:
        UserError: the values cannot be listed without running the sweep.
    """
    if not override.is_sweep_override():
        return [str(override.get_value_element_as_str())]
    try:
        return list(map(str, override.sweep_string_iterator()))
    except HydraException as error:
        raise UserError(
            f"{override.input_line}: its values cannot be listed ({error}); name them one by one, with commas"
        ) from error


def read_trust(argv: list[str]) -> tuple[str, ...]:
    """Return the packages that the command line trusts.

    Raises:
        UserError: see `trusted_packages`.
    """
    given = [
        override for override in map(parse_override, filter(is_override, argv)) if override.key_or_group == "trust"
    ]
    return parse_trust(given[-1].value()) if given and not given[-1].is_delete() else ()


def is_override(argument: str) -> bool:
    """Tell `key=value` and `~key` from flags and their values."""
    return not argument.startswith("-") and ("=" in argument or argument.startswith("~"))


def is_group(override: Override) -> bool:
    """Return whether an override chooses an option of a configuration group."""
    return (find_config_dir() / override.key_or_group.replace(".", "/").split("@")[0]).is_dir()


def get_search_path(argv: list[str]) -> list[str]:
    """Return the override that adds the folder of `--config-dir`, where a user's own yamls lie, if it is given."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config-dir", "-cd")
    folder = parser.parse_known_args(argv)[0].config_dir
    return [] if folder is None else [f"hydra.searchpath=['file://{os.path.realpath(os.path.expanduser(folder))}']"]


def iterate_compositions(config_name: str, groups: list[Override], search: list[str]) -> Iterator[DictConfig]:
    """Yield the configuration for every combination of group options that a sweep will visit."""
    choices: list[list[str]] = []
    for group in groups:
        prefix = str(group.input_line).split("=", 1)[0]
        choices.append([f"{prefix}={value}" for value in list_swept_values(group)])
    for combination in itertools.islice(itertools.product(*choices), 64):
        yield compose(config_name, [*search, *combination])


def compose(config_name: str, overrides: list[str]) -> DictConfig:
    """Compose a configuration without running anything.

    Raises:
        UserError: Hydra's own complaint, shortened.
    """
    try:
        with hydra.initialize_config_dir(config_dir=str(find_config_dir()), version_base="1.3"):
            return hydra.compose(config_name, overrides=overrides)
    except yaml.YAMLError as error:  # of a user's own file
        raise UserError(f"configuration: a yaml cannot be read ({' '.join(str(error).split())}); correct it") from error
    except (HydraException, OmegaConfBaseException) as error:
        chosen = next((o for o in overrides if is_group(parse_override(o)) and o.split("=")[-1] in str(error)), None)
        raise UserError(describe_group(chosen) if chosen else f"configuration: {error}") from error


def describe_group(override: str) -> str:
    """Return which options a group has, the nearest first."""
    group, value = override.lstrip("+").split("=", 1)
    options = sorted(path.stem for path in (find_config_dir() / group.split("@")[0].replace(".", "/")).glob("*.yaml"))
    if value in options:
        return f"{override}: the chosen configuration has no place for {group}; another model has"
    near = difflib.get_close_matches(value, options, n=1)
    hint = f"; did you mean {group}={near[0]}?" if near else f"; ~{group} is none of them" if value == "null" else ""
    return f"{override}: there is no such option{hint}; there are: {', '.join(options)}"


def check_override(override: Override, configuration: DictConfig, trust: tuple[str, ...] = ()) -> str:
    """Return the override as Hydra shall have it.

    Raises:
        UserError: no such key.
    """
    key = override.key_or_group
    check_is_no_group(override, configuration)
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
        arguments = list_arguments(node.get("_target_"), trust)
        if part in arguments:
            return f"++{override.input_line}"
        raise UserError(
            describe_unknown_key(key, ".".join(parts[:depth]), {*map(str, node), *arguments}, configuration)
        )
    return str(override.input_line)


def check_group_choice(override: Override) -> None:
    """Refuse what names no option of a group, which Hydra's composition takes for a defect; of a sweep, any such value.

    Raises:
        UserError: naming the options.
    """
    if override.is_delete():
        return
    kinds = str | None if "." in override.key_or_group else str  # model.augment=null sets a key, whatever the group
    for text in list_swept_values(override):
        line = f"{str(override.input_line).split('=', 1)[0]}={text}"
        value = parse_override(line).value()
        if not all(isinstance(one, kinds) for one in (value if isinstance(value, list) else [value])):
            raise UserError(describe_group(line))


def check_is_no_group(override: Override, configuration: DictConfig) -> None:
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


def describe_unknown_key(key: str, parent: str, names: set[str], configuration: DictConfig) -> str:
    """Report that there is no such key, and which are near."""
    prefix = f"{parent}." if parent else ""
    siblings = [f"{prefix}{name}" for name in names if name[0] != "_"]
    elsewhere = [known for known in iterate_keys(configuration) if known.rsplit(".", 1)[-1] == key.rsplit(".", 1)[-1]]
    near = [*elsewhere, *difflib.get_close_matches(key, {*siblings, *iterate_keys(configuration)}, n=3, cutoff=0.6)]
    near = list(dict.fromkeys(near))[:3]
    if near:
        return f"{key}: there is no such key; did you mean {' or '.join(near)}?"
    return f"{key}: there is no such key; under {parent or 'the top level'} there are: {', '.join(sorted(siblings))}"


def iterate_keys(node: DictConfig, prefix: str = "") -> Iterator[str]:
    """Yield every key of a configuration, dotted."""
    for name in map(str, node):
        child = node._get_node(name)
        yield f"{prefix}{name}"
        if isinstance(child, DictConfig) and not child._is_none() and not child._is_interpolation():
            yield from iterate_keys(child, f"{prefix}{name}.")
