"""Checkpoints: there and back, strictly, and one clear line for every file that is not one."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from idpro import checkpoint
from idpro.checkpoint import FORMAT, STRICTEST_TERMS, join, joined, load_network, read_notes, save_network, shipped_models
from idpro.config import preset
from idpro.errors import CheckpointError, OutputError
from idpro.model import IDPro, Memory, build
from idpro.model.identity import one_hot
from idpro.model.network import active_slots


@pytest.fixture(scope="module")
def network() -> IDPro:
    torch.manual_seed(0)
    return build(preset("tiny")).eval()


@pytest.fixture
def saved(network: IDPro, tmp_path: Path) -> Path:
    path = tmp_path / "tiny.safetensors"
    save_network(path, network, {"steps": "12"}, half=False)
    return path


@torch.inference_mode()
def logits(network: IDPro) -> torch.Tensor:
    """What ``network`` says of a fixed pair of frames."""
    frames = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    masks = one_hot(torch.arange(64).view(1, 1, 64).expand(1, 64, 64) // 32)
    entry = network.memorise(network.encode(frames[:1]), masks)
    return network.propagate(network.encode(frames[1:]), Memory.empty().put(0, entry), entry, active_slots(1)).logits[:, :2]


def test_a_saved_network_comes_back(network: IDPro, saved: Path) -> None:
    again = load_network(saved)
    assert again.config == network.config and not again.training
    assert list(again.state_dict()) == list(network.state_dict())
    for name, value in network.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name
    torch.testing.assert_close(logits(again), logits(network))


def test_half_precision_is_for_the_file_only(network: IDPro, tmp_path: Path) -> None:
    path = tmp_path / "half.safetensors"
    save_network(path, network)
    assert {t.dtype for t in load_file(path).values() if t.is_floating_point()} == {torch.float16}
    again = load_network(path)
    assert {p.dtype for p in again.parameters()} == {torch.float32}
    torch.testing.assert_close(logits(again), logits(network), atol=0.02, rtol=0.02)


def test_notes_travel_with_the_weights(saved: Path) -> None:
    notes = read_notes(saved)
    assert notes["steps"] == "12" and notes["format"] == FORMAT and json.loads(notes["config"])["encoder"] == "test_efficientnet"


def test_a_name_is_a_shipped_model_and_a_path_a_file(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = saved.parent / "package"
    (package / "weights").mkdir(parents=True)
    (package / "weights" / "small.safetensors").write_bytes(saved.read_bytes())
    monkeypatch.setattr(checkpoint.resources, "files", lambda name: package)
    assert shipped_models() == ("small",)
    assert load_network("small").config == preset("tiny")
    assert load_network(str(saved)).config == preset("tiny")
    with pytest.raises(
        CheckpointError, match=r"called huge: shipped models are small; or give a \.safetensors file, or AOT's \.pth"
    ):
        load_network("huge")


def refused(path: Path | str, *words: str) -> None:
    """Loading raises CheckpointError in one line that has the file's name and ``words``."""
    with pytest.raises(CheckpointError) as caught:
        load_network(path)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 700
    for word in (str(path), *words):
        assert word in message


def rewritten(saved: Path, metadata: dict[str, str] | None = None, **tensors: torch.Tensor | None) -> Path:
    """``saved`` with other metadata or tensors (None removes one)."""
    state = {**load_file(saved), **{k.replace("__", "."): v for k, v in tensors.items()}}
    path = saved.with_name("other.safetensors")
    kept = {name: value for name, value in state.items() if value is not None}
    save_file(kept, path, metadata=read_notes(saved) if metadata is None else metadata)
    return path


def test_files_that_are_no_checkpoint_are_refused(saved: Path, tmp_path: Path) -> None:
    refused(tmp_path / "missing.safetensors", "no model or checkpoint file")
    refused(tmp_path, "no model or checkpoint file")
    refused("x" * 300, "no model or checkpoint file")
    for content in (b"", b"hello", saved.read_bytes()[:5000], b"\xff" * 64):
        path = tmp_path / "broken.safetensors"
        path.write_bytes(content)
        refused(path, "not a safetensors file")
    torch.save({"state_dict": {}}, tmp_path / "published.pth")
    refused(tmp_path / "published.pth", "holds no state_dict of named tensors")


def test_checkpoints_of_others_are_refused(saved: Path) -> None:
    refused(rewritten(saved, metadata={}), "not a checkpoint of IDPro", "the .pth file that AOT published")
    refused(rewritten(saved, metadata={**read_notes(saved), "format": "idpro-99"}), FORMAT)
    refused(rewritten(saved, metadata={"format": FORMAT}), "not a checkpoint of IDPro")


def test_weights_must_fit_their_configuration_exactly(saved: Path) -> None:
    notes = read_notes(saved)
    name = "propagation__projector__bias"
    refused(rewritten(saved, **{name: None}), "another network", "propagation.projector.bias")
    refused(rewritten(saved, **{name: torch.zeros(7)}), "another network", "propagation.projector.bias")
    refused(rewritten(saved, colour=torch.zeros(7)), "another network", "colour")
    refused(rewritten(saved, metadata={**notes, "config": preset("lite").to_json()}), "another network")
    for config in ("{}", "no json", notes["config"].replace("test_efficientnet", "vgg"), notes["config"].replace("32", '"a"')):
        refused(rewritten(saved, metadata={**notes, "config": config}), "another network or version")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_no_numbers_are_refused(saved: Path, value: float) -> None:
    broken = load_file(saved)["propagation.projector.bias"]
    broken[3] = value
    refused(rewritten(saved, propagation__projector__bias=broken), "weights that are no numbers (propagation.projector.bias)")


@pytest.mark.parametrize(
    ("field", "value"), [("layers", 1_000_000_000), ("self_heads", 0), ("norm_groups", "x"), ("encoder", None), ("width", 10**12)]
)
def test_a_configuration_is_judged_before_anything_is_built(
    saved: Path, field: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(config: object) -> IDPro:
        raise AssertionError("it was built")

    monkeypatch.setattr(checkpoint, "build", never)
    notes = read_notes(saved)
    config = json.dumps({**json.loads(notes["config"]), field: value})
    refused(rewritten(saved, metadata={**notes, "config": config}), "another network or version", field)


def test_places_that_cannot_be_written_to_are_refused(network: IDPro, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write") as caught:
        save_network(tmp_path / "file" / "tiny.safetensors", network)
    assert "\n" not in str(caught.value)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="cannot write"):
        save_network(tmp_path / "folder", network)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


def test_a_failure_half_way_leaves_the_old_file(saved: Path, network: IDPro, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()

    def fails(path: Path, content: bytes) -> int:
        with path.open("wb") as file:
            file.write(content[:1000])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fails)
    with pytest.raises(OutputError, match="No space left"):
        save_network(saved, network)
    assert saved.read_bytes() == before and len(list(saved.parent.iterdir())) == 1


def test_missing_folders_are_made_and_the_file_is_an_ordinary_one(network: IDPro, tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "tiny.safetensors"
    save_network(path, network)
    assert load_network(path).config == network.config
    (tmp_path / "plain").write_text("")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_the_interaction_of_one_with_the_propagation_of_another_in_memory(network: IDPro) -> None:
    only = build(replace(preset("tiny"), interaction=None, gated=True, self_heads=1, match_heads=1))
    both = joined(only, network)
    assert both.interaction is network.interaction and not both.training
    assert both.propagation is only.propagation and both.encoder is only.encoder
    assert both.config == replace(only.config, interaction=network.config.interaction)


def test_two_halves_become_one(tmp_path: Path) -> None:
    torch.manual_seed(1)
    first, second = build(preset("tiny")), build(preset("tiny"))
    save_network(tmp_path / "a.safetensors", first, {"step": "10"}, half=False)
    save_network(tmp_path / "b.safetensors", second, {"step": "20"}, half=False)
    joined = join(tmp_path / "a.safetensors", tmp_path / "b.safetensors", tmp_path / "ab.safetensors")
    network = load_network(tmp_path / "ab.safetensors")
    assert joined == network.config == preset("tiny")
    for name, value in network.state_dict().items():
        source = second if name.startswith("interaction.") else first
        assert torch.equal(value, source.state_dict()[name].half().float()), name
    notes = read_notes(tmp_path / "ab.safetensors")
    assert (notes["propagation.step"], notes["interaction.step"], notes["format"]) == ("10", "20", FORMAT)
    assert notes["terms"] == STRICTEST_TERMS
    join(tmp_path / "a.safetensors", tmp_path / "b.safetensors", tmp_path / "mine.safetensors", "CC BY 4.0")
    assert read_notes(tmp_path / "mine.safetensors")["terms"] == "CC BY 4.0"
    join(tmp_path / "a.safetensors", tmp_path / "ab.safetensors", tmp_path / "again.safetensors")  # the next run's propagation
    again = read_notes(tmp_path / "again.safetensors")
    assert {key for key in again if "." in key} == {"propagation.step", "interaction.step"} and again["interaction.step"] == "20"


def test_a_propagation_only_half_gets_an_interaction(tmp_path: Path) -> None:
    only = build(replace(preset("tiny"), interaction=None))
    save_network(tmp_path / "only.safetensors", only)
    save_network(tmp_path / "b.safetensors", build(preset("tiny")))
    assert join(tmp_path / "only.safetensors", tmp_path / "b.safetensors", tmp_path / "ab.safetensors") == preset("tiny")
    with pytest.raises(CheckpointError, match=r"only\.safetensors has no interaction module"):
        join(tmp_path / "b.safetensors", tmp_path / "only.safetensors", tmp_path / "ba.safetensors")


def test_halves_of_different_networks_stay_apart(tmp_path: Path) -> None:
    save_network(tmp_path / "a.safetensors", build(preset("tiny")))
    save_network(tmp_path / "b.safetensors", build(replace(preset("tiny"), encoder="resnet18")))
    with pytest.raises(CheckpointError, match=r"\(test_efficientnet\) and .* \(resnet18\) are halves of different networks"):
        join(tmp_path / "a.safetensors", tmp_path / "b.safetensors", tmp_path / "ab.safetensors")
    assert not (tmp_path / "ab.safetensors").exists()


def test_what_ships_says_what_it_may_be_used_for() -> None:
    """``idpro convert join`` writes it; a shipped file without it was not made by it."""
    assert shipped_models()
    for model in shipped_models():
        assert "non-commercial" in read_notes(model)["terms"]
