"""Students take their own sort of sampler; others would take their estimates for a mean."""

import pytest

import driftline
from driftline.errors import InputError
from driftline.generation import check_sampler
from driftline.network_samplers import NetworkSamplers


@pytest.mark.parametrize("name", ["jets30-fast", "lartpc64-one"])
def test_a_student_takes_its_own_sampler_and_consistency_sampling(name):
    student = driftline.load(name)
    check_sampler(student, student.default_sampler)
    check_sampler(student, NetworkSamplers.parse("cm:steps=2"))
    for other in ("heun:steps=10", "rk45:tolerance=1e-3"):
        with pytest.raises(InputError, match="a distilled model tells where a path ends"):
            check_sampler(student, NetworkSamplers.parse(other))


def test_a_teacher_takes_all():
    check_sampler(driftline.load("lartpc64"), NetworkSamplers.parse("heun:steps=10"))
