"""The accelerated network has the values of the network it shares weights with, to bfloat16."""

import pytest
import torch
from torch import nn

from driftline.networks import Accelerated, accelerated


class Pooled(nn.Module):
    """Small, so that it compiles quickly."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 64)
        self.outer = nn.Linear(64, 3)

    def forward(
        self,
        x: torch.Tensor,
        c_noise: torch.Tensor,
        condition: torch.Tensor | None = None,
        mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        value: torch.Tensor = self.outer(torch.tanh(self.inner(x)) + c_noise[:, None, None])
        return value


@pytest.mark.parametrize("native", [True, False])
def test_values_are_those_of_the_network(native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """To bfloat16 where the device has it, else to float32."""
    monkeypatch.setattr(accelerated, "has_bfloat16", lambda device: native)
    torch.manual_seed(1)
    network = Pooled()
    fast = Accelerated(network)
    x, c_noise = torch.randn(20, 5, 3), torch.randn(20)
    with torch.no_grad():
        value, expected = fast(x, c_noise), network(x, c_noise)
        assert value.dtype == torch.float32
        difference = float((value - expected).abs().max())
        assert 1e-5 < difference < 0.03 if native else difference < 1e-5
        network.outer.weight.zero_()
        network.outer.bias.fill_(2.0)
        torch.testing.assert_close(fast(x, c_noise), torch.full_like(x, 2.0))
