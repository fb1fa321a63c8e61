"""Top jets among QCD jets, found by their likelihood under a model that takes them for QCD jets.

python examples/anomaly.py [JETS OF EACH CLASS [PICTURE]]
"""

import sys
from pathlib import Path

from sklearn.metrics import roc_curve

import driftline
from driftline.data.shipped import read_reference
from driftline.diffusion.divergence import Rademacher
from driftline.diffusion.likelihood import Likelihood
from driftline.event_likelihood import event_likelihood
from driftline.metrics.classifier import area_under_curve
from driftline.report.style import new_figure, style

count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
picture = Path(sys.argv[2]) if len(sys.argv) > 2 else Path("roc.png")
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
curves = {}
for name, score in scores.items():
    curves[name] = roc_curve(top, score)[:2]
    auc = area_under_curve(score[top], score[~top])
    print(
        f"{name:20} AUC {auc.value:.3f} ± {auc.error:.3f}   "
        f"mean of top {score[top].mean():8.2f}, of quark {score[~top].mean():8.2f}"
    )

with style():
    figure = new_figure(5.5, 5)
    axes = figure.subplots()
    for name, (background, signal) in curves.items():
        axes.plot(background, signal, label=name[0].upper() + name[1:])
    axes.plot([0, 1], [0, 1], color="grey", ls=":", label="Chance")
    axes.set(xlabel="Quark jets taken for tops", ylabel="Top jets found", xlim=(0, 1), ylim=(0, 1))
    axes.legend(loc="lower right")
    figure.savefig(picture)
print(picture)
