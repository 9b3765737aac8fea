"""What a trained model is worth on held-out photos: figures, and the protocol that they hold for."""

from gan_lab.evaluation.augmentation import evaluate_augmentation
from gan_lab.evaluation.extractors import Extractor, choose_extractor
from gan_lab.evaluation.generation import evaluate_generation
from gan_lab.evaluation.heldout import HeldOut
from gan_lab.evaluation.page import write_page
from gan_lab.evaluation.reconstruction import evaluate_reconstruction
from gan_lab.evaluation.report import Picture, Report
from gan_lab.evaluation.restoration import evaluate_restoration
from gan_lab.evaluation.translation import evaluate_translation

__all__ = [
    "Extractor",
    "HeldOut",
    "Picture",
    "Report",
    "choose_extractor",
    "evaluate_augmentation",
    "evaluate_generation",
    "evaluate_reconstruction",
    "evaluate_restoration",
    "evaluate_translation",
    "write_page",
]
