"""Compare simulated jets with the published moments of JetNet: one Markdown table.

    python benchmarks/compare_simulation.py DIRECTORY [--fpnd-jets 10000]

DIRECTORY holds g150.hdf5, q150.hdf5, ... as `driftline simulate jets --particles 150` writes them.
FPND is taken against the statistics of real jets, for g, q and t; fewer than 50,000 jets bias it
upwards, by about 270 / N.
"""

from __future__ import annotations

import argparse
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline.data.clouds import JET_TYPES, Jets
from driftline.data.formats import jetnet
from driftline.metrics.fpnd import JetType, fpnd

Floats = NDArray[np.float64]
Rows = dict[str, tuple[float, float | None]]

_FPND_BIAS = 270
_FPND_TYPES: dict[str, JetType] = {"g": "g", "q": "q", "t": "t"}
_MAX_PARTICLES = 150
_FIRST = 30


def recentred_spread(jets: Jets, particles: int) -> tuple[float, float]:
    """Standard deviations of eta and phi about the massless axis of the particles kept."""
    eta, phi, pt = np.moveaxis(jets.particles[:, :particles].astype(np.float64), -1, 0)
    mask = jets.mask[:, :particles]
    px, py, pz = (pt * np.cos(phi)).sum(1), (pt * np.sin(phi)).sum(1), (pt * np.sinh(eta)).sum(1)
    eta = eta - np.arcsinh(pz / np.hypot(px, py))[:, None]
    phi = phi - np.arctan2(py, px)[:, None]
    return float(eta[mask].std()), float(phi[mask].std())


def multiplicity_distance(counts: Floats, published: dict[str, int]) -> tuple[float, float]:
    """W1 in particles, and chi2 per bin of two samples, of multiplicities 0 to 150."""
    ours = np.bincount(counts.astype(int), minlength=_MAX_PARTICLES + 1).astype(float)
    theirs = np.zeros_like(ours)
    for number, jets in published.items():
        theirs[int(number)] = jets
    w1 = np.abs(np.cumsum(ours / ours.sum()) - np.cumsum(theirs / theirs.sum())).sum()
    filled = ours + theirs >= 10
    scale = np.sqrt(theirs.sum() / ours.sum())
    pulls = (scale * ours - theirs / scale)[filled] ** 2 / (ours + theirs)[filled]
    return float(w1), float(pulls.mean())


def moments(jets: Jets, published: dict[str, Any], jet_type: str) -> Rows:
    """Ours and JetNet's value of each quantity."""
    pt, eta, mass, number = jets.features.astype(np.float64).T
    first = np.minimum(number, _FIRST)
    hard = jets.particles[:, :_FIRST, 2][jets.mask[:, :_FIRST]].astype(np.float64)
    eta30, phi30 = recentred_spread(jets, _FIRST)
    eta150, phi150 = recentred_spread(jets, _MAX_PARTICLES)
    ours = {
        "jet_pt_mean": pt.mean(),
        "jet_pt_sd": pt.std(),
        "jet_mass_mean": mass.mean(),
        "jet_mass_sd": mass.std(),
        "jet_eta_sd": eta.std(),
        "num_particles_150_mean": number.mean(),
        "num_particles_150_sd": number.std(),
        "num_particles_30_mean": first.mean(),
        "num_particles_30_sd": first.std(),
        "etarel_sd_30": eta30,
        "phirel_sd_30": phi30,
        "etarel_sd_150": eta150,
        "phirel_sd_150": phi150,
        "log1m_ptrel_mean_30": np.log1p(-hard).mean(),
        "log1m_ptrel_sd_30": np.log1p(-hard).std(),
    }
    rows: Rows = {name: (float(v), published[name].get(jet_type)) for name, v in ours.items()}
    w1, chi2 = multiplicity_distance(number, published["multiplicity_histograms"][jet_type])
    rows["multiplicity_w1"] = (w1, None)
    rows["multiplicity_chi2_per_bin"] = (chi2, None)
    return rows


def compare(directory: Path, fpnd_jets: int) -> dict[str, Rows]:
    """All rows of all classes whose file is in the directory."""
    resource = files("driftline.resources") / "jetnet_moments.json"
    published = json.loads(resource.read_text())
    columns = {}
    for jet_type in JET_TYPES:
        path = directory / jetnet.file_name(jet_type, _MAX_PARTICLES)
        if not path.exists():
            continue
        jets = jetnet.read(path)
        rows = moments(jets, published, jet_type)
        rows["jets"] = (float(len(jets)), published["jets_per_class"][jet_type])
        if fpnd_jets and jet_type in _FPND_TYPES:
            chosen = jets.particles[:fpnd_jets, :_FIRST]
            rows["fpnd"] = (fpnd(chosen, _FPND_TYPES[jet_type]), None)
            rows["fpnd_bias_of_finite_size"] = (_FPND_BIAS / len(chosen), None)
        columns[jet_type] = rows
    return columns


def table(columns: dict[str, Rows]) -> str:
    """Markdown: a row for each quantity, "ours / JetNet" for each class."""
    names = list(dict.fromkeys(name for rows in columns.values() for name in rows))
    lines = ["| ours / JetNet | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name in names:
        cells = [_cell(rows.get(name)) for rows in columns.values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(pair: tuple[float, float | None] | None) -> str:
    if pair is None:
        return "–"
    return " / ".join(f"{value:.6g}" if value > 1e4 else f"{value:.4g}" for value in pair if value)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="simulated jets against JetNet's moments")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--fpnd-jets", type=int, default=10_000, help="0: no FPND")
    arguments = parser.parse_args()
    print(table(compare(arguments.directory, arguments.fpnd_jets)))


if __name__ == "__main__":
    main()
