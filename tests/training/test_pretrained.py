"""What a run begins with: ImageNet encoders that compute what timm's do, and checkpoints of either half."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from idpro.checkpoint import save_network
from idpro.config import preset
from idpro.errors import CheckpointError
from idpro.model import Memory, build
from idpro.model.encoders import build_encoder
from idpro.model.identity import one_hot
from idpro.model.network import active_slots
from idpro.training.pretrained import packaged_weights, read_weights, start_from_imagenet, starting_network
from idpro.training.recipe import Recipe, Stage

STAGES = (Stage(1),)


@pytest.mark.parametrize(
    ("name", "size"),
    [("tf_efficientnet_lite0", 64), ("test_efficientnet", 64), ("resnet50", 64), ("swin_base_patch4_window7_224", 224)],
)
@torch.no_grad()
def test_a_filled_encoder_computes_what_timm_does(name: str, size: int) -> None:
    torch.manual_seed(0)
    net = timm.create_model(name).eval()
    for buffer, value in net.named_buffers():  # batch norms away from their starting values
        if buffer.endswith("running_mean"):
            value.normal_(0, 0.1)
        if buffer.endswith("running_var"):
            value.uniform_(0.5, 1.5)
    encoder = build_encoder(name, extra_channels=4, stride32=True).eval()
    start_from_imagenet(encoder, name, net.state_dict())
    images = torch.randn(1, 3, size, size)
    maps = encoder(torch.cat([images, torch.zeros(1, 4, size, size)], 1))
    if name.startswith("swin"):  # up to stride 16: on a map of one window timm no longer shifts; the last norm is ours
        theirs = net.layers[:3](net.patch_embed(images))
        ours, theirs = maps.s16, torch.layer_norm(theirs, theirs.shape[-1:]).permute(0, 3, 1, 2)
    elif name.startswith("resnet"):
        ours, theirs = maps.s32, net.forward_features(images)
    else:  # ours takes ImageNet's mean and deviation, whatever timm's was trained with
        images = images * encoder.scale[:, :3] + encoder.shift[:, :3]  # type: ignore[index]
        ours, theirs = maps.s32, net.blocks(net.bn1(net.conv_stem(images)))
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_strokes_change_nothing_before_the_first_step() -> None:
    """Input channels beyond RGB begin at zero."""
    encoder = build_encoder("tf_efficientnet_lite0", extra_channels=4, stride32=True)
    start_from_imagenet(encoder, "tf_efficientnet_lite0", packaged_weights())
    stem = encoder.conv_stem.weight  # type: ignore[union-attr]
    assert not stem[:, 3:].any() and stem[:, :3].any()  # type: ignore[index]


def test_lite_begins_with_packaged_weights_in_both_encoders() -> None:
    network = starting_network(Recipe("interaction", STAGES))
    assert network.interaction is not None
    blocks = network.encoder.state_dict()
    again = network.interaction.encoder.state_dict()
    assert all(torch.equal(blocks[name], again[name]) for name in blocks if name.startswith("blocks."))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_other_presets_begin_with_a_file(tmp_path: Path, suffix: str) -> None:
    torch.manual_seed(1)
    weights = timm.create_model("test_efficientnet").state_dict()
    path = str(tmp_path / f"weights{suffix}")
    torch.save(weights, path) if suffix == ".pth" else save_file(weights, path)
    a, b = (starting_network(Recipe("propagation", STAGES, preset="tiny", imagenet=path)) for _ in range(2))
    plain = starting_network(Recipe("propagation", STAGES, preset="tiny"))
    assert torch.equal(a.encoder.conv_stem.weight, b.encoder.conv_stem.weight)  # type: ignore[union-attr, arg-type]
    assert not torch.equal(a.encoder.conv_stem.weight, plain.encoder.conv_stem.weight)  # type: ignore[union-attr, arg-type]


def test_wrong_weights_are_told(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"cannot read ImageNet weights from .*absent\.pth"):
        read_weights(str(tmp_path / "absent.pth"))
    (tmp_path / "noise.safetensors").write_bytes(b"noise")
    with pytest.raises(CheckpointError, match="cannot read ImageNet weights"):
        read_weights(str(tmp_path / "noise.safetensors"))
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(CheckpointError, match="it is not a table of tensors"):
        read_weights(str(tmp_path / "list.pth"))
    other = timm.create_model("test_efficientnet").state_dict()
    with pytest.raises(CheckpointError, match="not those of tf_efficientnet_lite0"):
        start_from_imagenet(build_encoder("tf_efficientnet_lite0"), "tf_efficientnet_lite0", other)
    with pytest.raises(CheckpointError, match="have no tensor for conv1"):
        start_from_imagenet(build_encoder("resnet50"), "resnet50", other)


def test_a_checkpoint_is_gone_on_from(tmp_path: Path) -> None:
    torch.manual_seed(2)
    before = build(preset("tiny"))
    save_network(tmp_path / "a.safetensors", before, half=False)
    after = starting_network(Recipe("propagation", STAGES, preset="tiny", start=str(tmp_path / "a.safetensors")))
    assert all(torch.equal(before.state_dict()[name], value) for name, value in after.state_dict().items())


def test_a_propagation_only_checkpoint_fills_its_half(tmp_path: Path) -> None:
    from dataclasses import replace

    only = build(replace(preset("tiny"), interaction=None))
    save_network(tmp_path / "a.safetensors", only, half=False)
    after = starting_network(Recipe("interaction", STAGES, preset="tiny", start=str(tmp_path / "a.safetensors")))
    assert after.interaction is not None and after.config == preset("tiny")
    for half in ("encoder", "propagation"):
        theirs = getattr(only, half).state_dict()
        assert all(torch.equal(theirs[name], value) for name, value in getattr(after, half).state_dict().items())


def test_a_checkpoint_that_is_missing_or_of_another_network_is_told(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"starts from runs/x/network\.safetensors, which is not there: train the recipe"):
        starting_network(Recipe("propagation", STAGES, preset="tiny", start="runs/x/network.safetensors"))
    save_network(tmp_path / "a.safetensors", build(preset("tiny")))
    with pytest.raises(CheckpointError, match="is not a checkpoint of the preset 'lite'"):
        starting_network(Recipe("propagation", STAGES, start=str(tmp_path / "a.safetensors")))


def test_a_network_without_whole_objects_grows_into_one_with_them(tmp_path: Path) -> None:
    """They start at zero effect: the grown network computes what the other did."""
    torch.manual_seed(0)
    small = build(replace(preset("tiny"), object_width=0)).eval()
    save_network(tmp_path / "small.safetensors", small, half=False)
    grown = starting_network(Recipe("propagation", STAGES, preset="tiny", start=str(tmp_path / "small.safetensors"))).eval()
    assert grown.config == preset("tiny")
    images, tags = torch.randn(2, 3, 64, 64), one_hot(torch.arange(64 * 64).view(1, 64, 64) // 1500)
    logits = []
    for network in (small, grown):
        first, second = (network.encode(image[None]) for image in images)
        entry = network.memorise(first, tags)
        logits.append(network.propagate(second, Memory.empty().put(0, entry), entry, active_slots(2)).logits)
    assert torch.equal(*logits)


def test_a_network_of_another_shape_does_not_grow(tmp_path: Path) -> None:
    other = build(replace(preset("tiny"), object_width=0, layers=2))
    save_network(tmp_path / "other.safetensors", other)
    with pytest.raises(CheckpointError, match="not a checkpoint of the preset"):
        starting_network(Recipe("propagation", STAGES, preset="tiny", start=str(tmp_path / "other.safetensors")))
