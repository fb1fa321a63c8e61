"""Top jets among QCD jets, found by their likelihood under a model that takes them for QCD jets.

python examples/anomaly.py [JETS OF EACH CLASS]
"""

import sys
from pathlib import Path

import driftline
from driftline.data.shipped import read_reference
from driftline.diffusion.divergence import Rademacher
from driftline.diffusion.likelihood import Likelihood
from driftline.event_likelihood import event_likelihood
from driftline.metrics.classifier import area_under_curve

count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
generator = driftline.load("jets30")
jets = read_reference(Path("jets30"), ["q", "t"], count=count, **generator.form)

# All jets are judged as light quark jets: nothing but that class is known to the model here.
found = event_likelihood(
    generator, jets, Likelihood(steps=25, trace=Rademacher(1)), event_type="q", seed=1
)

top = jets.labels == jets.types.index("t")
scores = {name: -part.value for name, part in found.by_network.items()}
scores |= {"both": -found.value, "bits per dimension": found.bits_per_dimension}
print(f"{count} top jets against {count} light quark jets")
for name, score in scores.items():
    auc = area_under_curve(score[top], score[~top])
    print(
        f"{name:20} AUC {auc.value:.3f} ± {auc.error:.3f}   "
        f"mean of top {score[top].mean():8.2f}, of quark {score[~top].mean():8.2f}"
    )
