"""The tiny network and drawn clips: the laws of the network are tested in milliseconds."""

from __future__ import annotations

import pytest
import torch

from idpro.config import preset
from idpro.model import IDPro, build


@pytest.fixture(scope="module")
def tiny() -> IDPro:
    """A tiny network whose parameters are all away from their starting values (zeros would hide mistakes)."""
    torch.manual_seed(0)
    network = build(preset("tiny")).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.02 * torch.randn_like(parameter)
    return network
