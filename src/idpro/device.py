"""Where a network runs: a device by the name people give it.

Apple's MPS is used only where it computes what the CPU does: on first use a handful of the network's operations are run on
both, since versions of it have returned wrong numbers without a word.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from .errors import ConfigError

TOLERANCE = 1e-2  # of numbers about 1; half of this is what single precision leaves, what is wrong is off by more


def pick_device(name: str = "auto") -> torch.device:
    """``auto`` (the best there is), ``cpu``, ``cuda``, ``cuda:1``, ``mps``.

    Raises:
        ConfigError: it is not available here, or is MPS and computes otherwise than the CPU (``auto`` warns and takes the CPU).
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        if not torch.backends.mps.is_available():
            return torch.device("cpu")
        wrong = disagreement("mps")
        if wrong:
            warnings.warn(f"mps is not used, the CPU is: {wrong}", stacklevel=2)
        return torch.device("cpu" if wrong else "mps")
    try:
        torch.empty(0, device=name)
        device = torch.device(name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ConfigError(f"the device {name!r} is not available: choose cpu, or leave --device out") from error
    if device.type == "mps" and (wrong := disagreement("mps")):
        raise ConfigError(f"mps cannot be used here: {wrong}; choose cpu, or leave --device out")
    return device


@cache
def disagreement(device: str) -> str | None:
    """What a device computes otherwise than the CPU, in a few words; None: nothing."""
    try:
        for (name, expected), (_, got) in zip(trial("cpu"), trial(device), strict=True):
            error = float((got.cpu().float() - expected.float()).abs().max())
            if not error <= TOLERANCE:  # NaN too
                return f"its {name} is off by {error:.2g}"
    except (RuntimeError, NotImplementedError, TypeError) as error:
        return f"it cannot run the network ({' '.join(str(error).split())[:120]})"
    return None


@torch.inference_mode()
def trial(device: str) -> Iterator[tuple[str, Tensor]]:
    """The kinds of operations that the network is made of, on the same small inputs: name and result of each."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).to(device)

    x = normal(2, 16, 33, 45).contiguous(memory_format=torch.channels_last)
    yield "convolution", F.conv2d(x, normal(24, 16, 3, 3) / 12, stride=2, padding=1)
    yield "dilated convolution", F.conv2d(x, normal(8, 16, 3, 3) / 12, padding=4, dilation=4)
    yield "depthwise convolution", F.conv2d(x, normal(16, 1, 5, 5) / 5, padding=2, groups=16)
    yield "normalisation", F.group_norm(F.layer_norm(x.movedim(1, -1), (16,)).movedim(-1, 1), 4)
    yield "average over uneven cells", F.adaptive_avg_pool2d(x, (5, 7))
    yield "enlargement", F.interpolate(x, size=(70, 91), mode="bilinear", align_corners=False)
    yield "enlargement to the corners", F.interpolate(x, size=(65, 89), mode="bilinear", align_corners=True)
    yield "neighbourhood", F.unfold(x, 3, padding=1).softmax(1)
    q, k, v = normal(2, 4, 50, 16), normal(2, 4, 300, 16), normal(2, 4, 300, 11)
    yield "attention", F.scaled_dot_product_attention(q, k, v)
    scores = (F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-1, -2)).masked_fill(v[..., None, :, 0] < 0, -1e10)
    yield "matching", (scores * 20).softmax(-1) @ v
    yield "best of many", scores.topk(8, dim=-1).values
    yield "ids", torch.stack([x.argmax(1).float(), x.amax(1), x.logsumexp(1)])
    yield "running sum", x.movedim(1, -1).cumsum(1) / 33
