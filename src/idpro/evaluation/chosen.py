"""The method that an evaluation's options name, and what decides its results."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import cv2
import torch

from ..checkpoint import joined, load_network
from ..device import pick_device
from ..errors import ConfigError
from ..model import IDPro
from .methods import Follower, MaskFolder, Sam2Method, SessionMethod, import_method


def limit_threads(count: int | None) -> None:
    """Let torch and OpenCV compute with so many threads; None: as they are."""
    if count is not None:
        torch.set_num_threads(count)
        cv2.setNumThreads(count)


def create_method(
    name: str, model: str, propagation: str | None, size: int, device: str, sam2_config: str, pred: Path | None
) -> tuple[Any, dict[str, Any]]:
    """The method that ``--method`` names, and what decides its results (JSON values).

    Raises:
        ConfigError, CheckpointError, MissingExtra: it cannot be had.
    """
    if name == "idpro":
        network, about = chosen_network(model, propagation, device)
        return SessionMethod(network, size=size), {**about, "size": size}
    if name == "sam2":
        method = Sam2Method(model, sam2_config, device=str(pick_device(device)))
        return method, {"method": "sam2", "model": model, "weights": _file_digest(Path(model)), "sam2_config": sam2_config}
    if name == "masks":
        if pred is None:
            raise ConfigError("--method masks needs --pred, the folder of the masks")
        return MaskFolder(pred), {"method": "masks", "pred": str(pred.resolve())}
    if ":" in name:
        return import_method(name), {"method": name}
    raise ConfigError(f"--method must be idpro, sam2, masks or package.module:Class, got {name!r}")


def follower(
    name: str, model: str, propagation: str | None, size: int, device: str, threads: int | None, sam2_config: str
) -> tuple[Follower, dict[str, Any]]:
    """The method, one that follows given masks.

    Raises:
        ConfigError: it cannot.
    """
    limit_threads(threads)
    method, about = create_method(name, model, propagation, size, device, sam2_config, Path())
    if not isinstance(method, Follower):
        raise ConfigError(f"--method {name} cannot follow given masks: it has no follow(masks)")
    return method, about


def chosen_network(model: str, propagation: str | None, device: str) -> tuple[IDPro, dict[str, Any]]:
    """The network of ``--model``, with another's propagation where one is named, and what decides its results."""
    network = load_network(model, pick_device(device))
    if propagation is not None:
        network = joined(load_network(propagation, pick_device(device)), network)
    return network, {"method": "idpro", "model": model, "propagation": propagation, "weights": _weights_digest(network)}


def _weights_digest(network: IDPro) -> str:
    digest = hashlib.sha256(network.config.to_json().encode())
    for tensor in network.state_dict().values():
        digest.update(tensor.cpu().contiguous().view(-1).numpy().tobytes())
    return digest.hexdigest()[:16]


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
