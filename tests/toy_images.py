"""Fake but valid images that several folders of tests share: straight tracks and clouds."""

import numpy as np

from driftline.data.images import Images

TRACK, SHOWER = 1, 2


def draw(rng, kind, size, length):
    """Charge and segmentation of one plane."""
    charge, truth = np.zeros((size, size)), np.zeros((size, size), np.uint8)
    middle = size / 2
    if kind == TRACK:
        angle, along = rng.uniform(0, np.pi), np.arange(-length / 2, length / 2, 0.5)
        points = middle + along[:, None] * [np.cos(angle), np.sin(angle)]
        weights = rng.gamma(8.0, 0.2, len(points))
    else:
        points = rng.normal(middle, [length / 3, length / 6], (int(4 * length), 2))
        weights = rng.exponential(0.8, len(points))
    rows, columns = np.clip(points.round().astype(int), 0, size - 1).T
    np.add.at(charge, (rows, columns), weights)
    truth[charge > 0] = kind
    return charge, truth


def toy_images(count, types=("e-", "p"), *, size=64, planes=1, seed=0, stretch=1.0):
    """``count`` images of each class: clouds for e- and gamma, straight tracks for the others."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(types)), count)
    shape = (len(labels), planes, size, size)
    pixels, truth = np.zeros(shape, np.float32), np.zeros(shape, np.uint8)
    for n, label in enumerate(labels):
        kind = SHOWER if types[label] in ("e-", "gamma") else TRACK
        length = stretch * size * rng.uniform(0.15, 0.45)
        for plane in range(planes):
            pixels[n, plane], truth[n, plane] = draw(rng, kind, size, length)
    return Images(
        pixels=pixels,
        labels=labels,
        types=tuple(types),
        planes=np.tile(np.arange(planes, dtype=np.uint8), (len(labels), 1)),
        event=np.arange(len(labels)),
        segmentation=truth,
    )
