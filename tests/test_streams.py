"""Each use of a seed has noise of its own."""

import numpy as np
import pytest
import torch

from driftline.cli.asked import AskedFeatures
from driftline.diffusion.noise import Noise
from driftline.streams import Stream


def test_streams_are_distinct_and_do_not_change():
    numbers = {name: int(stream) for name, stream in Stream.__members__.items()}
    assert len(set(numbers.values())) == len(numbers)
    assert numbers == {
        "FIRST_NETWORK": 0,
        "SECOND_NETWORK": 1,
        "GIVEN_MULTIPLICITY": 2,
        "JUDGED_JET": 3,
        "FIRST_PROBES": 4,
        "SECOND_PROBES": 5,
        "ASKED": 6,
        "TOLD": 7,
        "TURNED": 8,
    }


@pytest.mark.parametrize("stream", [s for s in Stream if s is not Stream.ASKED])
def test_what_is_asked_is_not_drawn_with_the_noise_of_anything_else(stream):
    """A range of pT from 1 to 2 shows its uniform."""
    events = np.arange(100)
    asked = AskedFeatures.parse({"pt": "1:2"}).of(events, 5)["pt"] - 1
    other = Noise(5, stream).uniform(torch.as_tensor(events), (1,), dtype=torch.float64)
    assert abs(np.corrcoef(asked, other.numpy()[:, 0])[0, 1]) < 0.5
