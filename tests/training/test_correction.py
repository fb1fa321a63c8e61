"""What a teacher gets wrong of the data, measured on one whose events are known."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from driftline.diffusion.analytic import AnalyticDenoiser, gaussian
from driftline.diffusion.distillation import QuantileMap
from driftline.diffusion.samplers import DDIM
from driftline.diffusion.schedules import VP
from driftline.errors import InputError
from driftline.training.classes import ClassOf
from driftline.training.correction import Asked, correction, kept
from driftline.training.loop import Batch


class Made:
    """Numbers of two classes and of none told, whose means are 1, 2 and 3 and deviation 0.5."""

    def __len__(self) -> int:
        return 6000

    def batch(self, index: Tensor, generator: torch.Generator) -> Batch:
        label = index % 3
        x = 1.0 + label + 0.5 * torch.randn(len(index), generator=generator)
        told = torch.nn.functional.one_hot(label, 3)[:, :2]
        return Batch(x[:, None], told.float(), None)


def itself(x: Tensor, condition: Tensor | None, mask: Tensor | None) -> Tensor:
    return x


def test_classes_by_what_is_told_first() -> None:
    condition = torch.tensor([[1.0, 0, 9], [0, 1, 9], [0, 0, 9]])
    assert ClassOf(2)(condition).tolist() == [0, 1, 2]


def test_the_teachers_normal_goes_to_the_normal_of_each_class() -> None:
    """From mean 0.4 and deviation 0.25, x to 1 + k + 2 (x - 0.4)."""
    teacher = AnalyticDenoiser(gaussian(0.4, 0.25), VP())
    course = DDIM(64).plan(VP())
    found = correction(itself, teacher, course, Asked(Made()), Made(), ClassOf(2), 6000)
    x = torch.tensor([[0.15], [0.4], [0.65]])
    for label in range(3):
        told = torch.nn.functional.one_hot(torch.tensor([label] * 3), 3)[:, :2].float()
        expected = 1.0 + label + 2 * (x - 0.4)
        torch.testing.assert_close(found(x, told), expected, atol=0.08, rtol=0)


def test_the_teacher_is_asked_as_when_events_are_generated() -> None:
    """Mapped is what is made, and finished, of the conditions that it then has."""

    class Shifted(Made):
        def batch(self, index: Tensor, generator: torch.Generator) -> Batch:
            x0, told, _ = super().batch(index, generator)
            return Batch(x0, torch.cat([told, torch.ones(len(x0), 1)], dim=1), None)

    def by_condition(x: Tensor, condition: Tensor | None, mask: Tensor | None) -> Tensor:
        assert condition is not None
        return x + condition[:, 2:].sum(dim=1, keepdim=True)

    def doubled(x: Tensor, condition: Tensor | None, mask: Tensor | None) -> Tensor:
        return 2 * x

    teacher = AnalyticDenoiser(gaussian(0.4, 0.25), VP())
    course = DDIM(64).plan(VP())
    found = correction(
        by_condition, teacher, course, Asked(Shifted(), doubled), Made(), ClassOf(2), 6000
    )
    told = torch.tensor([[1.0, 0, 0]])
    torch.testing.assert_close(
        found(torch.tensor([[1.8]]), told), torch.tensor([[1.0]]), atol=0.08, rtol=0
    )


def test_it_is_the_same_at_every_call_and_padding_is_left_out() -> None:
    """A run that is resumed finds it anew. Of clouds of one and of two numbers, padded to two."""

    class Clouds(Made):
        def batch(self, index: Tensor, generator: torch.Generator) -> Batch:
            x, told, _ = super().batch(index, generator)
            mask = torch.stack([torch.ones(len(x)), index % 2], dim=1).bool()
            return Batch(x[:, None].expand(-1, 2, 1) * mask[..., None], told, mask)

    def sums(x: Tensor, condition: Tensor | None, mask: Tensor | None) -> Tensor:
        assert mask is not None
        assert (x[~mask] == 0).all()
        return x.sum(dim=1)

    teacher = AnalyticDenoiser(gaussian(0.4, 0.25), VP())
    first, second = (
        correction(sums, teacher, DDIM(4).plan(VP()), Asked(Clouds()), Clouds(), ClassOf(2), 600)
        for _ in range(2)
    )
    assert torch.equal(first.own, second.own) and torch.equal(first.wanted, second.wanted)


def test_too_few_events_of_a_class_are_told() -> None:
    teacher = AnalyticDenoiser(gaussian(0.4, 0.25), VP())
    with pytest.raises(
        InputError, match="45 events of the data have only 14 of a class; give more"
    ):
        correction(itself, teacher, DDIM(4).plan(VP()), Asked(Made()), Made(), ClassOf(2), 45)


def test_fewer_events_are_taken_from_the_whole_sample() -> None:
    seen = []

    class Watched(Made):
        def batch(self, index: Tensor, generator: torch.Generator) -> Batch:
            seen.extend(index.tolist())
            return super().batch(index, generator)

    teacher = AnalyticDenoiser(gaussian(0.4, 0.25), VP())
    correction(itself, teacher, DDIM(4).plan(VP()), Asked(Made()), Watched(), ClassOf(2), 300)
    assert len(seen) == 300 and seen[0] == 0 and seen[-1] == 5999


def test_it_tells_how_far_it_is() -> None:
    told: list[int] = []
    teacher = AnalyticDenoiser(gaussian(0.4, 0.25), VP())
    correction(
        itself,
        teacher,
        DDIM(4).plan(VP()),
        Asked(Made()),
        Made(),
        ClassOf(2),
        600,
        progress=told.append,
    )
    assert sum(told) == 600 and len(told) > 1


def test_a_run_keeps_it(tmp_path: Path) -> None:
    teacher, path = AnalyticDenoiser(gaussian(0.4, 0.25), VP()), tmp_path / "run" / "map"

    def make() -> QuantileMap:
        return correction(
            itself, teacher, DDIM(4).plan(VP()), Asked(Made()), Made(), ClassOf(2), 300
        )

    def never() -> QuantileMap:
        raise AssertionError("it is there")

    made, again = kept(path, ClassOf(2), make), kept(path, ClassOf(2), never)
    x, told = torch.tensor([[0.15], [0.4]]), torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    assert torch.equal(made(x, told), again(x, told))
    with pytest.raises(InputError, match="3 groups, not 6"):
        kept(path, ClassOf(5), make)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match="not a readable correction"):
        kept(path, ClassOf(2), make)
