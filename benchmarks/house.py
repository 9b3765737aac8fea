"""Measure how gan_lab's code reads: words, sizes, and how far one has to follow it.

    python -m benchmarks.house [--tree /path/to/another/checkout] [--markdown out.md]
        [--list participles|small|names|untested|functions|files|frames]

The first figures are read from the syntax trees of `gan_lab/`, tests left out:

- lines of a function, median and 90 %, and functions above 60 lines;
- public functions, classes and methods with a docstring;
- functions whose name begins with a participle ("told", "fitted"): a function's name is a verb phrase;
- small functions of one use: at most 8 lines, private or of a module, and named once beside their definition, there
  called, or read as a property. One that is handed over there instead (an entry of a table, an argument of a decorator
  or of what calls it back), or that a yaml in conf/ names, as `_target_` or elsewhere by its dotted name, could not be
  written where it is used, and is left out;
- public names of functions and classes that several modules define;
- modules without a test file of their own, `tests/<room>/test_<module>.py`; what may be without is `EXEMPT`.

The others are run: one iteration of R3GAN and of CycleGAN is traced. Functions entered are those of gan_lab from
`training_step` on, and files those that they lie in, both without networks and losses. Frames to a constructor are
gan_lab's own between Hydra and the constructor of R3GAN's generator.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

#: Verbs whose base form ends like a participle, and nouns that do.
NO_PARTICIPLES = """
embed feed need seed speed shed proceed exceed bed red shred read split set put cut
"""
#: Participles without that ending.
IRREGULAR = """
told drawn made held kept shown taken given found written spent built lost seen said left sent bound torn hidden chosen
known done begun grown laid met won led fed understood thrown driven undone unseen unwritten
"""

_GOODS = [
    "book",
    "bottle",
    "chair",
    "handbag",
    "headphones",
    "jar",
    "lamp",
    "mug",
    "plant",
    "sneaker",
    "t_shirt",
    "watch",
]
#: Modules that need no test file of their own, and why. (`__init__.py` is no module here.)
EXEMPT = {
    **dict.fromkeys(
        [f"{name}.py" for name in ("train", "evaluate", "enhance", "translate", "generate", "compare", "pack")],
        "imports its command, which is tested in tests/commands/",
    ),
    **dict.fromkeys(
        [f"data/catalogue/kinds/{name}.py" for name in _GOODS],
        "one drawing, made at every size and held to recorded colours in tests/data/catalogue/test_drawing.py",
    ),
    **dict.fromkeys(["augment/protocols.py", "networks/protocols.py"], "protocols alone"),
    "models/probe.py": "a dataclass of fields alone",
}


@dataclass(frozen=True)
class Function:
    """A function of the package: where it lies, and what it is called."""

    module: str
    name: str
    owner: str
    lines: int
    public: bool
    documented: bool
    is_property: bool


def list_functions(package: Path) -> Iterator[Function]:
    """Yield the functions and methods of a package, those inside functions left out."""
    for path in sorted(package.rglob("*.py")):
        module = ".".join(path.relative_to(package.parent).with_suffix("").parts)
        for node in ast.parse(path.read_text()).body:
            members = node.body if isinstance(node, ast.ClassDef) else [node]
            for member in members:
                if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef):
                    owner = node.name if isinstance(node, ast.ClassDef) else ""
                    yield Function(
                        module,
                        member.name,
                        owner,
                        (member.end_lineno or member.lineno) - member.lineno + 1,
                        not member.name.startswith("_") and not owner.startswith("_"),
                        ast.get_docstring(member) is not None,
                        any(ast.unparse(each).endswith("property") for each in member.decorator_list),
                    )


def is_participle(name: str) -> bool:
    """Return whether a name begins with a participle."""
    word = name.lstrip("_").split("_")[0]
    return word in IRREGULAR.split() or (word.endswith("ed") and word not in NO_PARTICIPLES.split())


def count_uses(package: Path) -> tuple[Counter[str], Counter[str]]:
    """Return how often each name is used in a package, as a name or an attribute, and how often it is called."""
    uses: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            uses[get_name(node)] += 1
            if isinstance(node, ast.Call):
                calls[get_name(node.func)] += 1
    return uses, calls


def get_name(node: ast.AST) -> str:
    """Return the name that a node refers to; nothing for nodes that are neither a name nor an attribute."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def list_configured(folder: Path) -> set[tuple[str, str]]:
    """Return the dotted names of gan_lab in the yamls of a folder, as pairs of package or module and name."""
    texts = [path.read_text() for path in sorted(folder.rglob("*.yaml"))]
    return {(found[1], found[2]) for text in texts for found in re.finditer(r"\b(gan_lab(?:\.\w+)*)\.(\w+)", text)}


def is_configured(each: Function, configured: set[tuple[str, str]]) -> bool:
    """Return whether a function is among those that yamls name, in its module or in a package around it."""
    return any(name == each.name and f"{each.module}.".startswith(f"{place}.") for place, name in configured)


def list_shared_names(package: Path) -> dict[str, list[str]]:
    """Return the public functions and classes of modules that other modules define as well, by name."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(package.rglob("*.py")):
        module = ".".join(path.relative_to(package.parent).with_suffix("").parts)
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(module)
    return {name: modules for name, modules in found.items() if len(modules) > 1}


def list_untested(tree: Path) -> list[str]:
    """Return the modules of a checkout, "room/module.py", that have no test file of their own and are not in `EXEMPT`."""
    modules = sorted(path.relative_to(tree / "gan_lab") for path in (tree / "gan_lab").rglob("*.py"))
    names = [path.as_posix() for path in modules if path.name != "__init__.py" and not has_tests(tree, path)]
    return [name for name in names if name not in EXEMPT]


def has_tests(tree: Path, module: Path) -> bool:
    """Return whether a module, by its path in gan_lab/, has a test file under the same path, with a test in it."""
    path = tree / "tests" / module.parent / f"test_{module.stem.strip('_')}.py"
    return path.is_file() and "def test_" in path.read_text()


#: Run in a process of its own, with the tree to be measured first on the path; prints JSON.
TRACE = """
import json, os, sys
root, model = sys.argv[1], sys.argv[2]
import torch
import gan_lab
from gan_lab.models import ManualModule
package = os.path.join(root, "gan_lab") + os.sep
entered, files, frames = set(), set(), []

def outside(path):
    part = path[len(package):].split(os.sep)[0]
    return part not in ("networks", "losses")

def trace(frame, event, argument):
    path = frame.f_code.co_filename
    # comprehensions are frames up to Python 3.11, and none from 3.12 on
    written = not frame.f_code.co_name.endswith(("comp>", "genexpr>"))
    if event == "call" and written and path.startswith(package) and outside(path):
        entered.add(f"{path[len(package):]}:{frame.f_code.co_qualname}")
        files.add(path[len(package):])

from gan_lab.networks.r3gan import R3GANGenerator
from gan_lab.networks.resnet import ResnetGenerator
for generator in (R3GANGenerator, ResnetGenerator):
    def watch(own):
        def initialise(self, *arguments, **options):
            frame, above = sys._getframe(1), []
            while frame is not None:
                path = frame.f_code.co_filename
                if path.startswith(package) and os.sep + "networks" + os.sep not in path:
                    above.append(f"{path[len(package):]}:{frame.f_code.co_qualname}")
                elif "hydra" in path and above:
                    break
                frame = frame.f_back
            frames.append(above)
            own(self, *arguments, **options)
        return initialise
    generator.__init__ = watch(generator.__init__)

steps, step = [0], ManualModule.training_step
def trace_step(self, *arguments):
    steps[0] += 1
    if steps[0] == 3:
        sys.setprofile(trace)
        try:
            return step(self, *arguments)
        finally:
            sys.setprofile(None)
    return step(self, *arguments)
ManualModule.training_step = trace_step
from gan_lab import train
sys.argv = ["train", f"model={model}", *sys.argv[3:]]
sys.stdout = sys.stderr
try:
    train.main()
finally:
    sys.stdout = sys.__stdout__
    print(json.dumps({"entered": sorted(entered), "files": sorted(files), "frames": frames[0]}))
"""


def trace_run(tree: Path, model: str) -> dict[str, list[str]]:
    """Return the functions and files of a training's third iteration, and the frames above its generator's constructor."""
    small = ["model.generator.width=8", "model.discriminator.width=8"] if model == "cyclegan" else []
    small += ["data.image_size=32", "data.batch_size=2", "data.catalogue_images=30", "data.num_workers=0"]
    small += ["trainer.max_iterations=3", "trainer.precision=32-true", "name=traced", "device=cpu", "threads=1"]
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"PYTHONPATH": str(tree)}
        done = subprocess.run(
            [sys.executable, "-c", TRACE, str(tree), model, *small, f"runs_dir={folder}"],
            cwd=tree,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure_tree(tree: Path) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return the figures of a checkout, by name, and the findings behind them."""
    package = tree / "gan_lab"
    functions, (uses, calls) = list(list_functions(package)), count_uses(package)
    configured = list_configured(tree / "conf")
    participles = [each for each in functions if is_participle(each.name)]
    small = [
        each
        for each in functions
        if each.lines <= 8
        and uses[each.name] == 1
        and (calls[each.name] or each.is_property)
        and not is_configured(each, configured)
        and not each.name.startswith("__")
        and (not each.public or not each.owner)
    ]
    shared = list_shared_names(package)
    public = [each for each in functions if each.public and not each.name.startswith("__")]
    lengths = sorted(each.lines for each in functions)
    traces = {model: trace_run(tree, model) for model in ("r3gan", "cyclegan")}
    lines = sum(len(path.read_text().splitlines()) for path in package.rglob("*.py"))
    figures = {
        "files / lines": f"{len(list(package.rglob('*.py')))} / {lines / 1000:.1f} k",
        "lines of a function, median / 90 %": f"{statistics.median(lengths):.0f} / {lengths[int(0.9 * len(lengths))]}",
        "functions over 60 lines (longest)": f"{sum(length > 60 for length in lengths)} ({lengths[-1]})",
        "public functions with a docstring, %": f"{100 * sum(each.documented for each in public) / len(public):.0f}",
        "functions named by a participle, %": f"{100 * len(participles) / len(functions):.1f}",
        "one-use functions of at most 8 lines, %": f"{100 * len(small) / len(functions):.1f}",
        "names defined in several modules": str(len(shared)),
        "modules without a test file of their own": str(len(list_untested(tree))),
        "functions entered in one iteration, r3gan / cyclegan": " / ".join(
            str(len(traces[m]["entered"])) for m in traces
        ),
        "files to open for one CycleGAN iteration": str(len(traces["cyclegan"]["files"])),
        "frames from a flag to a constructor": str(len(traces["r3gan"]["frames"])),
    }
    findings = {
        "participles": [f"{each.module}.{each.owner}{'.' * bool(each.owner)}{each.name}" for each in participles],
        "small": [f"{each.module}.{each.owner}{'.' * bool(each.owner)}{each.name}" for each in small],
        "names": [f"{name}: {', '.join(modules)}" for name, modules in sorted(shared.items())],
        "untested": list_untested(tree),
        "functions": [f"{model}: {name}" for model in traces for name in traces[model]["entered"]],
        "files": traces["cyclegan"]["files"],
        "frames": traces["r3gan"]["frames"],
    }
    return figures, findings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, action="append", help="a checkout; several stand side by side")
    parser.add_argument("--list", choices=("participles", "small", "names", "untested", "functions", "files", "frames"))
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    trees = [tree.resolve() for tree in options.tree or [Path(__file__).parents[1]]]
    measured = [measure_tree(tree) for tree in trees]
    if options.list:
        print("\n".join(measured[0][1][options.list]))
        return
    rows = [[name, *(figures[name] for figures, _ in measured)] for name in measured[0][0]]
    table = Table("", *(tree.name for tree in trees))
    for row in rows:
        table.add_row(*row)
    Console(width=None if Console().is_terminal else 120).print(table)
    if options.markdown:
        head = ["|  |" + "".join(f" {tree.name} |" for tree in trees), "| --- |" + " ---: |" * len(trees)]
        options.markdown.write_text("\n".join([*head, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n")


if __name__ == "__main__":
    main()
