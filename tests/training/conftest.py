"""Drawn data and the tiny network: a whole training run in seconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from . import drawn


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    """Runs are compared to the last bit: each adds its numbers in one order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="package")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos to learn from and one development sequence, in plain folders."""
    root = tmp_path_factory.mktemp("data")
    for number, name in enumerate(("walk", "run", "drift-turn")):
        drawn.write_video(root, name, seed=number)
    return root


@pytest.fixture
def in_float64() -> Iterator[None]:
    """What is built computes in float64, where the order of sums leaves next to nothing behind."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)
