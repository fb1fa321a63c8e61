"""The liquid-argon simulation against published values: one table.

    python benchmarks/validate_lartpc.py

A few minutes on one core; ``--quick`` takes a tenth of the events. The tests of
``tests/simulation/liquid_argon`` check the same with fewer events.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "tests"))
import argon_events as measured
from driftline.simulation.liquid_argon import argon
from driftline.simulation.liquid_argon.charge import MIP_LOSS, RECOMBINATION
from driftline.simulation.liquid_argon.ionisation import heavy_loss
from driftline.simulation.liquid_argon.nuclear import LARGEST_MICHEL, michel
from driftline.simulation.liquid_argon.photons import compton_rate, photoelectric_rate
from driftline.simulation.liquid_argon.radiation import FULL_SCREENING, interpolate, photon_spectrum

Row = tuple[str, float, float, str]
"""What, our value, the published one, its source."""

PDG = "Review of Particle Physics"
GROOM = "Groom et al. 2001"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the events")
    scale = 0.1 if parser.parse_args().quick else 1.0

    def events(number: int) -> int:
        return max(int(scale * number), 20)

    print("| what | ours | published | ratio | source |\n|---|---|---|---|---|")
    groups = (ranges(events), losses(events), radiation(events), photons(events), rest(events))
    for group in groups:
        for what, ours, published, source in group:
            ratio = f"{ours / published:.3f}"
            print(f"| {what} | {ours:.4g} | {published:.4g} | {ratio} | {source} |", flush=True)
    print(
        "\n| shower maximum | ours [X0] | ln(E/Ec) ± 0.5 | difference | events |"
        "\n|---|---|---|---|---|"
    )
    for name, energy, number in (
        *(("e-", 500.0, 8000), ("e-", 1000.0, 6000), ("e-", 2000.0, 4000), ("e-", 10000.0, 600)),
        *(("gamma", 500.0, 8000), ("gamma", 1000.0, 6000), ("gamma", 2000.0, 4000)),
        ("gamma", 10000.0, 600),
    ):
        ours = measured.shower_maximum(name, energy, events(number))
        formula = measured.expected_maximum(name, energy)
        print(
            f"| {name}, {energy / 1000:g} GeV | {ours:.2f} | {formula:.2f} | {ours - formula:+.2f} "
            f"| {events(number)} |",
            flush=True,
        )


def ranges(events) -> Iterator[Row]:  # noqa: ANN001
    for kinetic, published in measured.MUON_RANGE.items():
        ours = measured.csda_range("mu-", kinetic)
        yield f"muon CSDA range, {kinetic} MeV [g/cm2]", ours, published, GROOM
    for kinetic in (40, 100, 200, 400):
        ours, error = measured.mean_range("mu-", kinetic, events(400))
        what = f"mean path of simulated muons, {kinetic} MeV [g/cm2] (± {error:.2g})"
        yield what, ours, measured.MUON_RANGE[kinetic], GROOM
    for kinetic, published in measured.PROTON_RANGE.items():
        ours = measured.csda_range("p", kinetic)
        yield f"proton CSDA range, {kinetic} MeV [g/cm2]", ours, published, "NIST PSTAR, argon"


def losses(events) -> Iterator[Row]:  # noqa: ANN001
    mass = argon.MUON_MASS
    least = min(heavy_loss(g, mass, np.inf) for g in np.linspace(2, 6, 200))
    yield "minimum ionisation [MeV/cm]", least, measured.MINIMUM_LOSS * argon.DENSITY, GROOM
    drawn = measured.track_loss("mu-", 270.0, 9.9, events(4000)) / 9.9
    mean = heavy_loss(1.0 + 260.0 / mass, mass, np.inf)
    yield "mean loss of 270 MeV muons over 9.9 cm [MeV/cm]", drawn.mean(), mean, "Bethe at 260 MeV"
    drawn = measured.track_loss("mu-", 270.0, 2.1, events(20_000)) / 2.1
    most = measured.most_probable_loss(270.0, 2.1) / 2.1
    source = f"Landau-Vavilov-Bichsel, {PDG}"
    yield "most probable loss over 2.1 cm [MeV/cm]", measured.mode(drawn), most, source


def radiation(events) -> Iterator[Row]:  # noqa: ANN001
    nodes, weights = np.polynomial.legendre.leggauss(200)
    scale = 1.0 / (argon.RADIATION_LENGTH * argon.DENSITY * FULL_SCREENING)
    for kinetic, published in measured.ELECTRON_RADIATION.items():
        energy = kinetic + argon.ELECTRON_MASS
        values = [photon_spectrum(0.5 * kinetic * (u + 1.0), energy) for u in nodes]
        ours = scale * 0.5 * kinetic * np.dot(weights, values)
        yield (
            f"radiative loss, {kinetic} MeV electrons [MeV cm2/g]",
            ours,
            published,
            "NIST ESTAR, argon",
        )
    length = measured.conversion_length(1e5, events(100_000))
    yield "conversion length, 100 GeV [cm]", length, 9 / 7 * argon.RADIATION_LENGTH, "9/7 X0"


def photons(events) -> Iterator[Row]:  # noqa: ANN001
    tables = measured.tables()
    for energy, published in measured.PHOTON_ATTENUATION.items():
        pairs = interpolate(tables, tables.pairs, energy) if energy > 1.022 else 0.0
        ours = (compton_rate(energy) + photoelectric_rate(energy) + pairs) / argon.DENSITY
        yield f"photon attenuation, {energy} MeV [cm2/g]", ours, published, "NIST, NISTIR 5632"


def rest(events) -> Iterator[Row]:  # noqa: ANN001
    mass, momentum = argon.MUON_MASS, 2000.0
    angles = measured.scattered(14.0, np.hypot(momentum, mass) - mass, events(8000))
    formula = 1000 * measured.highland(14.0, momentum - 16.0, mass)
    yield (
        "projected angle of 2 GeV/c muons after 14 cm [mrad]",
        1000 * angles.std(),
        formula,
        f"Highland, {PDG}",
    )
    rng = measured.generator(1)
    drawn = np.array([michel(rng) for _ in range(events(200_000))])
    yield "Michel end point [MeV]", LARGEST_MICHEL, 52.83, PDG
    yield "mean energy of Michel electrons [MeV]", drawn.mean(), 0.7 * 52.83, "x² (3 - 2x)"
    for model in ("modified-box", "birks"):
        share = float(RECOMBINATION[model](np.array([MIP_LOSS]))[0])
        yield (
            f"charge that survives at 2.1 MeV/cm, {model}",
            share,
            0.70,
            "ICARUS 2004, ArgoNeuT 2013",
        )
    worst = max(
        abs(measured.balance(name, 30.0 + 70.0 * seed, seed))
        for name in argon.KINDS
        for seed in range(10)
    )
    yield (
        f"energy accounted for / brought in (worst of 80 events: off by {worst:.0e} MeV)",
        1.0,
        1.0,
        "conservation",
    )


if __name__ == "__main__":
    main()
