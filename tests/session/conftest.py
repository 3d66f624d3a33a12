from __future__ import annotations

import pytest
import torch

from idpro.config import preset
from idpro.model import IDPro, build


@pytest.fixture(scope="session")
def tiny() -> IDPro:
    """The real network, small and without training."""
    torch.manual_seed(0)
    return build(preset("tiny")).eval()
