"""Constants of liquid argon and of the particles in it.

Sources: Particle Data Group, "Atomic and nuclear properties of materials" (argon, liquid) with the
density-effect parameters of Sternheimer, Berger and Seltzer (Atom. Data Nucl. Data Tables 30 (1984)
261), as printed in Groom, Mokhov and Striganov (ibid. 78 (2001) 183).
"""

import numpy as np

from driftline.data.liquid_argon import DENSITY

ATOMIC_NUMBER = 18.0
MOLAR_MASS = 39.948
"""[g/mol]"""
RADIATION_LENGTH = 14.0
"""[cm]"""
CRITICAL_ENERGY = 32.84
"""[MeV] of electrons, Rossi's definition."""
MEAN_EXCITATION = 188.0e-6
"""[MeV]"""
STERNHEIMER_A, STERNHEIMER_K = 0.19559, 3.0
STERNHEIMER_X0, STERNHEIMER_X1, STERNHEIMER_C = 0.2, 3.0, 5.2146
"""Parameters of the density effect."""
NUCLEAR_LENGTH, PION_LENGTH = 119.7 / DENSITY, 149.0 / DENSITY
"""[cm] Mean free paths of nucleons and of pions for inelastic collisions with nuclei."""

ELECTRON_MASS = 0.51099895
MUON_MASS = 105.6583755
PION_MASS = 139.57039
NEUTRAL_PION_MASS = 134.9768
PROTON_MASS = 938.27208816
"""[MeV]"""

COLLISIONS = 0.307075 * DENSITY * ATOMIC_NUMBER / MOLAR_MASS
r"""[MeV/cm] :math:`4\pi N_A r_e^2 m_e c^2 \rho Z/A`, the constant of Bethe's formula."""
THOMSON = 0.6652458732e-24
"""[cm2] Thomson's cross-section."""
ELECTRONS = 6.02214076e23 * DENSITY * ATOMIC_NUMBER / MOLAR_MASS
"""[1/cm3] Density of electrons."""

# What is transported, by number. Below MUON_MINUS: showers; from there on: tracks.
ELECTRON, POSITRON, PHOTON, MUON_MINUS, MUON_PLUS, PION_MINUS, PION_PLUS, PROTON = range(8)

KINDS = {
    "e-": ELECTRON,
    "e+": POSITRON,
    "gamma": PHOTON,
    "mu-": MUON_MINUS,
    "mu+": MUON_PLUS,
    "pi-": PION_MINUS,
    "pi+": PION_PLUS,
    "p": PROTON,
}
"""Number of a particle that has a name."""

MASSES = np.array(
    [
        *(ELECTRON_MASS, ELECTRON_MASS, 0.0),
        *(MUON_MASS, MUON_MASS, PION_MASS, PION_MASS, PROTON_MASS),
    ]
)
"""[MeV] by number of the particle."""
