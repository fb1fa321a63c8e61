"""The table of metrics on images. A new metric is a new entry; nothing else knows their names."""

from driftline.metrics.images.observable_metrics import observable_metrics
from driftline.metrics.images.sample_metrics import sample_metrics
from driftline.metrics.metric import Metric


def image_metrics(unit: str = "MeV") -> tuple[Metric, ...]:
    """All metrics on images whose charge is in ``unit``, by default in this order."""
    return (*observable_metrics(unit), *sample_metrics(unit))


IMAGE_METRICS = image_metrics()
"""All metrics on images in MeV."""

IMAGE_HEADLINE = ("w1_length", "w1_width", "w1_charge", "w1_pixel")
"""The metrics that a study judges samplers by."""
