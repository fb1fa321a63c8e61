"""Events in memory and on disk, and the maps that prepare them for a network."""
