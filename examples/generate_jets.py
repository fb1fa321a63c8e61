"""Top jets of given pT and mass from the shipped model, in JetNet's format.

python examples/generate_jets.py
"""

from pathlib import Path

import numpy as np

import driftline
from driftline.data.formats import jetnet

generator = driftline.load("jets30")

# One value serves all jets; a list gives each its own. What is not given is drawn by the model.
pt = np.linspace(950, 1150, 1000)  # GeV
made = generator.generate(
    1000,
    jet_type="t",
    pt=pt,
    mass=173.0,
    sampler=driftline.samplers.DPMSolver(steps=20),
    seed=1,
)

jets = made.jets
print(f"{len(jets):,} jets in {made.seconds:.1f} s, {made.evaluations:.0f} evaluations each")
print("pT [GeV], eta, mass [GeV], multiplicity of the first jet:", jets.features[0])
print("etarel, phirel, ptrel of its hardest particle:", jets.particles[0, 0])

jetnet.write(Path("t_given.hdf5"), jets, force=True)
