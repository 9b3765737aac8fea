"""What happens around the iterations: the budget, checkpoints, logs, pictures, the progress bar, the doctor."""

from gan_lab.callbacks.budget import Budget
from gan_lab.callbacks.checkpoints import Checkpoints
from gan_lab.callbacks.doctor import Doctor
from gan_lab.callbacks.early_stopping import EarlyStopping
from gan_lab.callbacks.figures import SampleGrid, TermsLogger, Validation
from gan_lab.callbacks.histograms import Histograms
from gan_lab.callbacks.metrics_csv import MetricsCSV
from gan_lab.callbacks.progress import ProgressBar
from gan_lab.callbacks.tensorboard_run import TensorBoardRun
from gan_lab.callbacks.threads import FittedThreads
from gan_lab.callbacks.wandb_run import WandbRun

__all__ = [
    "Budget",
    "Checkpoints",
    "Doctor",
    "EarlyStopping",
    "FittedThreads",
    "Histograms",
    "MetricsCSV",
    "ProgressBar",
    "SampleGrid",
    "TensorBoardRun",
    "TermsLogger",
    "Validation",
    "WandbRun",
]
