"""A package that Lightning imports and most commands have no use for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DEFERRED = """
import sys
from gan_lab.deferred import defer_torchmetrics
defer_torchmetrics()
import lightning.pytorch
assert "torchmetrics" in sys.modules and "torchmetrics.functional" not in sys.modules, "it was loaded whole"
from lightning.pytorch.core.module import Metric
"""


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_lightning_loads_two_classes_and_the_rest_comes_when_it_is_used() -> None:
    code = """
import torchmetrics
assert issubclass(torchmetrics.MeanMetric, Metric)
from torchmetrics.functional import accuracy
from torchmetrics.image import PeakSignalNoiseRatio
assert issubclass(PeakSignalNoiseRatio, Metric) and torchmetrics.Metric is Metric
mean = torchmetrics.MeanMetric()
mean.update(3.0)
print(float(mean.compute()), torchmetrics.__version__.split(".")[0])
try:
    torchmetrics.nothing
except AttributeError as error:
    print(error)
"""
    assert python(DEFERRED + code).splitlines() == ["3.0 1", "module 'torchmetrics' has no attribute 'nothing'"]


def test_a_log_of_a_metric_needs_no_more() -> None:
    code = """
import torch
class Module(lightning.pytorch.LightningModule):
    def training_step(self, batch, index):
        self.log("loss", batch.mean())
        return torch.nn.functional.mse_loss(self.layer(batch), batch)
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)
module = Module()
module.layer = torch.nn.Linear(1, 1)
loader = torch.utils.data.DataLoader(torch.zeros(4, 1))
import logging
logging.disable(logging.WARNING)
trainer = lightning.pytorch.Trainer(max_steps=2, accelerator="cpu", logger=False, enable_checkpointing=False,
    enable_progress_bar=False, enable_model_summary=False)
trainer.fit(module, loader)
print(float(trainer.logged_metrics["loss"]))
"""
    assert python(DEFERRED + code).splitlines()[-1] == "0.0"


def test_what_is_loaded_already_is_left_alone() -> None:
    code = """
import torchmetrics
from gan_lab.deferred import defer_torchmetrics
defer_torchmetrics()
import sys
print(type(sys.modules["torchmetrics"]).__name__)
"""
    assert python(code) == "module\n"


def test_another_layout_of_the_package_is_imported_as_ever() -> None:
    code = """
import sys
from gan_lab import deferred
deferred.NEEDED["Metric"] = "torchmetrics.elsewhere"
deferred.defer_torchmetrics()
import torchmetrics
print(torchmetrics.Metric.__name__, "torchmetrics.functional" in sys.modules)
"""
    assert python(code) == "Metric True\n"


COMPILER = """
import sys
from gan_lab.deferred import defer_compiler, defer_torchmetrics
defer_torchmetrics()
defer_compiler()
import torch
from lightning.pytorch.utilities.compile import from_compiled
layer = torch.nn.Linear(2, 1)
optimizer = torch.optim.Adam(layer.parameters())
layer(torch.ones(1, 2)).sum().backward()
optimizer.step()
optimizer.zero_grad()
optimizer.load_state_dict(optimizer.state_dict())
try:
    from_compiled(layer)
except ValueError as error:
    print(str(error).split(".")[-2].strip())
assert "torch._dynamo.eval_frame" not in sys.modules, "it was imported"
"""


@pytest.mark.parametrize(
    "use",
    [
        "import torch._dynamo.config as used",  # a submodule comes first
        "used = torch._dynamo.config",
        "from torch._dynamo import config as used",
        "torch.compile(layer, backend='eager'); used = sys.modules['torch._dynamo.config']",
    ],
    ids=["submodule", "attribute", "name", "compiled"],
)
def test_the_compiler_is_imported_when_something_is_compiled(use: str) -> None:
    code = f"""
{use}
assert used is sys.modules["torch._dynamo.config"] is torch._dynamo.config, "it was imported twice"
calls = []
def backend(graph, inputs):
    calls.append(1)
    return graph.forward
compiled = torch.compile(layer, backend=backend)
assert torch.equal(compiled(torch.ones(1, 2)), layer(torch.ones(1, 2))) and calls
optimizer.step()
from lightning.fabric import wrappers
print(isinstance(compiled, wrappers.OptimizedModule), isinstance(layer, wrappers.OptimizedModule))
print(wrappers._unwrap_compiled(compiled)[0] is layer)
"""
    kind, compiled, unwrapped = python(COMPILER + code).splitlines()
    assert "Found a `Linear` instead" in kind
    assert (compiled, unwrapped) == ("True False", "True")


def test_the_compiler_that_is_imported_already_is_left_alone() -> None:
    code = """
import sys, torch._dynamo
from gan_lab.deferred import defer_compiler
before = list(sys.meta_path)
defer_compiler()
print(type(torch._dynamo).__name__, sys.meta_path == before)
"""
    assert python(code) == "module True\n"


@pytest.mark.parametrize("module", ["gan_lab.commands.enhance", "gan_lab.metrics", "gan_lab.fidelity"])
def test_enhancing_imports_no_torchmetrics(module: str) -> None:
    assert python(f"import sys, {module}; print('torchmetrics' in sys.modules)") == "False\n"


def test_models_and_evaluation_import_no_more_of_it_than_lightning_does() -> None:
    code = """
import gan_lab.models, gan_lab.evaluation, gan_lab.commands.train, gan_lab.commands.evaluate
assert "torchmetrics.functional" not in sys.modules, "it was loaded whole"
from gan_lab.metrics import MeanPSNR, PrecisionRecall, WeightedMean
assert issubclass(MeanPSNR, Metric)
assert "torchmetrics.functional" not in sys.modules, "it was loaded whole"
from gan_lab import metrics
assert issubclass(metrics.KernelDistance, Metric)
print("torchmetrics.functional" in sys.modules)
"""
    assert python(DEFERRED + code) == "True\n"


def test_a_training_takes_its_first_step_without_the_compiler(tmp_path: Path) -> None:
    code = f"""
import os, sys
from gan_lab.config.entry_point import prepare_work
sys.argv[1:] = "model=mlp_gan data.image_size=16 data.batch_size=2 device=cpu name=a".split() + ["runs_dir={tmp_path}"]
import gan_lab.train
prepare_work("train")
from gan_lab.callbacks import Budget
def look(*_):
    print("stepped", "torch._dynamo.eval_frame" in sys.modules, flush=True)
    os._exit(0)
Budget.on_train_batch_end = look
gan_lab.train.main()
"""
    assert "stepped False" in python(code)
