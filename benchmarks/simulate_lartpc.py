"""Speed of the liquid-argon simulation: events/s of one core, images included; and containment.

    python benchmarks/simulate_lartpc.py

Processor time of one thread, without compiling and without writing. The default mixture has equally
many events of all classes; its target is 200 events/s. The second table tells how much of the
kinetic energy the box holds, in how many events it holds 90 %, and how many planes give a crop.
"""

import argparse
import time

import numpy as np

from driftline.data.crops import crop_blocks
from driftline.data.images import IMAGE_TYPES
from driftline.simulation.liquid_argon.argon import KINDS, MASSES
from driftline.simulation.liquid_argon.events import LiquidArgonSettings, simulate_blocks

TARGET = 200.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=600, help="events in a row of the table")
    count = parser.parse_args().count
    rate(IMAGE_TYPES, len(IMAGE_TYPES))  # compiles
    print("| particles | events | ms of processor time an event | events/s | / target |")
    print("|---|---|---|---|---|")
    for particles in (IMAGE_TYPES, *((name,) for name in IMAGE_TYPES)):
        speed = rate(particles, count)
        name = ", ".join(particles)
        share = f"{speed / TARGET:.1f}" if len(particles) > 1 else ""
        print(f"| {name} | {count} | {1000 / speed:.2f} | {speed:,.0f} | {share} |", flush=True)
    print("\n| particle | energy in the box / kinetic | events above 90 % | crops / planes |")
    print("|---|---|---|---|")
    for name in IMAGE_TYPES:
        energy, most, crops = containment(name, count)
        print(f"| {name} | {energy:.2f} | {most:.2f} | {crops:.2f} |", flush=True)


def rate(particles: tuple[str, ...], count: int) -> float:
    """Events in a second of processor time."""
    start = time.process_time()
    made = sum(
        len(b) for b in simulate_blocks(particles, count // len(particles), seed=1, workers=1)
    )
    return made / (time.process_time() - start)


def containment(name: str, count: int) -> tuple[float, float, float]:
    """Of the energy; share of events that keep 90 % of it; share of planes that give a crop."""
    settings = LiquidArgonSettings(recombination="none", threshold=0.0)
    mass = MASSES[KINDS[name]]
    seen, brought, crops = [], [], 0
    for block in simulate_blocks((name,), count, seed=1, settings=settings):
        seen.append(block.pixels[:, 0].sum((1, 2)))
        momentum = np.linalg.norm(block.momentum, axis=1)
        brought.append(np.hypot(momentum, mass) - mass)
    for block in crop_blocks(simulate_blocks((name,), count, seed=1)):
        crops += len(block)
    visible, kinetic = np.concatenate(seen), np.concatenate(brought)
    return visible.sum() / kinetic.sum(), np.mean(visible > 0.9 * kinetic), crops / (3 * count)


if __name__ == "__main__":
    main()
