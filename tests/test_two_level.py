"""Samplers of two levels: text, labels and steps."""

import pytest

from driftline.diffusion.samplers import parse
from driftline.two_level import TwoLevelSampler, both_levels

JET, PARTICLE = parse("dpm:steps=30"), parse("unipc:steps=8,order=3")


def test_text_comes_back():
    one, two = both_levels(JET), TwoLevelSampler(JET, PARTICLE)
    assert " + " not in str(one)
    assert TwoLevelSampler.parse(str(one)) == one
    assert TwoLevelSampler.parse(str(two)) == two
    assert TwoLevelSampler.parse("dpm:steps=30 + unipc:steps=8,order=3") == two
    assert both_levels(two) is two


def test_label_names_both_where_they_differ():
    assert both_levels(JET).label == JET.label
    assert TwoLevelSampler(JET, PARTICLE).label == f"{JET.label} + {PARTICLE.label}"


def test_deterministic_if_both_are():
    assert TwoLevelSampler(JET, PARTICLE).deterministic
    assert not TwoLevelSampler(parse("em:steps=5"), PARTICLE).deterministic
    assert not TwoLevelSampler(JET, parse("em:steps=5")).deterministic


def test_steps_of_both_levels():
    changed = TwoLevelSampler(JET, PARTICLE).with_steps(5)
    assert (changed.jet_level.steps, changed.particle_level.steps) == (5, 5)
    with pytest.raises(ValueError, match="chooses its steps itself"):
        both_levels(parse("rk45")).with_steps(5)


@pytest.mark.parametrize(
    "text", ["nothing", "dpm + nothing", "dpm + dpm:steps=0", " + ", "dpm + ", "dpm+dpm"]
)
def test_text_that_is_not_valid(text):
    with pytest.raises(ValueError):
        TwoLevelSampler.parse(text)
