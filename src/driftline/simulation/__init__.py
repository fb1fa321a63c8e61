"""Reference data made here: jets from Pythia 8 (`driftline.simulation.pythia`)."""
