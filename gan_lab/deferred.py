"""A package that is imported when it is used, not when another package mentions it."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
from types import ModuleType
from typing import Any

log = logging.getLogger(__name__)

#: What Lightning takes of torchmetrics when it is imported, and where that lies.
NEEDED = {"Metric": "torchmetrics.metric", "MetricCollection": "torchmetrics.collections"}


class _Deferred(ModuleType):
    """Stands for torchmetrics until more of it is asked for than `NEEDED`; then it becomes the package itself."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # of what inspects modules; the package's own ones are set
            raise AttributeError(name)
        if name in NEEDED and self.__dict__.get("_pending") is not None:
            return getattr(importlib.import_module(NEEDED[name]), name)
        loader = self.__dict__.pop("_pending", None)
        if loader is None:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        loader.exec_module(self)
        return getattr(self, name)


def defer_torchmetrics() -> None:
    """Have Lightning's import of torchmetrics load two classes of it, and not SciPy and all of its figures.

    Whatever else of torchmetrics is used loads it whole, as ever; where it is loaded already, or laid out otherwise than we
    know it, nothing is changed.
    """
    spec = None if "torchmetrics" in sys.modules else importlib.util.find_spec("torchmetrics")
    if spec is None or spec.loader is None:
        return
    module = _Deferred("torchmetrics")
    module.__spec__, module.__loader__, module.__file__ = spec, spec.loader, spec.origin
    module.__path__ = list(spec.submodule_search_locations or [])
    module.__package__ = "torchmetrics"
    module.__dict__.update(_pending=spec.loader, _logger=logging.getLogger("torchmetrics"))
    sys.modules["torchmetrics"] = module
    try:
        module.__dict__["__version__"] = importlib.import_module("torchmetrics.__about__").__version__
        importlib.import_module("torchmetrics.utilities")  # first: it and the classes import each other
        for name in NEEDED:
            getattr(module, name)
    except (ImportError, AttributeError) as error:
        log.debug("torchmetrics is imported whole: %s", error)
        for name in [name for name in sys.modules if name.split(".")[0] == "torchmetrics"]:
            del sys.modules[name]
