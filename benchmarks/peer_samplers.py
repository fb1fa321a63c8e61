"""Samplers of azula, k-diffusion and diffusers as plain functions of a denoiser.

All of them see the same problem, D(x_hat; s) on given levels s with x_hat = x/alpha, and end with a
clean estimate, so that they can be set beside ours at equal levels and equal evaluations. The
module needs torch alone; the libraries are imported when asked for.
"""

import importlib
import importlib.util
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

Denoise = Callable[[Tensor, Tensor], Tensor]
"""D(x_hat; s) for events x_hat (B, ...) at one level s, a tensor without axes."""

Run = Callable[[Denoise, Tensor, Tensor], Tensor]
"""From the start x_hat (B, ...) through falling levels (K,) to the clean events (B, ...)."""

LIBRARIES = {"azula": "azula", "k-diffusion": "k_diffusion", "diffusers": "diffusers"}
"""Distributions and their modules."""


@dataclass(frozen=True)
class Peer:
    """A sampler of another library.

    Attributes:
        library: its distribution's name.
        name: the sampler's.
        ours: the text of the same method here.
        run: the sampler.
        stages: evaluations of every step but the last, which takes one.
    """

    library: str
    name: str
    ours: str
    run: Run
    stages: int = 1

    @property
    def label(self) -> str:
        return f"{self.library} {self.name}"

    def steps(self, evaluations: int) -> int:
        """The most levels that so many evaluations allow."""
        return (evaluations - 1) // self.stages + 1


def peers() -> Iterator[Peer]:
    """All peers, whether their libraries are here or not."""
    k, d, a = "k-diffusion", "diffusers", "azula"
    yield Peer(k, "euler", "euler", partial(k_diffusion, "sample_euler"))
    yield Peer(k, "heun", "heun", partial(k_diffusion, "sample_heun"), stages=2)
    yield Peer(k, "lms", "ipndm", partial(k_diffusion, "sample_lms"))
    yield Peer(k, "dpmpp_2m", "dpm:order=2", partial(k_diffusion, "sample_dpmpp_2m"))
    yield Peer(k, "dpmpp_3m_sde(eta=0)", "dpm:order=3", third_order)
    multistep = partial(diffusers, "DPMSolverMultistepScheduler", ends_at_zero=True)
    yield Peer(d, "DPM++ 2M", "dpm:order=2", partial(multistep, solver_order=2))
    yield Peer(d, "DPM++ 3M", "dpm:order=3", partial(multistep, solver_order=3))
    unipc = partial(diffusers, "UniPCMultistepScheduler", ends_at_zero=True)
    yield Peer(d, "UniPC-2", "unipc:order=2", partial(unipc, solver_order=2))
    yield Peer(d, "UniPC-3", "unipc:order=3", partial(unipc, solver_order=3))
    deis = partial(diffusers, "DEISMultistepScheduler", solver_order=3)
    yield Peer(d, "DEIS-3", "deis:order=3", deis)
    yield Peer(a, "DDIM", "ddim", partial(azula, "DDIMSampler"))
    yield Peer(a, "Heun", "heun", partial(azula, "HeunSampler"), stages=2)
    yield Peer(a, "zAB-3", "ipndm:order=3", partial(azula, "zABSampler", order=3))
    yield Peer(a, "zEAB-3", "deis:order=3", partial(azula, "zEABSampler", order=3))
    yield Peer(a, "xEAB-3", "dpm:order=3", partial(azula, "xEABSampler", order=3))
    yield Peer(a, "REAB-3", "unipc:order=3", partial(azula, "REABSampler", order=3))


def missing(library: str) -> str | None:
    """Why a library cannot be used here, or None if it can."""
    try:
        version(library)
        load = k_diffusion_sampling if library == "k-diffusion" else partial(_library, library)
        load()
    except (PackageNotFoundError, ImportError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def _library(name: str) -> ModuleType:
    return importlib.import_module(LIBRARIES[name])


@cache
def k_diffusion_sampling() -> ModuleType:
    """k_diffusion/sampling.py alone: the package's ``__init__`` needs CLIP, kornia and wandb.

    Raises:
        ImportError: it is not installed.
    """
    spec = importlib.util.find_spec("k_diffusion")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("k_diffusion is not installed")
    folder = Path(spec.submodule_search_locations[0])
    package, utils = ModuleType("k_diffusion"), ModuleType("k_diffusion.utils")
    package.__path__ = [str(folder)]
    utils.append_dims = lambda x, ndim: x[(...,) + (None,) * (ndim - x.ndim)]  # type: ignore[attr-defined]
    package.utils = utils  # type: ignore[attr-defined]
    stubs = {"k_diffusion": package, "k_diffusion.utils": utils}
    # Solvers of its adaptive and Brownian-tree samplers, which are not run here.
    for name in ("torchdiffeq", "torchsde"):
        if importlib.util.find_spec(name) is None:
            stubs[name] = ModuleType(name)
            stubs[name].odeint = None  # type: ignore[attr-defined]
    sys.modules.update(stubs)
    try:
        return importlib.import_module("k_diffusion.sampling")
    finally:
        for name in stubs:
            del sys.modules[name]


def k_diffusion(name: str, denoise: Denoise, x: Tensor, levels: Tensor, **settings: Any) -> Tensor:
    """A function of its ``sampling`` module, on the levels and zero, as its own grids are."""
    sampler = getattr(k_diffusion_sampling(), name)
    sigmas = torch.cat([levels, levels.new_zeros(1)]).to(x)
    return sampler(lambda x, s: denoise(x, s[0]), x, sigmas, disable=True, **settings)


def third_order(denoise: Denoise, x: Tensor, levels: Tensor) -> Tensor:
    """Its 3M without noise; unless given a source of noise it would build a Brownian tree."""
    return k_diffusion(
        "sample_dpmpp_3m_sde", denoise, x, levels, eta=0.0, noise_sampler=torch.zeros_like
    )


def diffusers(
    name: str,
    denoise: Denoise,
    x: Tensor,
    levels: Tensor,
    ends_at_zero: bool = False,
    **settings: Any,
) -> Tensor:
    """A scheduler on given levels, its state x = x_hat / sqrt(1 + s^2).

    Its own way to the levels leads through 1,000 integer time steps; they are put in afterwards.
    Schedulers that can end at zero do; the others end with a clean estimate added here.
    """
    kind = getattr(_library("diffusers"), name)
    scheduler = kind(prediction_type="sample", **settings)
    sigmas = torch.cat([levels, levels.new_zeros(1)]) if ends_at_zero else levels
    count = len(sigmas) - 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scheduler.set_timesteps(count)
    scheduler.sigmas, scheduler.timesteps = sigmas, torch.arange(count, 0, -1)
    scheduler.set_begin_index(0)
    x = x / (1 + sigmas[0] ** 2).sqrt().to(x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # DEIS: numpy's logarithm of a tensor
        for s, t in zip(sigmas[:-1], scheduler.timesteps):
            estimate = denoise(x * (1 + s**2).sqrt().to(x), s)
            x = scheduler.step(estimate, t, x).prev_sample.to(x)
    x = x * (1 + sigmas[-1] ** 2).sqrt().to(x)
    return x if ends_at_zero else denoise(x, sigmas[-1])


def azula(name: str, denoise: Denoise, x: Tensor, levels: Tensor, **settings: Any) -> Tensor:
    """A sampler class on given levels; it ends on noise, so a clean estimate is added here."""
    noise, sampling, models = (
        importlib.import_module(f"azula.{part}") for part in ("noise", "sample", "denoise")
    )

    class Table(noise.Schedule):  # type: ignore[name-defined,misc]
        """alpha = 1, and the levels in turn as t falls from 1 to 0."""

        def __call__(self, t: Tensor) -> tuple[Tensor, Tensor]:
            return self.alpha(t), self.sigma(t)

        def alpha(self, t: Tensor) -> Tensor:
            return torch.ones_like(t)

        def sigma(self, t: Tensor) -> Tensor:
            return levels.to(t)[((1 - t) * (len(levels) - 1)).round().long()]

    class Model(models.Denoiser):  # type: ignore[name-defined,misc]
        """The denoiser as azula sees it."""

        schedule = Table()

        def forward(self, x_t: Tensor, t: Tensor, **context: Any) -> Any:
            return models.DiracPosterior(mean=denoise(x_t, self.schedule.sigma(t)))

    kind = getattr(sampling, name)
    sampler = kind(Model(), steps=len(levels) - 1, silent=True, dtype=x.dtype, **settings)
    return denoise(sampler(x), levels[-1])


def installed(candidates: Iterable[Peer]) -> tuple[list[Peer], dict[str, str]]:
    """The peers whose library is here, and why the other libraries are not."""
    reasons = {library: reason for library in LIBRARIES if (reason := missing(library))}
    return [peer for peer in candidates if peer.library not in reasons], reasons
