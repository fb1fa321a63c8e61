"""Samplers of several networks: text, labels and steps."""

import pytest

from driftline.diffusion.samplers import parse
from driftline.errors import InputError
from driftline.network_samplers import NetworkSamplers, for_networks

FIRST, SECOND = parse("dpm:steps=30"), parse("unipc:steps=8,order=3")
BOTH = NetworkSamplers((FIRST, SECOND))


def test_text_comes_back():
    assert " + " not in str(for_networks(FIRST))
    assert NetworkSamplers.parse(str(for_networks(FIRST))) == for_networks(FIRST)
    assert NetworkSamplers.parse(str(BOTH)) == BOTH
    assert NetworkSamplers.parse("dpm:steps=30 + unipc:steps=8,order=3") == BOTH
    assert for_networks(BOTH) is BOTH


def test_equal_samplers_are_one():
    assert NetworkSamplers((FIRST, FIRST)) == for_networks(FIRST)
    assert NetworkSamplers.parse("dpm:steps=30 + dpm:steps=30") == for_networks(FIRST)


def test_each_network_gets_its_own():
    assert for_networks(FIRST).each(["jet level", "particle level"]) == (FIRST, FIRST)
    assert BOTH.each(["jet level", "particle level"]) == (FIRST, SECOND)
    with pytest.raises(InputError, match=r"2 samplers and the model has 1 network\(s\), images"):
        BOTH.each(["images"])


def test_label_names_all_where_they_differ():
    assert for_networks(FIRST).label == FIRST.label
    assert BOTH.label == f"{FIRST.label} + {SECOND.label}"


def test_deterministic_if_all_are():
    stochastic = parse("em:steps=5")
    assert BOTH.deterministic
    assert not NetworkSamplers((stochastic, SECOND)).deterministic
    assert not NetworkSamplers((FIRST, stochastic)).deterministic


def test_steps_throughout():
    changed = BOTH.with_steps(5)
    assert [sampler.steps for sampler in changed.samplers] == [5, 5]
    with pytest.raises(ValueError, match="chooses its steps itself"):
        for_networks(parse("rk45")).with_steps(5)


@pytest.mark.parametrize(
    "text", ["nothing", "dpm + nothing", "dpm + dpm:steps=0", " + ", "dpm + ", "dpm+dpm"]
)
def test_text_that_is_not_valid(text):
    with pytest.raises(ValueError):
        NetworkSamplers.parse(text)
