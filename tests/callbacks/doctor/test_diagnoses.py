"""Each diagnosis on made evidence: what it finds, what it lets pass, and that it waits."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from gan_lab.callbacks.doctor import diagnoses, probes
from gan_lab.callbacks.doctor.diagnoses import WARM_UP, WINDOW, Diagnosis, Patient
from gan_lab.callbacks.doctor.doctor import describe_patient
from gan_lab.callbacks.doctor.history import History
from gan_lab.config import compose, instantiate
from tests.callbacks.doctor.patients import Catalogue, noise, single

GAN = Patient(monitor=("val/kid_random_vgg", "min"), diameter=100.0, augmentable=True)
DRAWS = Patient(generates=True)
Curve = Callable[[int], float]


def history(iterations: int = 1200, step: int = 5, **curves: Curve | float) -> History:
    """Return what a run of so many iterations would have logged; a name's __ stands for /."""
    made = History()
    for iteration in range(step, iterations + 1, step):
        figures = {name.replace("__", "/"): c(iteration) if callable(c) else c for name, c in curves.items()}
        made.add(iteration, figures)
    return made


def noisy(level: float, amplitude: float) -> Curve:
    draw = random.Random(0)
    return lambda iteration: level + amplitude * draw.uniform(-1, 1)


def late(value: float, before: float, since: int = 700) -> Curve:
    return lambda iteration: value if iteration >= since else before


SURE = {"train__accuracy_d": 1.0, "train__cross_entropy_d": 1e-3}
CASES: list[tuple[Diagnosis, dict[str, Curve | float], dict[str, Curve | float]]] = [
    (diagnoses.find_saturation, SURE, {**SURE, "train__accuracy_d": noisy(0.97, 0.03)}),
    (diagnoses.find_saturation, SURE, {**SURE, "train__cross_entropy_d": lambda i: 1e-3 * i}),  # G is catching up
    (diagnoses.find_saturation, {"train__accuracy_d_A": 0.7, "train__accuracy_d_B": 1.0}, {"train__accuracy_d_A": 0.7}),
    (diagnoses.find_saturation, SURE, {**SURE, "train__accuracy_d": late(1.0, 0.8, 800)}),
    (diagnoses.vanishing, {"doctor__gradient_g": late(1e-5, 0.1)}, {"doctor__gradient_g": late(1e-3, 0.1)}),
    (diagnoses.vanishing, {"doctor__gradient_g": 0.0}, {"doctor__gradient_g": noisy(0.02, 0.01)}),
    (diagnoses.posterior_collapsed, {"train__active_units": 0.0}, {"train__active_units": 0.1}),
    (diagnoses.oscillating, {"train__loss_g": lambda i: 2 + math.sin(i / 20)}, {"train__loss_g": noisy(2, 1)}),
    (diagnoses.oscillating, {"train__loss_g": lambda i: math.sin(i / 20)}, {"train__loss_g": lambda i: math.exp(-i / 300)}),
    (diagnoses.oscillating, {"train__loss_g": lambda i: math.sin(i / 20)}, {"train__loss_g": lambda i: (i - 750) ** 2}),
    (diagnoses.plateau, {"val__kid_random_vgg": late(2.0, 1.0, 200)}, {"val__kid_random_vgg": lambda i: 1 / i}),
    (diagnoses.plateau, {"val__kid_random_vgg": late(2.0, 1.0, 200)}, {"val__kid_random_vgg": late(0.5, 1.0, 900)}),
    (probes.find_collapse, {"doctor__variety": late(0.02, 0.5), **SURE}, {"doctor__variety": 0.3, **SURE}),
    (probes.find_collapse, {"doctor__variety": late(0.02, 0.5), **SURE}, {"doctor__variety": late(0.02, 0.5)}),  # no D
    (probes.find_collapse, {"doctor__variety": late(0.02, 0.5), **SURE}, {"doctor__variety": late(0.02, 0.5, 1050), **SURE}),
    (probes.find_collapse, {"doctor__variety": late(0.02, 0.5), **SURE}, {"doctor__variety": 0.02, **SURE}),  # slow to begin
    (
        probes.find_overfitting,
        {"doctor__overfitting_A": 0.8, "doctor__overfitting_z_A": 9.0},
        {"doctor__overfitting_A": 0.8, "doctor__overfitting_z_A": 2.0},
    ),
    (
        probes.find_overfitting,
        {"doctor__overfitting": 0.8, "doctor__overfitting_z": 9.0},
        {"doctor__overfitting": 0.3, "doctor__overfitting_z": 9.0},
    ),
    (probes.leaking, {"doctor__leak": 0.9}, {"doctor__leak": 0.3}),
    (probes.leaking, {"doctor__leak": 0.9, "doctor__leak_error": 0.1}, {"doctor__leak": 0.9, "doctor__leak_error": 0.35}),
    (probes.find_inversion, {"doctor__luminance_B": -0.7}, {"doctor__luminance_B": -0.2}),
    (probes.find_grid, {"doctor__grid": 15.0, "doctor__grid_photos": 1.5}, {"doctor__grid": 15.0, "doctor__grid_photos": 6}),
]  # fmt: skip


@pytest.mark.parametrize(("diagnosis", "ill", "well"), CASES)
def test_a_diagnosis_finds_what_is_wrong_and_lets_the_rest_pass(
    diagnosis: Diagnosis, ill: dict[str, Curve | float], well: dict[str, Curve | float]
) -> None:
    found = diagnosis(history(**ill), GAN)
    assert found is not None
    assert found.evidence
    assert "=" in found.advice or "best.ckpt" in found.advice  # an option and a value
    assert WARM_UP < found.since < 1200 or diagnosis is diagnoses.plateau
    assert diagnosis(history(**well), GAN) is None


def make_history_of_recall(iterations: int, recall: Curve | float) -> History:
    """Return the validations of a run, one every 500 iterations."""
    return history(
        iterations,
        500,
        val__recall_efficientnet_lite1=recall,
        val__precision_efficientnet_lite1=0.8,
        train__accuracy_d=0.8,
    )


def test_samples_like_no_photo_are_said_after_time_enough_and_no_more_when_that_passes() -> None:
    assert diagnoses.find_nothing_drawn(make_history_of_recall(1500, 0.0), DRAWS) is None
    found = diagnoses.find_nothing_drawn(make_history_of_recall(2500, 0.0), DRAWS)
    assert found is not None
    assert found.says.startswith("the samples share no features with photos: recall 0.00 after 2,500 iterations")
    assert found.evidence == {"val/recall_efficientnet_lite1": 0.0, "val/precision_efficientnet_lite1": 0.8}
    assert "trainer.max_minutes=120" in found.advice
    assert diagnoses.find_nothing_drawn(make_history_of_recall(2500, late(0.1, 0.0, 2500)), DRAWS) is None
    assert (
        diagnoses.find_nothing_drawn(make_history_of_recall(2500, late(0.0, 0.3, 2500)), DRAWS) is None
    )  # a single validation
    lost = diagnoses.find_nothing_drawn(make_history_of_recall(5000, late(0.0, 0.3, 3000)), DRAWS)
    assert lost is not None
    assert lost.since == 3000
    assert (
        diagnoses.find_nothing_drawn(make_history_of_recall(2500, 0.0), GAN) is None
    )  # it translates: its pictures show what photos show
    assert diagnoses.find_nothing_drawn(history(2500, val__recall_random_vgg=0.0), DRAWS) is None


def test_a_run_is_healthy_only_when_its_samples_have_been_seen_to_be_like_photos() -> None:
    describe = diagnoses.describe_soundness
    assert describe(make_history_of_recall(2500, 0.3), DRAWS, WARM_UP).startswith("too early to tell")
    assert describe(make_history_of_recall(2500, 0.3), DRAWS, 2500) == "healthy"
    assert describe(make_history_of_recall(1000, 0.01), DRAWS, 1000) == (
        "no fault found, but its samples share no features with photos yet (recall 0.01)"
    )
    assert "have not been compared" in describe(history(2500, **SURE), DRAWS, 2500)
    assert describe(history(2500, **SURE), GAN, 2500) == "healthy"


@pytest.mark.parametrize(
    "diagnosis", [each for each in (*diagnoses.OF_TERMS, *probes.OF_PROBES) if each is not diagnoses.find_nothing_drawn]
)
def test_nothing_is_said_of_the_first_iterations(diagnosis: Diagnosis) -> None:
    ill: dict[str, Curve | float] = {}
    for case, wrong, _ in CASES:
        ill |= wrong if case is diagnosis else {}
    assert diagnosis(history(1200, **ill), GAN) is not None
    assert diagnosis(history(WARM_UP, step=2, **ill), GAN) is None
    assert diagnosis(History(), GAN) is None


@pytest.mark.parametrize("diagnosis", [diagnoses.find_saturation, diagnoses.vanishing, diagnoses.posterior_collapsed])
def test_the_first_iterations_are_no_part_of_a_window(diagnosis: Diagnosis) -> None:
    ill: dict[str, Curve | float] = {**SURE, "doctor__gradient_g": 0.0, "train__active_units": 0.0}
    assert diagnosis(history(WARM_UP + WINDOW - 5, **ill), GAN) is None
    assert diagnosis(history(WARM_UP + WINDOW + 5, **ill), GAN) is not None


def test_a_finding_begins_with_its_evidence() -> None:
    found = probes.find_collapse(history(doctor__variety=late(0.02, 0.5), **SURE), GAN)
    assert found is not None
    assert found.since == 700
    found = diagnoses.plateau(history(val__kid_random_vgg=lambda i: abs(i - 500)), GAN)
    assert found is not None
    assert found.since == 500
    assert "best.ckpt" in found.advice


def test_a_critic_is_judged_by_the_distance_that_it_claims() -> None:
    critic = Patient(critic=True, diameter=100.0)
    wide = history(train__logits_real=late(180.0, 1.0, 0), train__logits_fake=-20.0)
    assert diagnoses.find_saturation(wide, critic) is not None
    assert diagnoses.find_saturation(history(train__logits_real=50.0, train__logits_fake=-20.0, **SURE), critic) is None


def test_advice_names_the_runs_own_options_and_half_their_values() -> None:
    patient = Patient(discriminator_rate=("model.discriminator_optimizer.lr", 4e-4), augmentable=True)
    found = diagnoses.find_saturation(history(**SURE), patient)
    assert found is not None
    assert "model.discriminator_optimizer.lr=0.0002" in found.advice
    assert "model/augment=ada" in found.advice
    assert "model/augment" not in str(
        diagnoses.find_saturation(history(**SURE), Patient(augmented=True, augmentable=True))
    )


@pytest.mark.parametrize(
    ("augment", "augmented", "adaptive"), [("none", False, False), ("diffaugment", True, False), ("ada", True, True)]
)
def test_a_patients_augmentation_is_known(augment: str, augmented: bool, adaptive: bool) -> None:
    model = instantiate(compose("train", ["model=dcgan_28", "data=fashion_mnist", f"model/augment={augment}"]).model)
    trainer = SimpleNamespace(
        optimizers=model.configure_optimizers(), datamodule=Catalogue(single(noise), single(noise), 1)
    )
    patient = describe_patient(trainer, model)  # type: ignore[arg-type]
    assert (patient.augmentable, patient.augmented, patient.adaptive) == (True, augmented, adaptive)


@pytest.mark.parametrize(("half_life", "averageable"), [("10000", False), ("null", True)])
def test_a_generator_that_is_not_averaged_could_be(half_life: str, averageable: bool) -> None:
    options = ["model=dcgan_28", "data=fashion_mnist", f"model.ema_half_life={half_life}"]
    model = instantiate(compose("train", options).model)
    trainer = SimpleNamespace(
        optimizers=model.configure_optimizers(), datamodule=Catalogue(single(noise), single(noise), 1)
    )
    assert describe_patient(trainer, model).averageable == averageable  # type: ignore[arg-type]


def test_advice_names_options_that_the_run_has() -> None:
    by_heart = history(doctor__overfitting=0.8, doctor__overfitting_z=9.0)
    leaks, swings = history(doctor__leak=0.9), history(train__loss=lambda i: 2 + math.sin(i / 20))
    fixed, adaptive = (Patient(augmentable=True, augmented=True, adaptive=steers) for steers in (False, True))
    for diagnosis, seen, option in (
        (probes.find_overfitting, by_heart, "model.augment.target"),
        (probes.leaking, leaks, "model.augment.max_p"),
    ):
        assert option in str(diagnosis(seen, adaptive))
        assert option not in str(diagnosis(seen, fixed))
    vae = str(diagnoses.oscillating(swings, Patient(discriminator_rate=("", 0.0))))
    assert "model.generator_optimizer.lr" in vae
    assert "discriminator" not in vae
    assert "ema" not in vae
    assert "model.ema_half_life" in str(diagnoses.oscillating(swings, Patient(averageable=True)))
    assert "model.penalties.r1" in str(diagnoses.oscillating(swings, Patient()))


@pytest.mark.parametrize("period", [8, 13, 30])
def test_a_swing_has_its_period(period: int) -> None:
    values = [3 + 0.01 * t + math.sin(2 * math.pi * t / period) for t in range(256)]
    found, likeness = diagnoses.swing(values)
    assert abs(found - period) <= 1
    assert likeness > 0.8


@pytest.mark.parametrize(
    "values",
    [
        [0.0] * 256,
        [float(t) for t in range(256)],
        [math.cos(2 * math.pi * t / 200) for t in range(256)],  # once is no period
        [1000 + math.sin(t) for t in range(256)],  # too small to matter
        [math.nan] * 256,
    ],
)
def test_what_is_no_swing(values: list[float]) -> None:
    assert diagnoses.swing(values)[0] == 0


def test_noise_and_random_walks_do_not_swing() -> None:
    for seed in range(50):
        draw = random.Random(seed)
        steps = [draw.gauss(0, 1) for _ in range(256)]
        walk = [sum(steps[: t + 1]) for t in range(256)]
        assert diagnoses.swing(steps)[0] == 0
        assert diagnoses.swing(walk)[0] == 0
