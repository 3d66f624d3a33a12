"""Published AOT and DeAOT checkpoints: every entry finds its place, and the network computes the published function.

The golden outputs are not in the repository (see ``golden``); weights are made by the rule in their README.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from golden import golden, how_to_get
from idpro.aot import UNUSED, aot_state_dict, detect, read_published
from idpro.checkpoint import convert_aot, load_network, read_notes
from idpro.config import preset
from idpro.errors import CheckpointError, OutputError
from idpro.model import IDPro, Memory, build
from idpro.model.identity import one_hot
from idpro.model.network import active_slots
from idpro.session.session import Session
from idpro.types import click
from idpro.video import ArrayVideo

FOLDERS = {
    **dict.fromkeys(("aott", "r50_aotl", "swinb_aotl"), golden("aot")),
    **dict.fromkeys(("deaott", "r50_deaotl", "swinb_deaotl"), golden("deaot")),
}
MODELS = tuple(FOLDERS)
pytestmark = [pytest.mark.skipif(not golden(name).is_dir(), reason=how_to_get(name)) for name in ("aot", "deaot")]


def entries(model: str) -> list[tuple[str, list[int], str]]:
    """Name, shape and kind of every published entry of ``model``."""
    document: dict[str, Any] = json.loads((FOLDERS[model] / f"{model}.json").read_text())
    return [(name, shape, kind) for name, shape, kind in document["entries"]]


def filled(name: str, shape: list[int], kind: str) -> Tensor:
    """An entry's value by the rule of the golden run."""
    if kind == "index":
        return torch.zeros(shape, dtype=torch.long)
    z = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape).astype(np.float32)
    fan = float(np.prod(shape[1:])) if len(shape) > 1 else shape[0]
    value = {
        "weight": z / np.float32(np.sqrt(fan)),
        "bias": 0.02 * z,
        "norm_weight": 1 + 0.1 * z,
        "norm_bias": 0.1 * z,
        "running_mean": 0.1 * z,
        "running_var": 1 + 0.1 * np.abs(z),
        "table": 0.02 * z,
        "count": 0 * z,
    }[kind]
    return torch.from_numpy(np.asarray(value, np.float32))


def published(model: str) -> dict[str, Tensor]:
    return {name: filled(name, shape, kind) for name, shape, kind in entries(model)}


def names(model: str) -> dict[str, Tensor]:
    """The published entries, empty: what detection and renaming need."""
    return {name: torch.empty(shape, device="meta") for name, shape, _ in entries(model)}


@torch.inference_mode()
def largest_error(network: IDPro, model: str) -> float:
    """The golden run: masks fed back, the previous frame as short-term and every second frame as long-term memory."""
    with np.load(FOLDERS[model] / f"{model}.npz") as golden:
        frames, mask, expected = (torch.from_numpy(golden[key]) for key in ("frames", "mask", "logits"))
    slots, errors = active_slots(3), []
    previous = network.memorise(network.encode(frames[:1]), one_hot(mask.long()[None]))
    memory = Memory.empty().put(0, previous)
    for index in range(1, len(frames)):
        frame = network.encode(frames[index : index + 1])
        logits, tokens, *_ = network.propagate(frame, memory, previous, slots)
        assert (logits[:, 4:] == -1e10).all()
        errors.append((logits[0, :4] - expected[index - 1]).abs().max().item())
        previous = network.memorise(frame, network.feedback(logits, frame.size), tokens)
        if index % 2 == 0:
            memory = memory.put(index, previous)
    return max(errors)


@pytest.mark.parametrize("model", MODELS)
def test_the_published_function_is_computed(model: str) -> None:
    state = published(model)
    config = detect(state)
    assert config == preset(model)
    network = build(config).eval()
    network.load_state_dict(aot_state_dict(state, config))
    assert largest_error(network, model) < 1e-4


@pytest.mark.parametrize("model", MODELS)
def test_every_published_entry_has_one_place_and_every_place_is_filled(model: str) -> None:
    state, ours = names(model), build(preset(model)).state_dict()
    renamed = aot_state_dict(state, preset(model))
    assert set(renamed) == set(ours)
    counts = {name for name in renamed if name.endswith("num_batches_tracked")}
    dropped = {name for name, _, kind in entries(model) if kind == "index"} | ({"LSTT.mask_token"} & set(state))
    assert len(renamed) - len(counts) == len(state) - len(dropped)  # no two entries share a place, none but these is lost
    for name in set(renamed) - counts:
        assert renamed[name].shape == ours[name].shape, name
    assert len(UNUSED) == 2


def test_a_published_file_converts_and_loads(tmp_path: Path) -> None:
    state = {f"module.{name}": value for name, value in published("aott").items()}
    torch.save({"state_dict": state, "optimizer": {"param_groups": [1]}}, tmp_path / "AOTT_PRE_YTB_DAV.pth")
    config = convert_aot(tmp_path / "AOTT_PRE_YTB_DAV.pth", tmp_path / "aott.safetensors")
    assert config == preset("aott")
    assert "AOTT_PRE_YTB_DAV.pth" in read_notes(tmp_path / "aott.safetensors")["origin"]
    assert largest_error(load_network(tmp_path / "aott.safetensors"), "aott") < 1e-4


def with_layers(state: dict[str, Tensor], layers: int) -> dict[str, Tensor]:
    """``state`` of one layer, its transformer repeated."""
    kept = {name: value for name, value in state.items() if not name.startswith("LSTT.")}
    for name, value in state.items():
        if name.startswith(("LSTT.layers.0.", "LSTT.decoder_norms.0.")):
            kept |= {name.replace(".0.", f".{layer}.", 1): value for layer in range(layers)}
    kept["decoder.conv_in.conv.weight"] = torch.empty(256, 256 * (layers + 1), 1, 1, device="meta")
    return kept


@pytest.mark.parametrize("model", ["aott", "deaott"])
def test_a_published_file_is_a_model_that_answers_strokes(tmp_path: Path, model: str) -> None:
    torch.save({"state_dict": published(model)}, tmp_path / "published.pth")
    network = load_network(tmp_path / "published.pth")
    assert largest_error(network, model) < 1e-4
    assert network.interaction is not None and network.config.interaction == load_network("lite").config.interaction
    assert "published.pth" in read_notes(tmp_path / "published.pth")["origin"]
    frames = [np.random.default_rng(i).integers(0, 255, (60, 80, 3)).astype(np.uint8) for i in range(3)]
    session = Session(network, ArrayVideo(frames), size=64)
    session.interact({0: [click(1, 0.3, 0.5), click(0, 0.9, 0.9)]})
    assert [frame for frame, _ in session.propagate()] == [1, 2]
    mask = session.mask(2)
    assert mask is not None and mask.shape == (60, 80)


def test_resnest_is_refused_by_its_name(tmp_path: Path) -> None:
    state = {name: torch.zeros(1) for name in names("r50_deaotl") if not name.startswith("encoder.layer")}
    state["patch_wise_id_bank.weight"] = torch.zeros(256, 11, 17, 17)
    state |= {"encoder.conv1.0.weight": torch.zeros(1), "encoder.layer1.0.conv2.fc1.weight": torch.zeros(1)}
    torch.save({"state_dict": state}, tmp_path / "RS101_DeAOTL.pth")
    refused(tmp_path / "RS101_DeAOTL.pth", "its encoder is ResNeSt-101")


@pytest.mark.parametrize("layers", [2, 3])  # AOT-S, AOT-B
def test_other_depths_are_detected(layers: int) -> None:
    state = with_layers(names("aott"), layers)
    config = detect(state)
    assert (config.encoder, config.layers) == ("mobilenetv2_100", layers)
    renamed, ours = aot_state_dict(state, config), build(config).state_dict()
    assert {name: value.shape for name, value in renamed.items()} == {name: value.shape for name, value in ours.items()}


def test_resnet_101_is_detected() -> None:
    state = names("r50_aotl")
    for block in range(6, 23):
        state |= {n.replace("layer3.5.", f"layer3.{block}."): v for n, v in names("r50_aotl").items() if ".layer3.5." in n}
    config = detect(state)
    assert (config.encoder, config.layers) == ("resnet101", 3)
    assert set(aot_state_dict(state, config)) == set(build(config).state_dict())


def refused(source: Path, *words: str) -> None:
    """Converting raises CheckpointError in one line that names the file, and writes nothing."""
    output = source.with_name("out.safetensors")
    with pytest.raises(CheckpointError) as caught:
        convert_aot(source, output)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 700
    for word in (str(source), *words):
        assert word in message
    assert not output.exists() and len(list(source.parent.iterdir())) == int(source.exists())


def test_files_that_are_not_torchs_are_refused(tmp_path: Path) -> None:
    source = tmp_path / "model.pth"
    refused(source, "no checkpoint")
    for content in (b"", b"hello", b"\x80\x02}q\x00.", b"PK\x03\x04broken"):
        source.write_bytes(content)
        refused(source, "give the .pth file that AOT published")
    torch.save({"state_dict": published("aott")}, source)
    source.write_bytes(source.read_bytes()[:100_000])
    refused(source, "not a torch checkpoint")


class Surprise:
    """Something a pickle could run code through."""


def test_pickles_of_anything_but_tensors_are_refused(tmp_path: Path) -> None:
    source = tmp_path / "model.pth"
    for content in ({"state_dict": Surprise()}, Surprise()):
        torch.save(content, source)
        refused(source, "not a torch checkpoint of plain tensors")
    for content in (
        {"state_dict": {}},
        {"state_dict": {"a": 3}},
        {"state_dict": 3},
        {"a": "b"},
        [torch.zeros(1)],
        torch.zeros(1),
    ):
        torch.save(content, source)
        refused(source, "no state_dict of named tensors")


def test_other_networks_are_refused(tmp_path: Path) -> None:
    source, state = tmp_path / "model.pth", published("aott")

    def save(**changed: Tensor | None) -> Path:
        merged = {**state, **{name.replace("__", "."): value for name, value in changed.items()}}
        torch.save({"state_dict": {name: value for name, value in merged.items() if value is not None}}, source)
        return source

    refused(save(LSTT__layers__0__linear_Q__weight=None), "no transformer and identity bank of AOT")
    refused(save(patch_wise_id_bank__weight=torch.zeros(256, 6, 17, 17)), "11 id channels")
    refused(save(encoder__features__18__0__weight=None), "its encoder is not")
    refused(save(LSTT__layers__0__linear_U__weight=torch.zeros(3)), "the entry LSTT.layers.0.linear_U.weight is none of AOT's")
    refused(save(decoder__conv_out__bias=None), "propagation.decoder.pyramid.conv_out.bias")
    refused(save(decoder__conv_out__bias=torch.zeros(5)), "propagation.decoder.pyramid.conv_out.bias")
    refused(save(patch_wise_id_bank__weight=torch.zeros(256, 11, 16, 16)), "propagation.identity.bank.weight")


def test_a_place_that_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    torch.save(published("aott"), tmp_path / "bare.pth")  # a bare state dict is understood too
    assert len(read_published(tmp_path / "bare.pth")) == len(entries("aott"))
    with pytest.raises(OutputError, match="cannot write"):
        convert_aot(tmp_path / "bare.pth", tmp_path / "bare.pth" / "out.safetensors")
