"""Generators for tests: untrained, so that they sample encoded events as unit normals, exactly."""

import torch

from driftline.data.clouds import Jets
from driftline.data.image_preprocessing import ImagePreprocessing
from driftline.data.images import Images
from driftline.data.preprocessing import CONDITION_FEATURES, JET_LEVEL_FEATURES, JetPreprocessing
from driftline.diffusion.denoisers import Denoiser
from driftline.diffusion.schedules import VP
from driftline.generator import Generator
from driftline.image_generator import ImageGenerator
from driftline.networks import build


def tiny_generator(jets: Jets) -> Generator:
    """Both networks small and untrained; preprocessing fitted to ``jets``.

    The last layer of every network starts at zero, so the denoiser is that of a unit normal.
    """
    classes = len(jets.types)
    networks = {
        "jet_level": {
            "name": "resnet",
            "options": {
                "features": JET_LEVEL_FEATURES,
                "condition": classes + 8,
                "hidden": 8,
                "layers": 1,
            },
        },
        "particle_level": {
            "name": "epic",
            "options": {
                "features": 3,
                "condition": classes + CONDITION_FEATURES,
                "hidden": 8,
                "layers": 1,
            },
        },
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        levels = {
            level: Denoiser(build(spec["name"], **spec["options"]), VP()).eval()
            for level, spec in networks.items()
        }
    return Generator(
        networks=networks,
        preprocessing=JetPreprocessing.fit(jets),
        card={"name": "tiny"},
        **levels,
    )


def tiny_image_generator(images: Images) -> ImageGenerator:
    """A small untrained network, whose denoiser is that of a unit normal; fitted to ``images``."""
    preprocessing = ImagePreprocessing.fit(images)
    spec = {
        "name": "unet",
        "options": {
            "shape": list(preprocessing.shape),
            "condition": preprocessing.condition_features,
            "coordinates": list(preprocessing.coordinate_columns),
            "packing": 1,
            "hidden": 8,
            "multipliers": [1, 1],
            "blocks": 1,
            "heads": 1,
            "width": 8,
        },
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        denoiser = Denoiser(build(spec["name"], **spec["options"]), VP()).eval()
    return ImageGenerator(denoiser, spec, preprocessing, {"name": "tiny"})
