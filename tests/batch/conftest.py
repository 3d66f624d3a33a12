from __future__ import annotations

from pathlib import Path

import pytest

from .drawn import tiny as tiny_weights


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of a small network without training."""
    return tiny_weights(tmp_path_factory.mktemp("weights"))
