"""Our samplers beside those of azula, k-diffusion and diffusers: accuracy and time.

    python benchmarks/peers.py --threads 1 [--model jets30]

Accuracy: mean distance of events from the exact probability flow at equal noise, on a mixture of
anisotropic Gaussians in four dimensions whose denoiser is exact, at equal evaluations. Every
sampler, ours and theirs, is given the same grids, and the best of them counts. RK45 is scipy's, as
the poster used it: over the whole batch, in t from 1 to 1e-5, at the tolerance whose evaluations
fit. The tuned grid is fitted to other events than are judged.

Time: of one evaluation of the particle level of a model, in units of the bare network forward,
median over interleaved pairs, by wall clock and by CPU time.

Libraries that are not installed are left out, with a line that says so.
"""

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from driftline.diffusion.analytic import AnalyticDenoiser, FullMixture
from driftline.diffusion.denoisers import CleanEstimate, expand
from driftline.diffusion.grids import Grid, Karras, UniformLogSNR
from driftline.diffusion.noise import Noise
from driftline.diffusion.samplers import (
    RK4,
    Calibration,
    ProbabilityFlowRK45,
    Sampler,
    parse,
    sample,
    tune,
)
from driftline.diffusion.samplers.plan import levels
from driftline.diffusion.schedules import VP
from overhead import Load, few, load, overhead
from peer_samplers import Denoise, Peer, installed, peers

GRIDS: tuple[Grid, ...] = (
    UniformLogSNR(5e-3),
    UniformLogSNR(2e-3),
    UniformLogSNR(2e-2),
    Karras(noise_end=5e-3),
)
OURS = {
    "unipc:order=3": 1, "unipc:order=3,lower_order_final=true": 1, "unipc:order=2": 1,
    "dpm:order=2": 1, "dpm:order=3": 1, "deis:order=3": 1,
    "ipndm:order=3": 1, "ipndm:order=4": 1, "heun": 2, "ddim": 1,
}  # fmt: skip
"""Samplers as text, and the evaluations of every step but the last."""

TOLERANCES = (0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4, 1e-4, 1e-5)
RUNGE_KUTTA = "rk45 (scipy)"
TUNED = ("unipc:order=3", "ipndm:order=3", "bespoke:")


def mixture() -> FullMixture:
    """Three Gaussians of widths from 0.03 to 0.7 along axes of their own."""
    generator = torch.Generator().manual_seed(4)
    weights = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    means = 0.8 * torch.randn(3, 4, dtype=torch.float64, generator=generator)
    axes = torch.linalg.qr(torch.randn(3, 4, 4, dtype=torch.float64, generator=generator))[0]
    widths = torch.tensor([[0.7, 0.3, 0.1, 0.05], [0.4, 0.4, 0.2, 0.03], [0.3, 0.2, 0.1, 0.05]])
    spread = axes * widths.double()[:, None]
    return FullMixture(weights, means, spread @ spread.mT)


@dataclass(frozen=True)
class Problem:
    """Events of the exact flow, and samplers' distances from them.

    Attributes:
        denoiser: the exact one.
        events: how many.
        fine: (N, 4) where the flow takes them.
    """

    denoiser: AnalyticDenoiser
    events: int
    fine: Tensor

    def sample(self, sampler: Sampler) -> tuple[Tensor, float]:
        """Our events, and evaluations."""
        return run(self.denoiser, sampler, self.events)

    def ours(self, text: str, stages: int, evaluations: int) -> float:
        """Error of one of our samplers on the best grid."""
        base: Any = parse(text)
        steps = (evaluations - 1) // stages + 1
        samplers = (replace(base, steps=steps, grid=grid) for grid in GRIDS)
        return min(self.error(self.sample(sampler)[0]) for sampler in samplers)

    def theirs(self, peer: Peer, evaluations: int) -> float:
        """Error of a peer on the best grid."""
        denoise = hat(self.denoiser)
        errors = []
        for grid in GRIDS:
            s = hat_levels(self.denoiser, grid, peer.steps(evaluations))
            z = Noise(1).normal(torch.arange(self.events), (4,), dtype=torch.float64)
            errors.append(self.error(peer.run(denoise, s[0] * z, s)))
        return min(e if math.isfinite(e) else math.inf for e in errors)

    def tuned(self, text: str, evaluations: int) -> float:
        """Error of one of our samplers on a grid tuned with another seed."""
        sampler = parse(f"{text},steps={evaluations}")
        calibration = Calibration.of(
            self.denoiser,
            noise=Noise(99),
            events=1000,
            shape=(4,),
            dtype=torch.float64,
            points=128,
        )
        sweeps = 6 if evaluations <= 20 else 1
        return self.error(self.sample(tune(sampler, calibration, sweeps=sweeps))[0])

    def runge_kutta(self) -> Callable[[int], float]:
        """Error of RK45 at the best tolerance that a number of evaluations allows."""
        runs = [self.sample(ProbabilityFlowRK45(tolerance)) for tolerance in TOLERANCES]
        costs = [(evaluations, self.error(x)) for x, evaluations in runs]
        listed = ", ".join(f"{t:g}: {n:g}" for t, (n, _) in zip(TOLERANCES, costs))
        print(f"Evaluations of RK45 by tolerance: {listed}.\n")
        return lambda allowed: min((e for n, e in costs if n <= allowed), default=math.nan)

    def error(self, x: Tensor) -> float:
        """Mean distance from the flow."""
        return float((x - self.fine).norm(dim=1).mean())


def run(denoiser: AnalyticDenoiser, sampler: Sampler, events: int) -> tuple[Tensor, float]:
    result = sample(
        denoiser, sampler, noise=Noise(1), events=events, shape=(4,), dtype=torch.float64
    )
    return result.x, result.evaluations


def problem(events: int) -> Problem:
    """The flow solved in 400 steps of fourth order."""
    denoiser = AnalyticDenoiser(mixture(), VP())
    return Problem(denoiser, events, run(denoiser, RK4(400, UniformLogSNR(1e-5)), events)[0])


def hat(denoiser: CleanEstimate, *context: Tensor) -> Denoise:
    """The denoiser in hat coordinates, as peers call it."""

    def denoise(x_hat: Tensor, s: Tensor) -> Tensor:
        t = denoiser.schedule.time(-s.double().log()).clamp(0.0, 1.0).to(x_hat)
        alpha = denoiser.schedule.alpha(t)
        return denoiser(expand(alpha, x_hat) * x_hat, t.expand(len(x_hat)), *context)

    return denoise


def hat_levels(denoiser: CleanEstimate, grid: Grid, steps: int) -> Tensor:
    """s of a grid's levels, (K,) float64."""
    points = levels(denoiser.schedule, grid.times(steps, denoiser.schedule))
    return torch.tensor([p.s for p in points], dtype=torch.float64)


def timed(job: Load, peer: Peer) -> Callable[[], float]:
    """A peer's sampling of one batch of jets with ten evaluations."""
    denoise = hat(job.denoiser, job.condition, job.mask)
    s = hat_levels(job.denoiser, UniformLogSNR(), peer.steps(10))
    z = Noise(1).normal(torch.arange(len(job.mask)), (job.mask.shape[1], 3))
    evaluations = float(peer.stages * (peer.steps(10) - 1) + 1)

    @torch.no_grad()
    def whole() -> float:
        peer.run(denoise, s[0].to(z) * z, s)
        return evaluations

    return whole


def methods(
    solved: Problem, job: Load, found: list[Peer]
) -> Iterator[tuple[str, bool, Callable[[int], float], Callable[[], float]]]:
    """Name, whether it is ours, error by evaluations, and sampling to be timed."""
    for text, stages in OURS.items():
        steps = (10 - 1) // stages + 1
        ten = parse(f"{text}{',' if ':' in text else ':'}steps={steps}")
        yield text, True, partial(solved.ours, text, stages), partial(job.sample, ten)
    for text in TUNED:
        alike = few(text.partition(":")[0])  # a tuned one costs what any other of its kind does
        yield f"{text},grid=tuned", True, partial(solved.tuned, text), partial(job.sample, alike)
    adaptive = ProbabilityFlowRK45(0.1)
    yield RUNGE_KUTTA, False, solved.runge_kutta(), partial(job.sample, adaptive)
    for peer in found:
        yield peer.label, False, partial(solved.theirs, peer), timed(job, peer)


def verdict(rows: list[dict[str, Any]], budgets: list[int]) -> str:
    """Our best and the peers' best at every number of evaluations."""
    lines = []
    for k, budget in enumerate(budgets):
        found = {
            mine: min((r for r in rows if r["ours"] == mine), key=lambda r: rank(r["errors"][k]))
            for mine in (True, False)
        }
        ours, theirs = found[True], found[False]
        ratio = theirs["errors"][k] / ours["errors"][k]
        lines.append(
            f"- {budget}: ours {ours['name']} {ours['errors'][k]:.2e}; "
            f"peers {theirs['name']} {theirs['errors'][k]:.2e} ({ratio:.3g} times ours)"
        )
    return "\n".join(lines)


def rank(error: float) -> float:
    return error if math.isfinite(error) else math.inf


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="jets30", help="name or path")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--events", type=int, default=400, help="of the analytic problem")
    parser.add_argument("--batch", type=int, default=200, help="jets of the timing")
    parser.add_argument("--pairs", type=int, default=5, help="of timings; 0 leaves them out")
    parser.add_argument("--evaluations", type=int, nargs="+", default=[8, 12, 20, 30, 50])
    parser.add_argument("--json", type=Path, help="write the numbers here too")
    parser.add_argument("--path", help="a folder of packages to look in last")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.path:
        sys.path.append(arguments.path)

    found, reasons = installed(peers())
    for library, reason in reasons.items():
        print(f"{library} is left out: {reason}\n")
    job = load(arguments.model, arguments.batch, 30)
    solved, bare = problem(arguments.events), job.bare()
    budgets = arguments.evaluations
    rows = []
    table = [
        f"| sampler | {' | '.join(map(str, budgets))} | time | CPU time |",
        "|---" * (len(budgets) + 3) + "|",
    ]
    for name, ours, error, whole in methods(solved, job, found):
        errors = [error(budget) for budget in budgets]
        time = overhead(whole, bare, arguments.pairs) if arguments.pairs else {}
        rows.append({"name": name, "ours": ours, "errors": errors, **time})
        numbers = [f"{e:.1e}" if math.isfinite(e) else "-" for e in errors]
        ratios = [f"{time[key]:.2f}" if time else "-" for key in ("ratio", "cpu_ratio")]
        table.append(f"| {name} | {' | '.join([*numbers, *ratios])} |")
        print(table[-1], file=sys.stderr, flush=True)
    print("\n".join(table))
    print(f"\n{verdict(rows, budgets)}")
    print("\nWithout the tuned grid:\n")
    print(verdict([r for r in rows if "tuned" not in r["name"]], budgets))
    if arguments.json:
        arguments.json.write_text(json.dumps({"evaluations": budgets, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
