"""Checkpoints: one safetensors file with the network's configuration inside, loaded strictly.

``load_network("lite")`` gives the weights that ship with the package; a path gives a checkpoint of ``save_network``, or AOT's
and DeAOT's propagation, as published, with the shipped interaction module for strokes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialise
from torch import Tensor

from .aot import published_network
from .atomic import atomic_file
from .config import ModelConfig
from .errors import CheckpointError, ConfigError
from .model import IDPro, build

PUBLISHED_SUFFIXES = (".pth", ".pt")
FORMAT = "idpro-1"  # raised when a checkpoint of before can no longer be read
STRICTEST_TERMS = "research and non-commercial use, because of the training data"


def shipped_models() -> tuple[str, ...]:
    """The names of the models whose weights come with the package."""
    folder = resources.files("idpro") / "weights"
    if not folder.is_dir():
        return ()
    return tuple(
        sorted(entry.name.removesuffix(".safetensors") for entry in folder.iterdir() if entry.name.endswith(".safetensors"))
    )


def load_network(model: str | Path = "lite", device: str | torch.device = "cpu") -> IDPro:
    """A network in eval mode with the weights called ``model`` (shipped) or in the file ``model``.

    A ``.pth`` file is one that AOT or DeAOT published: it propagates, and the interaction module of ``lite`` answers strokes.

    Raises:
        CheckpointError: no such file or model, not a checkpoint of IDPro, or weights that are NaN or infinite or do not fit
            their configuration.
    """
    path = weights_path(model)
    if path.suffix in PUBLISHED_SUFFIXES:
        network = published_network(path)
        return (joined(network, load_network()) if "lite" in shipped_models() else network).to(device)
    metadata, tensors = _read(path)
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise CheckpointError(f"{path} has weights that are no numbers ({name}): the run broke, take an earlier checkpoint")
    if metadata.get("format") != FORMAT or "config" not in metadata:
        raise CheckpointError(
            f"{path} is not a checkpoint of IDPro (format {FORMAT}): give one saved by IDPro, or the .pth file that AOT published"
        )
    try:
        network = build(ModelConfig.from_json(metadata["config"]))
        network.load_state_dict(
            {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
        )
    except (ConfigError, RuntimeError, TypeError, ValueError, ArithmeticError) as error:  # as torch's modules put it
        raise CheckpointError(f"{path} belongs to another network or version of IDPro: {_first_line(error)}") from error
    return network.to(device).eval()


def save_network(path: str | Path, network: IDPro, notes: Mapping[str, str] | None = None, *, half: bool = True) -> None:
    """Write the network's weights (fp16 where ``half``), configuration and ``notes``; atomically.

    Raises:
        OutputError: the place cannot be written to.
    """
    tensors = {
        name: (t.half() if half and t.is_floating_point() else t).detach().cpu().contiguous()
        for name, t in network.state_dict().items()
    }
    metadata = {**(notes or {}), "format": FORMAT, "config": network.config.to_json()}
    with atomic_file(path) as temporary:
        temporary.write_bytes(serialise(tensors, metadata=metadata))  # safetensors' own files are for their owner only


def convert_aot(source: str | Path, output: str | Path) -> ModelConfig:
    """Write the published AOT or DeAOT checkpoint ``source`` as a propagation-only checkpoint of ours (fp32) at ``output``.

    Returns:
        The configuration of the network.

    Raises:
        CheckpointError: not a file of torch, not theirs, or another network than those understood.
        OutputError: ``output`` cannot be written to.
    """
    network = published_network(source)
    save_network(output, network, {"origin": _origin(Path(source))}, half=False)
    return network.config


def joined(propagation: IDPro, interaction: IDPro) -> IDPro:
    """The encoder and propagation of one network with the interaction module of another, in memory; their encoders may differ."""
    config = replace(propagation.config, interaction=interaction.config.interaction)
    return IDPro(config, propagation.encoder, propagation.propagation, interaction.interaction).eval()


def join(propagation: str | Path, interaction: str | Path, output: str | Path, terms: str | None = None) -> ModelConfig:
    """One checkpoint from two runs' halves: encoder and propagation of the first, the interaction module of the second.

    The first may be propagation only (published AOT weights). Notes of both are kept, under their half's name.

    Args:
        propagation, interaction: shipped models or checkpoint files.
        output: the .safetensors file to write.
        terms: what the weights may be used for, kept in the file as the note ``terms``; None: STRICTEST_TERMS.

    Returns:
        The configuration of what was written.

    Raises:
        CheckpointError: one of them is no checkpoint, the second has no interaction module, or they belong to networks of
            different encoders.
        OutputError: the place cannot be written to.
    """
    first, second = load_network(propagation), load_network(interaction)
    if second.interaction is None:
        raise CheckpointError(f"{interaction} has no interaction module (propagation only): give a run that trained one")
    if first.config.encoder != second.config.encoder or first.config.normalized_match != second.config.normalized_match:
        raise CheckpointError(
            f"{propagation} ({first.config.encoder}) and {interaction} ({second.config.encoder}) are halves of different "
            "networks: join two runs of one preset"
        )
    config = replace(first.config, interaction=second.config.interaction)
    network = build(config)
    network.encoder.load_state_dict(first.encoder.state_dict())
    network.propagation.load_state_dict(first.propagation.state_dict())
    assert network.interaction is not None
    network.interaction.load_state_dict(second.interaction.state_dict())
    notes = {**_notes_of("propagation", propagation), **_notes_of("interaction", interaction)}
    save_network(output, network, {**notes, "terms": terms or STRICTEST_TERMS})
    return config


def _notes_of(half: str, model: str | Path) -> dict[str, str]:
    """A checkpoint's notes on one half, under that half's name; of a joined one those of the same half."""
    notes = {key: value for key, value in read_notes(model).items() if key not in ("format", "config")}
    own = {key: value for key, value in notes.items() if key.startswith(f"{half}.")}
    return own or {f"{half}.{key}": value for key, value in notes.items()}


def read_notes(model: str | Path) -> dict[str, str]:
    """A checkpoint's notes: what it was trained on, for how long, its format and configuration; a published one's origin."""
    path = weights_path(model)
    if path.suffix in PUBLISHED_SUFFIXES:
        return {"origin": _origin(path)}
    return _read(path)[0]


def _origin(published: Path) -> str:
    return f"AOT (github.com/yoxu515/aot-benchmark), converted from {published.name}"


def weights_path(model: str | Path) -> Path:
    """The file of a shipped model or of a checkpoint; CheckpointError if there is none."""
    if model in shipped_models():
        return Path(str(resources.files("idpro") / "weights" / f"{model}.safetensors"))
    path = Path(model)
    if not os.path.isfile(path):  # false also of a name that no file can have
        names = ", ".join(shipped_models()) or "none"
        raise CheckpointError(
            f"no model or checkpoint file is called {model}: shipped models are {names}; or give a .safetensors file, "
            "or AOT's .pth"
        )
    return path


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    try:
        with safe_open(str(path), framework="pt") as file:
            return file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is not a safetensors file: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
