"""Made-up images that are valid: straight lines of charge in planes of any size."""

import numpy as np

from driftline.data.images import IMAGE_TYPES, Images


def made_images(
    count: int, *, planes: int = 3, size: int = 256, seed: int = 0, first_event: int = 0
) -> Images:
    """Images with everything known, about 1% of the pixels with charge, each its own event."""
    rng = np.random.default_rng(seed)
    pixels = np.zeros((count, planes, size, size), dtype=np.float32)
    for n in range(count):
        for c in range(planes):
            centre = rng.uniform(0.2, 0.8, 2) * size
            angle, length = rng.uniform(0, np.pi), rng.uniform(0.1, 0.5) * size
            along = np.linspace(-length / 2, length / 2, int(2 * length))
            for shift in (-1, 0, 1):
                row = np.round(centre[0] + along * np.cos(angle)).astype(int) + shift
                column = np.round(centre[1] + along * np.sin(angle)).astype(int)
                inside = (row >= 0) & (row < size) & (column >= 0) & (column < size)
                charge = 0.05 + rng.exponential(1.0, inside.sum())
                pixels[n, c, row[inside], column[inside]] = charge
    labels = rng.integers(0, len(IMAGE_TYPES), count)
    segment = np.where(labels < 2, 2, 1).astype(np.uint8)
    return Images(
        pixels,
        labels,
        IMAGE_TYPES,
        np.tile(np.arange(planes, dtype=np.uint8), (count, 1)),
        np.arange(first_event, first_event + count),
        segmentation=np.where(pixels > 0, segment[:, None, None, None], 0).astype(np.uint8),
        momentum=rng.normal(0, 300, (count, 3)).astype(np.float32),
        start=rng.uniform(0, 128, (count, 3)).astype(np.float32),
        corner=np.zeros((count, planes, 2), dtype=np.int32),
        threshold=0.05,
        attributes={"seed": seed},
    )
