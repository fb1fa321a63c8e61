"""A student over its teacher: ratios of W1 from two evaluations, and the parts that got worse.

python examples/over_teacher.py STUDENT.json TEACHER.json [BAR]

Both are of ``driftline evaluate --json``, against one reference. Errors are the student's, in units
of the teacher's value.
"""

import sys
from pathlib import Path

from driftline.metrics.kinds import kind_named
from driftline.report.runs import read_judgement

if len(sys.argv) < 3:
    sys.exit(__doc__)
student, teacher = (read_judgement(Path(path)) for path in sys.argv[1:3])
if student.kind != teacher.kind:
    sys.exit(f"{sys.argv[1]} is of {student.kind}, {sys.argv[2]} of {teacher.kind}: give one kind")
bar = float(sys.argv[3]) if len(sys.argv) > 3 else 1.2
before = {(s.event_type, s.key): s for s in teacher.scores}
whole = {metric.name for metric in kind_named(student.kind).metrics}
types = student.types
table: dict[str, dict[str, str]] = {}
ratios: dict[bool, list[tuple[float, str]]] = {True: [], False: []}
for score in student.scores:
    old = before.get((score.event_type, score.key))
    if old is None or not score.label.startswith("W1") or not old.value:
        continue
    ratio, error = score.value / old.value, score.error / old.value
    ratios[score.key in whole].append(
        (ratio, f"{score.label} of {score.event_type} {ratio:.2f} ± {error:.2f}")
    )
    if score.key in whole:
        table.setdefault(score.label, {})[score.event_type] = f"{ratio:.2f} ± {error:.2f}"
print(f"| Student over teacher | {' | '.join(types)} |\n|{'---|' * (len(types) + 1)}")
for label, cells in table.items():
    print(f"| {label} | {' | '.join(cells.get(t, '–') for t in types)} |")
for of_metrics, name in ((True, "metrics"), (False, "parts of metrics")):
    above = sorted((r for r in ratios[of_metrics] if r[0] > bar), reverse=True)
    print(
        f"\n{len(ratios[of_metrics])} {name}, {len(above)} above {bar:g}",
        *(text for _, text in above),
        sep="\n  ",
    )
