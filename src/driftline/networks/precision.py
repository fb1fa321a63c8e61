"""Where arithmetic of reduced precision pays."""

import platform

import torch


def has_bfloat16(device: torch.device | str) -> bool:
    """Whether a device computes in bfloat16; a processor that has to emulate it is far slower."""
    if torch.device(device).type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if platform.machine() in ("x86_64", "AMD64"):
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    known = torch.backends.mkldnn.is_available()
    return known and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
