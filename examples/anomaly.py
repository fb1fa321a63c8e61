"""Top jets among QCD jets, found by their likelihood under a model that takes them for QCD jets.

python examples/anomaly.py [JETS OF EACH CLASS [PICTURE]]

The same on the command line, and driftline report of its table: driftline likelihood jets30 jets30
--types q,t --count 100 --as q --steps 25 --seed 1 --out likelihood.csv
"""

import sys
from pathlib import Path

import driftline
from driftline.data.shipped import read_reference
from driftline.diffusion.likelihood import Likelihood
from driftline.event_likelihood import event_likelihood
from driftline.likelihood_table import LikelihoodTable
from driftline.metrics.classifier import area_under_curve
from driftline.report.likelihood import roc_figure

count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
picture = Path(sys.argv[2]) if len(sys.argv) > 2 else Path("roc.png")
generator = driftline.load("jets30")
jets = read_reference(Path("jets30"), ["q", "t"], count=count, **generator.form)

# All jets are judged as light quark jets: nothing but that class is known to the model here.
found = event_likelihood(generator, jets, Likelihood(steps=25), event_type="q", seed=1)

table = LikelihoodTable.of(jets, found, judged_as="q")
top = table.types == "t"
print(f"{count} top jets against {count} light quark jets")
for name, part in found.by_network.items():
    print(
        f"{name:20} spread of quarks {part.value[~top].std():.1f} nats, "
        f"error of the trace {part.standard_error.mean():.1f}"
    )
for name, score in table.scores.items():
    auc = area_under_curve(score[top], score[~top])
    print(
        f"{name:20} AUC {auc.value:.3f} ± {auc.error:.3f}   "
        f"mean of top {score[top].mean():8.2f}, of quark {score[~top].mean():8.2f}"
    )
figure = roc_figure(table)
assert figure is not None
figure.savefig(picture)
print(picture)
