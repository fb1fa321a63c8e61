"""Made-up archives of frames, of the layout of the real ProtoDUNE archive."""

import io
import tarfile

import numpy as np


def archive(path, arrays, mode="w:bz2"):
    """A tar file of these arrays by name."""
    with tarfile.open(path, mode) as tar:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.save(content, array)
            member = tarfile.TarInfo(f"{name}.npy")
            member.size = content.tell()
            content.seek(0)
            tar.addfile(member, content)
    return path


def protodune(path, tick=500.0):
    """An anode of ProtoDUNE: a block of 64 wires x 128 ticks of charge in the second plane."""
    frame = np.zeros((2560, 512), dtype=np.float32)
    frame[800:864, :128] = 1e3
    return archive(
        path, {"frame_gauss0_5": frame, "tickinfo_gauss0_5": np.array([0.0, tick, 0.0])}, "w"
    )
