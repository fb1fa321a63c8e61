"""Break-even: arithmetic against itself, and what is said when there is none."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import driftline
from driftline.study.economy import Cost, Training, break_even
from driftline.study.economy_tables import break_even_text
from driftline.study.training_cost import training_cost
from made_images import made_images
from tiny_models import tiny_generator, tiny_image_generator

POSITIVE = st.floats(1e-4, 1e2)
UNKNOWN = "the model's card does not tell the time of the training"


def cost(seconds, error=0.0):
    return Cost(seconds=seconds, error=error, events=100)


def training(seconds=3600.0, note="", **events):
    return Training(events=events, seconds=seconds, note=note)


@given(g=POSITIVE, faster=st.floats(1.01, 100), trained=st.floats(0, 1e6), n=st.integers(0, 10**6))
def test_at_the_break_even_both_cost_the_same(g, faster, trained, n):
    simulated, generated = {"t": cost(g * faster)}, {"t": cost(g)}
    found = break_even(simulated, generated, training(trained, t=n))
    made = trained + n * g * faster + found.events * g
    assert made == pytest.approx(found.events * g * faster, rel=1e-6)


def test_classes_not_studied_are_in_the_training_sample_alone():
    simulated = {"g": cost(4.0), "t": cost(2.0), "z": cost(10.0)}
    generated = {"g": cost(1.0), "t": cost(1.0)}
    found = break_even(simulated, generated, training(100.0, g=5, t=10, z=1))
    assert found.events == pytest.approx((100 + 20 + 20 + 10) / (3 - 1))


def test_error_is_that_of_repeated_measurements():
    rng = np.random.default_rng(1)
    s, g, trained = (3.0, 2.0), (1.0, 0.5), training(500.0, a=40, b=200)
    errors = (0.02, 0.03), (0.01, 0.02)

    def measured(s, g):
        simulated = {k: cost(x, e) for k, x, e in zip("ab", s, errors[0], strict=True)}
        generated = {k: cost(x, e) for k, x, e in zip("ab", g, errors[1], strict=True)}
        return break_even(simulated, generated, trained)

    repeated = [
        measured(rng.normal(s, errors[0]), rng.normal(g, errors[1])).events for _ in range(4000)
    ]
    assert measured(s, g).error == pytest.approx(np.std(repeated), rel=0.06)


@pytest.mark.parametrize("slower", [1.0, 1.5])
@pytest.mark.parametrize("known", [0.0, None])
def test_never_where_generation_is_no_faster(slower, known):
    """Even if the training were free, or is not known."""
    found = break_even({"t": cost(1.0)}, {"t": cost(slower)}, training(known, t=0))
    assert found.events is None
    assert break_even_text(found) == "never: generation is no faster"


def test_no_number_without_knowledge():
    simulated, generated = {"t": cost(1.0, 0.1)}, {"t": cost(0.9)}
    found = break_even(simulated, generated, training(t=1))
    assert found.events is None
    assert "two standard errors" in break_even_text(found)
    generated = {"t": cost(0.2)}
    found = break_even(simulated, generated, training(None, "the reason", t=1))
    assert break_even_text(found) == "not known: the reason"
    found = break_even(simulated, generated, training(3600.0, "the reason", t=1))
    assert break_even_text(found) == "at least 4,500 ± 560"
    assert break_even_text(break_even(simulated, generated, training(t=1))) == "4,500 ± 560"


def test_rates_and_ratios():
    mean = Cost.mean([cost(0.1, 0.003), cost(0.3, 0.004)])
    assert (mean.seconds, mean.error) == pytest.approx((0.2, 0.0025))
    value, error = mean.rate
    assert (value, error / value) == pytest.approx((5.0, 0.0125))
    times = mean.times_faster(cost(0.6, 0.006))
    assert times == pytest.approx((3.0, 3 * np.hypot(0.01, 0.0125)))


def test_chunks_of_unequal_size():
    """The mean is that of all events; the error that of a ratio of two means."""
    found = Cost.of_chunks([10, 30], [1.0, 3.0])
    assert (found.seconds, found.error, found.events) == (pytest.approx(0.1), 0.0, 40)
    rng = np.random.default_rng(1)
    many = [Cost.of_chunks([20] * 5, rng.normal(2.0, 0.2, 5)) for _ in range(2000)]
    assert np.sqrt(np.mean([c.error**2 for c in many])) == pytest.approx(
        np.std([c.seconds for c in many]), rel=0.06
    )


def card(steps=100, planned=100, **more):
    return {
        "recipe": {"particle_level": {"training": {"steps": planned}}},
        "training": {
            "stages": {"particle_level": {"steps": steps, "seconds": 50.0}},
            "threads": 2,
        }
        | more,
    }


def test_what_a_card_tells_of_the_training(toy_jets):
    model = tiny_generator(toy_jets)
    found = training_cost(model)
    assert found.events == dict.fromkeys(toy_jets.types, 200)
    assert (found.seconds, found.note) == (None, UNKNOWN)
    model.card = card()
    assert (training_cost(model).seconds, training_cost(model).note) == (100.0, "")
    model.card = card(steps=20)
    found = training_cost(model)
    assert found.seconds == 100.0
    assert found.note == "the card times 20 of 100 steps of particle_level"
    model.card = card(device="cuda")
    assert training_cost(model).seconds is None
    assert "GPU" in training_cost(model).note
    model.card = card()
    del model.card["training"]["threads"]
    assert training_cost(model).note == UNKNOWN


def test_a_training_that_went_on_costs_what_it_began_with_too(toy_jets):
    model = tiny_generator(toy_jets)
    own = {"stages": {"a": {"seconds": 7.0}}, "threads": 1}
    model.card = card() | {"start": {"name": "x", "training": own, "start": {"training": own}}}
    assert (training_cost(model).seconds, training_cost(model).note) == (114.0, "")
    model.card["start"]["start"] = {}
    assert training_cost(model).seconds is None


def test_a_student_costs_its_teacher_too(toy_jets):
    model = tiny_generator(toy_jets)
    own = {"stages": {"a": {"seconds": 7.0}, "b": {"seconds": 3.0}}, "threads": 1}
    model.card = card() | {"distillation": {"training": own}}
    assert training_cost(model).seconds == 110.0
    again = {"training": own, "teacher": {"distillation": {"training": own}}}
    model.card = card() | {"distillation": again}
    assert training_cost(model).seconds == 120.0
    teacher = {"fingerprint": "f", "distillation": {"training": own}}
    first = {"training": own, "teacher": teacher}
    second = first | {"start": first}  # both of one teacher, which is a student too: 3 trainings
    model.card = card() | {"distillation": second}
    assert training_cost(model).seconds == 130.0
    itself = {"fingerprint": "g", "distillation": second}
    model.card = card() | {
        "distillation": {"training": own, "teacher": itself, "start": second}
    }  # taught by what it began as: one more
    assert training_cost(model).seconds == 140.0
    del model.card["training"]
    assert training_cost(model).seconds is None


def test_the_card_of_an_image_model():
    images = made_images(60, planes=1, size=16)
    model = tiny_image_generator(images)
    recipe = {"training": {"steps": 100}}
    model.card = {"recipe": recipe, "training": card()["training"]}
    model.card["training"]["stages"] = {"image": {"steps": 99, "seconds": 1.0}}
    found = training_cost(model)
    assert sum(found.events.values()) == 60
    assert found.note == "the card times 99 of 100 steps of image"


@pytest.mark.parametrize("name", ["jets30-fast", "jets30-one", "lartpc64-fast", "lartpc64-one"])
def test_shipped_students_tell_the_time_of_all_trainings_that_led_to_them(name: str) -> None:
    """Each once, however often the card tells of it, and the teacher's among them."""
    student, teacher = (driftline.load(n) for n in (name, name.split("-")[0]))
    found, told = training_cost(student), dict(trainings(student.card))
    assert found.seconds == pytest.approx(sum(told.values()))
    assert dict(trainings(teacher.card)).items() < told.items()


def trainings(card: Any) -> Iterator[tuple[str, float]]:
    """What tells of threads, anywhere in a card, and its seconds of one."""
    if isinstance(card, dict):
        if "threads" in card:
            seconds = sum(stage["seconds"] for stage in card["stages"].values())
            yield json.dumps(card, sort_keys=True), card["threads"] * seconds
        for part in card.values():
            yield from trainings(part)
