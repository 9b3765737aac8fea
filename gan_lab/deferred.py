"""Packages that are imported when they are used, not when another package mentions them.

Lightning takes two classes of torchmetrics, whose import brings SciPy and all of its figures. Lightning and torch's
optimisers take names of torch's compiler that do nothing where nothing is compiled.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import logging
import sys
from collections.abc import Callable, Mapping
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

log = logging.getLogger(__name__)

#: What Lightning takes of torchmetrics when it is imported, and where that lies.
NEEDED = {"Metric": "torchmetrics.metric", "MetricCollection": "torchmetrics.collections"}


class _Deferred(ModuleType):
    """Stands for a package until more of it is asked for than is given; then it becomes the package itself.

    Args:
        spec: of the package.
        given: functions that return what it has before it is imported, by name.
    """

    def __init__(self, spec: ModuleSpec, given: Mapping[str, Callable[[], Any]]) -> None:
        super().__init__(spec.name)
        self.__dict__.update(_pending=spec, _given=given)

    def __getattr__(self, name: str) -> Any:
        spec = self.__dict__.get("_pending")
        # what inspects modules asks for names of this form
        if spec is None or (name.startswith("__") and name not in self._given):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        if name in self._given:
            try:
                return self._given[name]()
            except (ImportError, AttributeError) as error:
                log.debug("%s is imported whole: %s", spec.name, error)
        self._load(spec)
        return getattr(self, name)

    def _load(self, spec: ModuleSpec) -> None:
        """Execute the package, so that it takes the place of what stood for it."""
        assert spec.loader is not None
        self.__dict__["_pending"] = None
        self.__spec__, self.__loader__, self.__file__, self.__package__ = spec, spec.loader, spec.origin, spec.name
        self.__path__ = list(spec.submodule_search_locations or [])
        spec.loader.exec_module(self)


def defer_torchmetrics() -> None:
    """Have Lightning's import of torchmetrics load two classes of it, and not SciPy and all of its figures.

    Whatever else of torchmetrics is used loads it whole, as ever; where it is loaded already, nothing is changed.
    """
    spec = None if "torchmetrics" in sys.modules else importlib.util.find_spec("torchmetrics")
    if spec is None:
        return
    given: dict[str, Callable[[], Any]] = {name: functools.partial(_import_metric, name) for name in NEEDED}
    given["__version__"] = lambda: importlib.import_module("torchmetrics.__about__").__version__
    given["__path__"] = lambda: list(spec.submodule_search_locations or [])
    module = _Deferred(spec, given)
    module.__dict__["_logger"] = logging.getLogger("torchmetrics")
    sys.modules["torchmetrics"] = module


def _import_metric(name: str) -> Any:
    """Import a class of torchmetrics without its figures.

    Raises:
        ImportError, AttributeError: this version has it elsewhere; nothing of torchmetrics stays imported.
    """
    try:
        importlib.import_module("torchmetrics.utilities")  # first: it and the classes import each other
        return getattr(importlib.import_module(NEEDED[name]), name)
    except (ImportError, AttributeError):
        for each in [each for each in sys.modules if each.startswith("torchmetrics.")]:
            del sys.modules[each]
        raise


def defer_compiler() -> None:
    """Have torch's compiler imported when something is compiled, not by Lightning's import or the first optimiser.

    Lightning asks whether a model is compiled; an optimiser asks not to be compiled. Whatever else of it is used loads it.
    """
    spec = None if "torch._dynamo" in sys.modules else importlib.util.find_spec("torch._dynamo")
    if spec is not None:
        given: dict[str, Callable[[], Any]] = {
            "OptimizedModule": lambda: _OptimizedModule,
            "disable": lambda: lambda function, *args, **options: function,
            "graph_break": lambda: lambda message="": None,
            "__path__": lambda: list(spec.submodule_search_locations or []),
        }
        sys.meta_path.insert(0, _WholeFirst())
        sys.modules["torch._dynamo"] = _Deferred(spec, given)


class _WholeFirst:
    """A finder that has a deferred package executed before the first of its submodules, as an import has it."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Return how to import a submodule that its package has imported already; None leaves it to the other finders."""
        package = sys.modules.get("torch._dynamo")
        if not name.startswith("torch._dynamo.") or not isinstance(package, _Deferred) or package._pending is None:
            return None
        package._load(package._pending)
        return ModuleSpec(name, _Imported(sys.modules[name])) if name in sys.modules else None


class _Imported(Loader):
    """The loader of a module that is imported: what it returns is the module as it is."""

    def __init__(self, module: ModuleType) -> None:
        self.module, self.spec = module, module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.spec


class _AfterImport(type):
    """The class of a class that stands for one of a package that is not imported yet."""

    def __instancecheck__(cls, instance: object) -> bool:
        compiler = sys.modules["torch._dynamo"]
        return compiler.__dict__.get("_pending") is None and isinstance(instance, compiler.OptimizedModule)


class _OptimizedModule(metaclass=_AfterImport):
    """Stands for the class of what `torch.compile` returns: nothing is one before the compiler is imported."""
