"""Where arithmetic of reduced precision pays."""

import torch


def has_bfloat16(device: torch.device | str) -> bool:
    """Whether a device computes in bfloat16; a processor that has to emulate it is far slower."""
    if torch.device(device).type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
