"""Generation beside simulation, for reading: rates, quality and break-even."""

import math
from collections.abc import Iterator

from driftline.study.against_simulation import CHUNKS
from driftline.study.economy import BreakEven, Economy
from driftline.study.results import Study


def with_error(value: float, error: float) -> str:
    """Value ± error, rounded to the second digit of the error."""
    digits = 1 - math.floor(math.log10(error)) if error > 0 else 2
    value, error = round(value, digits), round(error, digits)
    return f"{value:,.{max(0, digits)}f} ± {error:,.{max(0, digits)}f}"


def economy_head(study: Study) -> list[str]:
    """Columns of ``economy_rows``."""
    metrics = [f"{metric.label} / floor" for metric in study.events.headline_metrics]
    events = study.events.name
    rate = f"{events.capitalize()}/s of a thread"
    return ["", rate, "Times the simulation's", *metrics, f"Break-even [{events}]"]


def economy_rows(study: Study, economy: Economy) -> Iterator[list[str]]:
    """The simulation, then every sampler: classes in equal shares, quality of the worst class."""
    headline = study.events.headline
    simulated = economy.simulation_cost()
    yield ["Simulation", with_error(*simulated.rate), "1", *(["1"] * len(headline)), ""]
    for sampler in economy.generated:
        generated = economy.generation_cost(sampler)
        yield [
            study.labels[sampler],
            with_error(*generated.rate),
            with_error(*generated.times_faster(simulated)),
            *(with_error(*in_floors(study, sampler, metric)) for metric in headline),
            break_even_text(economy.break_even[sampler]),
        ]


def in_floors(study: Study, sampler: str, metric: str) -> tuple[float, float]:
    """A metric of a sampler over its floor, with error, in the class where that is largest."""
    return max(
        study.floor(row.event_type).ratio(metric, row.scores[metric])
        for row in study.rows
        if row.sampler == sampler
    )


def break_even_text(found: BreakEven) -> str:
    """From how many events on generation is cheaper, or why that is not told."""
    if found.events is None or found.error is None:
        return found.note
    return f"{found.note} {with_error(found.events, found.error)}".strip()


def economy_verdict(study: Study, economy: Economy) -> str:
    """Speed and break-even of the sampler that is recommended, or else of the baseline."""
    sampler = study.recommendation.cheaper or study.baseline
    cost, events = economy.generation_cost(sampler), study.events.name
    times = with_error(*cost.times_faster(economy.simulation_cost()))
    return (
        f"Beside the simulation: {study.labels[sampler]} makes {times} times as many {events} a "
        f"second of a thread. Break-even [{events}]: "
        f"{break_even_text(economy.break_even[sampler])}."
    )


def economy_note(study: Study, economy: Economy) -> str:
    """What was measured, and what is counted."""
    events, training = study.events.name, economy.training
    sample, total = training.sample(economy.simulated), sum(training.events.values())
    trained = "of unknown cost" if training.seconds is None else _hours(training.seconds)
    text = (
        f"Simulation: {economy.simulation}. Generation: from noise to finished {events}, in "
        f"batches of {economy.batch:,}. Both took turns on one thread; processor time without "
        f"starting, mean ± standard error over {CHUNKS} chunks; classes in equal shares. Counted "
        f"are accepted {events}. Quality: W1 over its floor, in the worst class; 1 is what true "
        f"{events} give. Break-even: how many {events} cost as much to simulate as the training "
        f"sample ({total:,} {events}, {_hours(sample)}), the training ({trained}) and to generate "
        "as many. Not counted: validation and test samples, choosing network and sampler, "
        "discarded trainings."
    )
    return f"{text} Of the training, {training.note}." if training.note else text


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.3g} h of a thread"
