"""What every sampler must do, over one cheap instance of every name in ``SAMPLERS``."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from driftline.diffusion.denoisers import expand
from driftline.diffusion.grids import UniformLogSNR
from driftline.diffusion.samplers import SAMPLERS, Sampler, describe, parse
from driftline.diffusion.samplers.loop import run as run_plan
from driftline.diffusion.samplers.plan import Model
from driftline.diffusion.schedules import VP
from oracles import MIXTURE, run

SETTINGS = {
    "grid": "grid=logsnr;noise_end=0.01",
    "steps": "steps=7",
    "levels": "levels=7",
    "repeats": "repeats=1",
    "tolerance": "tolerance=1e-2",
}
"""What makes an instance cheap, where it has the setting; ``OWN`` has the exceptions."""

OWN = {
    "poster-pc": "steps=60",
    "adaptive-sde": "absolute=0.2,relative=0.2",
    "bespoke": "steps=2,weights=0.1/0.9/0/1.1/-0.1",
}


def cheap() -> Iterator[Sampler]:
    for name, kind in SAMPLERS.items():
        fields = kind.__dataclass_fields__
        settings = [text for key, text in SETTINGS.items() if key in fields]
        yield parse(f"{name}:{OWN.get(name, ','.join(settings))}")


ALL = list(cheap())
EVENTWISE = [s for s in ALL if s.eventwise]
every = pytest.mark.parametrize("sampler", ALL, ids=describe)
every_eventwise = pytest.mark.parametrize("sampler", EVENTWISE, ids=describe)

# Step sizes that an event chooses follow its rounding, which depends on the batch.
CLOSE = {"rtol": 1e-9, "atol": 1e-9}

# On processors of four-number vectors (ATEN_CPU_CAPABILITY=avx2) adaptive-sde's rounding grows to
# 3.4e-9 in nine events; in scalar arithmetic (ATEN_CPU_CAPABILITY=default) it is within CLOSE too.
ROUNDED = {"adaptive-sde": {"rtol": 1e-8, "atol": 1e-8}}


class Counting:
    """The mixture, counting the rows that it is asked for."""

    schedule = VP()

    def __init__(self) -> None:
        self.calls = self.rows = 0

    def __call__(self, x: Tensor, t: Tensor, *context: object) -> Tensor:
        self.calls += 1
        self.rows += len(x)
        return MIXTURE(x, t)


@every
def test_text_round_trip(sampler: Sampler) -> None:
    assert parse(describe(sampler)) == sampler


@every
def test_evaluations_are_what_the_network_saw(sampler: Sampler) -> None:
    counting = Counting()
    result = run(sampler, 5, denoiser=counting, batch=2)
    assert result.x.isfinite().all()
    assert result.calls == counting.calls
    assert result.evaluations * 5 == pytest.approx(counting.rows)
    assert result.evaluations <= result.evaluations_max <= result.calls


@every
def test_a_seed_gives_the_same_events_again(sampler: Sampler) -> None:
    assert torch.equal(run(sampler, 5).x, run(sampler, 5).x)


@every
def test_float32_is_float64_rounded(sampler: Sampler) -> None:
    rounded = run(sampler, 8, dtype=torch.float32).x
    assert rounded.dtype == torch.float32
    if hasattr(sampler, "max_evaluations") and not sampler.deterministic:
        return  # a step accepted in one type only sees another piece of the noise
    # An adaptive step may be accepted on one side of its bound only.
    assert float((rounded - run(sampler, 8).x).abs().median()) < 1e-3


class Standard:
    """Of N(0, 1), on any device: D = alpha x where alpha^2 + sigma^2 = 1."""

    schedule = VP()

    def __call__(self, x: Tensor, t: Tensor, *context: object) -> Tensor:
        return expand(self.schedule.alpha(t), x) * x


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@every
def test_a_gpu_gives_the_same_events(sampler: Sampler) -> None:
    here = run(sampler, 8, denoiser=Standard())
    there = run(sampler, 8, denoiser=Standard(), device="cuda")
    assert there.x.device.type == "cuda"
    torch.testing.assert_close(there.x.cpu(), here.x, **CLOSE)


@every_eventwise
def test_events_depend_on_their_ids_alone(sampler: Sampler) -> None:
    whole, close = run(sampler, 9).x, ROUNDED.get(describe(sampler).split(":")[0], CLOSE)
    torch.testing.assert_close(run(sampler, 9, batch=4).x, whole, **close)
    torch.testing.assert_close(run(sampler, torch.arange(3, 7)).x, whole[3:7], **close)


@every
def test_masked_equals_unpadded(sampler: Sampler) -> None:
    mask = torch.arange(6).expand(5, 6) < 4
    padded = run(sampler, 5, shape=(6, 1), mask=mask).x
    assert not padded[:, 4:].any()
    if sampler.eventwise or sampler.deterministic:
        torch.testing.assert_close(padded[:, :4], run(sampler, 5, shape=(4, 1)).x, **CLOSE)


@every_eventwise
def test_masks_of_several_lengths_in_one_batch(sampler: Sampler) -> None:
    lengths = torch.tensor([1, 4, 2])
    mask = torch.arange(4) < lengths[:, None]
    together = run(sampler, 3, shape=(4, 1), mask=mask).x
    for k, length in enumerate(lengths.tolist()):
        alone = run(sampler, torch.tensor([k]), shape=(length, 1)).x
        torch.testing.assert_close(together[k, :length], alone[0], **CLOSE)


@every
def test_whether_noise_is_drawn_is_what_deterministic_says(sampler: Sampler) -> None:
    """From the second draw on, the noise is replaced by zeros: only a random sampler notices."""

    def result(later: float) -> Tensor:
        generator, first = torch.Generator().manual_seed(3), True

        def draw() -> Tensor:
            nonlocal first
            z = torch.randn(6, 1, dtype=torch.float64, generator=generator)
            scale, first = (1.0 if first else later), False
            return scale * z

        return run_plan(sampler.plan(VP()), Model(MIXTURE), draw)

    assert torch.equal(result(1.0), result(0.5)) == sampler.deterministic


@every
def test_the_recorder_sees_falling_noise_and_the_result(sampler: Sampler) -> None:
    seen: list[tuple[float, Tensor]] = []
    result = run(sampler, 4, record=lambda level, x: seen.append((level.s, x)))
    assert len(seen) == 1 + len(list(sampler.plan(VP())))
    assert torch.equal(seen[-1][1], result.x)
    if sampler.deterministic:
        assert all(before >= after for (before, _), (after, _) in pairwise(seen))


FINE = {
    "dpm": "steps=300", "ddim": "steps=1500", "euler": "steps=1500", "heun": "steps=300",
    "midpoint": "steps=200", "rk4": "steps=60", "unipc": "steps=100", "deis": "steps=150",
    "ipndm": "steps=400", "rk45": "tolerance=1e-6", "rk23": "tolerance=1e-5",
    "dop853": "tolerance=1e-6", "dopri5": "tolerance=1e-6,noise_end=0.005",
    "dpm23": "tolerance=1e-4,absolute=1e-4,noise_end=0.005",
}  # fmt: skip


def test_deterministic_samplers_agree_at_fine_steps() -> None:
    """At equal noise, on a mixture; scipy's integrate further down, to t = 1e-5."""
    reference = run(parse("rk4:steps=150,grid=logsnr;noise_end=0.0005"), 20).x
    deterministic = {name for name, kind in SAMPLERS.items() if kind().deterministic}
    # Of the fitted one the weights decide: see test_bespoke.
    assert deterministic == {*FINE, "bespoke"}
    for name, settings in FINE.items():
        error = float((run(parse(f"{name}:{settings}"), 20).x - reference).abs().median())
        assert error < 2e-3, name


def test_every_field_of_every_sampler_survives_the_text() -> None:
    """Settings unlike the defaults, objects with settings of their own included."""
    for text in (
        "dpm:steps=9,order=3,grid=karras;rho=5.0;noise_end=0.002,eta=0.5",
        "unipc:steps=4,order=2,grid=tuned;levels=-1.5/0.25/3.1,lower_order_final=true",
        "dopri5:tolerance=0.001,clock=time,noise_end=0.01,denoise=false,max_evaluations=99",
        "rk45:tolerance=0.001,t_min=0.0001,denoise=true,max_evaluations=77",
    ):
        assert describe(parse(text)) == text
    assert parse("dpm:grid=logsnr;noise_end=0.01").grid == UniformLogSNR(0.01)  # type: ignore[attr-defined]
