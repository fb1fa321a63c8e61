"""Leading-order hard processes at 1 TeV, handed to the shower as Les Houches events.

One Pythia makes the two outgoing partons (or undecayed tops, W or Z bosons) and nothing else; a
second one takes them through the Les Houches interface and does the rest. This is the JetNet
chain, with Pythia's matrix elements in the place of MadGraph's: bosons and tops reach the second
Pythia undecayed, and decay without memory of how they were produced.
"""

from __future__ import annotations

from typing import Any

PROCESSES: dict[str, tuple[str, ...]] = {
    "g": ("HardQCD:gg2gg = on", "HardQCD:qqbar2gg = on"),
    "q": (
        "HardQCD:gg2qqbar = on",
        "HardQCD:qq2qq = on",
        "HardQCD:qqbar2qqbarNew = on",
        "HardQCD:nQuarkNew = 4",
    ),
    "t": ("Top:gg2ttbar = on", "Top:qqbar2ttbar = on"),
    "w": ("WeakDoubleBoson:ffbar2WW = on",),
    "z": ("WeakDoubleBoson:ffbar2gmZgmZ = on", "WeakZ0:gmZmode = 2"),
}

_HARD_ONLY = (
    "PartonLevel:all = off",
    "HadronLevel:all = off",
    "ProcessLevel:resonanceDecays = off",
    # tops leave the matrix element on their mass shell, as from MadGraph
    "6:mMin = 172.9",
    "6:mMax = 173.1",
)

#: the process number that Les Houches events carry; Pythia's own are below
_PROCESS_ID = 9999
_UNDEFINED_SPIN = 9.0


def hard_process_settings(jet_type: str, pt_min: float, pt_max: float | None) -> tuple[str, ...]:
    """Pythia settings of the hard process of one class, with its pT window in GeV."""
    window = (f"PhaseSpace:pTHatMin = {pt_min}", f"PhaseSpace:pTHatMax = {pt_max or -1.0}")
    return PROCESSES[jet_type] + window + _HARD_ONLY


def les_houches_source(pythia8: Any, hard: Any, beam_energy: float) -> Any:
    """A Les Houches source of the events of a hard-process generator.

    Args:
        pythia8: the pythia8mc module, which is imported only when needed.
        hard: an initialised `Pythia` that stops after the hard process.
        beam_energy: energy of each proton [GeV].

    Returns:
        An `LHAup` for `Pythia.setLHAupPtr`. It must outlive the Pythia it serves.
    """

    class HardProcessEvents(pythia8.LHAup):
        def __init__(self) -> None:
            pythia8.LHAup.__init__(self, 3)  # 3: events of unit weight

        def setInit(self) -> bool:  # noqa: N802, the name is Pythia's
            self.setBeamA(2212, beam_energy, 0, 0)
            self.setBeamB(2212, beam_energy, 0, 0)
            self.setStrategy(3)
            self.addProcess(_PROCESS_ID, 1.0, 0.0, 1.0)
            return True

        def setEvent(self, process: int) -> bool:  # noqa: N802, the name is Pythia's
            while not hard.next():
                pass
            info = hard.infoPython()
            self.setProcess(_PROCESS_ID, 1.0, info.QFac(), info.alphaEM(), info.alphaS())
            for i in (3, 4, 5, 6):  # two incoming partons, two outgoing
                self._add(hard.process[i], incoming=i < 5)
            return True

        def _add(self, particle: Any, *, incoming: bool) -> None:
            status, mothers = (-1, (0, 0)) if incoming else (1, (1, 2))
            colours = (particle.col(), particle.acol())
            momentum = (particle.px(), particle.py(), particle.pz(), particle.e(), particle.m())
            self.addParticle(
                particle.id(), status, *mothers, *colours, *momentum, 0.0, _UNDEFINED_SPIN, -1.0
            )

    return HardProcessEvents()
