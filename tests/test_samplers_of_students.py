"""Students take their own sampler; with another they would make garbage."""

from copy import copy

import pytest

import driftline
from driftline.errors import InputError
from driftline.generation import check_sampler
from driftline.network_samplers import NetworkSamplers

OTHERS = ("heun:steps=10", "rk45:tolerance=1e-3", "cm:steps=2")


@pytest.mark.parametrize(
    ("name", "teacher"), [("jets30-fast", "jets30"), ("lartpc64-one", "lartpc64")]
)
def test_a_student_takes_its_own_sampler(name, teacher):
    student = driftline.load(name)
    check_sampler(student, student.default_sampler)
    of_teacher = driftline.load(teacher).default_sampler
    for other in (*map(NetworkSamplers.parse, OTHERS), of_teacher):
        with pytest.raises(InputError, match="a distilled model tells where a path ends"):
            check_sampler(student, other)
        with pytest.raises(InputError, match="leave it out, or take the teacher"):
            student.generate(2, sampler=other)


def test_a_consistency_student_takes_any_number_of_steps():
    student = copy(driftline.load("lartpc64-one"))
    student.card = student.card | {"sampler": "cm:steps=2"}
    check_sampler(student, NetworkSamplers.parse("cm:steps=4"))
    with pytest.raises(InputError, match="a distilled model"):
        check_sampler(student, NetworkSamplers.parse(OTHERS[0]))


def test_a_teacher_takes_all():
    for other in OTHERS:
        check_sampler(driftline.load("lartpc64"), NetworkSamplers.parse(other))
