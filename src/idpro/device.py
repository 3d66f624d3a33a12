"""Where a network runs: a device by the name people give it."""

from __future__ import annotations

import torch

from .errors import ConfigError


def pick_device(name: str = "auto") -> torch.device:
    """``auto`` (the best there is), ``cpu``, ``cuda``, ``cuda:1``, ``mps``; ConfigError if it is not available here."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        torch.empty(0, device=name)
        return torch.device(name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ConfigError(f"the device {name!r} is not available: choose cpu, or leave --device out") from error
