"""Speed of the liquid-argon simulation: events/s of one core, by class, images included.

    python benchmarks/simulate_lartpc.py

Processor time of one thread, without compiling and without writing. The default mixture has equally
many events of all classes; its target is 200 events/s.
"""

import argparse
import time

from driftline.data.images import IMAGE_TYPES
from driftline.simulation.liquid_argon.events import simulate_blocks

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


def rate(particles: tuple[str, ...], count: int) -> float:
    """Events in a second of processor time."""
    start = time.process_time()
    made = sum(
        len(b) for b in simulate_blocks(particles, count // len(particles), seed=1, workers=1)
    )
    return made / (time.process_time() - start)


if __name__ == "__main__":
    main()
