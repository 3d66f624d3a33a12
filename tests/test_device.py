"""A device by name; MPS only where it computes what the CPU does. (There is none here: its numbers are the CPU's, bent.)"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from idpro import device
from idpro.device import disagreement, pick_device, trial
from idpro.errors import ConfigError


@pytest.fixture
def mps(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A machine with MPS and no CUDA."""
    empty = torch.empty
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch, "empty", lambda *shape, **options: empty(*shape))
    disagreement.cache_clear()
    yield monkeypatch
    disagreement.cache_clear()


def bent(name: str, by: float) -> object:
    """A trial whose operation ``name`` is off by so much on MPS, at one place."""

    def run(where: str) -> Iterator[tuple[str, Tensor]]:
        for operation, value in trial("cpu"):
            if where == "mps" and operation == name:
                value = value.clone()
                value.view(-1)[7] += by
            yield operation, value

    return run


def test_the_cpu_agrees_with_itself() -> None:
    disagreement.cache_clear()
    assert disagreement("cpu") is None
    assert len({name for name, _ in trial("cpu")}) == len(list(trial("cpu"))) > 10


def test_mps_that_agrees_is_taken(mps: pytest.MonkeyPatch) -> None:
    mps.setattr(device, "trial", bent("attention", 1e-4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pick_device() == pick_device("mps") == torch.device("mps")


@pytest.mark.parametrize("by", [0.5, float("nan")])
def test_mps_that_computes_otherwise_is_not(mps: pytest.MonkeyPatch, by: float) -> None:
    mps.setattr(device, "trial", bent("attention", by))
    with pytest.warns(UserWarning, match=r"mps is not used, the CPU is: its attention is off by (0\.5|nan)"):
        assert pick_device() == torch.device("cpu")
    with pytest.raises(ConfigError, match=r"mps cannot be used here: its attention is off by .*; choose cpu"):
        pick_device("mps")


def test_mps_that_lacks_an_operation_is_not(mps: pytest.MonkeyPatch) -> None:
    def lacking(where: str) -> Iterator[tuple[str, Tensor]]:
        if where == "mps":
            raise NotImplementedError("The operator 'aten::x' is not implemented for MPS")
        yield from trial(where)

    mps.setattr(device, "trial", lacking)
    with pytest.warns(UserWarning, match="it cannot run the network .*aten::x"):
        assert pick_device() == torch.device("cpu")


def test_a_device_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match="the device 'abacus' is not available: choose cpu"):
        pick_device("abacus")
    assert pick_device("cpu") == torch.device("cpu")
