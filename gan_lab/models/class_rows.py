"""Classes go by their names: which a run's model was made for, and which rows of its embeddings are whose."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

from torch import nn

from gan_lab.errors import UserError

#: Names that a message lists at most.
SHOWN = 10


def check_classes(conditional: bool, classes: int, otherwise: str) -> None:
    """Check that a conditional model has classes to tell apart.

    Args:
        conditional: whether it is one.
        classes: how many the data have.
        otherwise: what to choose without.

    Raises:
        UserError: there are fewer than two.
    """
    if conditional and classes < 2:
        raise UserError(
            f"model: a conditional GAN needs labels, and the data has {classes} classes. Put the photos into one folder "
            f"per class under data.root, or choose an unconditional model ({otherwise})"
        )


def takes_classes(description: Any) -> bool:
    """Return whether a model's description, or one in it, says how many classes there are."""
    if isinstance(description, Mapping):
        counted = description.get("classes")
        return (isinstance(counted, int) and counted > 0) or any(map(takes_classes, description.values()))
    return isinstance(description, list) and any(map(takes_classes, description))


def read_class_names(config: Mapping[str, Any]) -> list[str] | None:
    """Return the classes of a run's model in the order of its labels, from its resolved configuration.

    [] for a model without labels; None where the configuration does not say what they are called.
    """
    model, data = config.get("model") or {}, config.get("data") or {}
    if not takes_classes(model):
        return []
    return [str(name) for name in model.get("class_names") or data.get("class_names") or []] or None


def describe_change(before: Sequence[str], now: Sequence[str]) -> str | None:
    """Return in words how classes differ from what they were; None where they are the same."""
    if list(before) == list(now):
        return None
    gone, new = [name for name in before if name not in now], [name for name in now if name not in before]
    changes = [f"{join_names(names)} {verb}" for names, verb in ((gone, "gone"), (new, "new")) if names]
    return ", ".join(changes) or f"in another order: {join_names(before)} before, {join_names(now)} now"


def join_names(names: Sequence[str]) -> str:
    """Return names for a message, the first of many."""
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def take_rows_by_name(
    model: nn.Module, weights: MutableMapping[str, Any], own: Sequence[str], theirs: Sequence[str]
) -> None:
    """Put the rows of another run's class embeddings, in `weights`, where this model has the class of that name.

    A class that the other run has not keeps the model's own row. An embedding whose rows are not the other run's classes is
    taken out of `weights`.

    Args:
        model: whose weights they will be.
        weights: the other run's, by name.
        own: the classes of the model, in the order of its labels.
        theirs: likewise of the other run; [] where they are not known.
    """
    places = {name: row for row, name in enumerate(theirs)}
    pairs = [(row, places[name]) for row, name in enumerate(own) if name in places]
    for prefix, module in model.named_modules():
        if not isinstance(module, nn.Embedding) or module.num_embeddings != len(own):
            continue
        for name, value in module.state_dict(prefix=f"{prefix}.").items():
            given = weights.get(name)
            if value.ndim != 2 or given is None:  # vectors of a spectral norm follow the weight by themselves
                continue
            if given.ndim != 2 or len(given) != len(theirs) or given.shape[1] != value.shape[1]:
                del weights[name]
                continue
            rows = value.clone()
            for row, place in pairs:
                rows[row] = given[place]
            weights[name] = rows
