"""Published AOT and DeAOT checkpoints (github.com/yoxu515/aot-benchmark) as networks of ours, by name, entry by entry.

AOT-T, -S, -B and -L with MobileNetV2, R50-AOTL, R101-AOTL and SwinB-AOTL are understood, and DeAOT with the same encoders. Every
published entry must be known and every one of ours filled; the few entries that take no part in the function are dropped by name
(``UNUSED``).
"""

from __future__ import annotations

import dataclasses
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .config import ID_CHANNELS, ModelConfig, preset
from .errors import CheckpointError
from .model import IDPro, build

UNUSED = (
    r"LSTT\.mask_token",  # declared by AOT, read by nothing
    r"encoder\.layers\.\d+\.blocks\.\d+\.attn\.relative_position_index",  # a constant of the window's size, computed here
)

# published name -> ours, first match wins; what no rule knows is an error
_PYRAMID = (
    (r"decoder\.conv_in\.conv\.", "conv_in.conv."),
    (r"decoder\.conv_in\.gn\.", "conv_in.norm."),
    (r"decoder\.conv_(16|8|4)x\.conv\.", r"conv_\1.conv."),
    (r"decoder\.conv_(16|8|4)x\.gn\.", r"conv_\1.norm."),
    (r"decoder\.adapter_(16|8|4)x\.", r"skip_\1."),
    (r"decoder\.conv_out\.", "conv_out."),
)
_SHARED = ((r"encoder_projector\.", "propagation.projector."), (r"patch_wise_id_bank\.", "propagation.identity.bank."))
TRANSFORMER = (
    *_SHARED,
    (r"LSTT\.decoder_norms\.(\d+)\.", r"propagation.norms.\1."),
    (r"LSTT\.layers\.(\d+)\.(norm\d|linear[12])\.", r"propagation.layers.\1.\2."),
    (r"LSTT\.layers\.(\d+)\.linear_Q\.", r"propagation.layers.\1.query."),
    (r"LSTT\.layers\.(\d+)\.linear_V\.", r"propagation.layers.\1.value."),
    (r"LSTT\.layers\.(\d+)\.(long|short)_term_attn\.projection\.", r"propagation.layers.\1.\2_projection."),
    (r"LSTT\.layers\.(\d+)\.short_term_attn\.relative_emb_k\.", r"propagation.layers.\1.relative_key."),
    (r"LSTT\.layers\.(\d+)\.short_term_attn\.relative_emb_v$", r"propagation.layers.\1.relative_value"),
    (r"LSTT\.layers\.(\d+)\.self_attn\.linear_Q\.", r"propagation.layers.\1.self_attention.query."),
    (r"LSTT\.layers\.(\d+)\.self_attn\.linear_K\.", r"propagation.layers.\1.self_attention.key."),
    (r"LSTT\.layers\.(\d+)\.self_attn\.linear_V\.", r"propagation.layers.\1.self_attention.value."),
    (r"LSTT\.layers\.(\d+)\.self_attn\.projection\.", r"propagation.layers.\1.self_attention.projection."),
    (r"LSTT\.layers\.(\d+)\.activation\.gn\.", r"propagation.layers.\1.activation.norm."),
    (r"LSTT\.layers\.(\d+)\.activation\.conv\.", r"propagation.layers.\1.activation.conv."),
    *((theirs, f"propagation.decoder.pyramid.{ours}") for theirs, ours in _PYRAMID),
)
GATED = (  # DeAOT
    *_SHARED,
    (r"id_norm\.", "propagation.identity_norm."),
    (r"LSTT\.decoder_norms\.0\.gn\.", "propagation.norm."),
    (r"LSTT\.layers\.(\d+)\.norm(\d)\.", r"propagation.layers.\1.norm\2."),
    (r"LSTT\.layers\.(\d+)\.id_norm(\d)\.", r"propagation.layers.\1.identity_norm\2."),
    (r"LSTT\.layers\.(\d+)\.linear_QV\.", r"propagation.layers.\1.query_value."),
    (r"LSTT\.layers\.(\d+)\.linear_U\.", r"propagation.layers.\1.gate."),
    (r"LSTT\.layers\.(\d+)\.linear_ID_V\.", r"propagation.layers.\1.identity_value."),
    (r"LSTT\.layers\.(\d+)\.linear_ID_U\.", r"propagation.layers.\1.identity_gate."),
    (r"LSTT\.layers\.(\d+)\.short_term_attn\.relative_emb_k\.", r"propagation.layers.\1.relative_key."),
    (r"LSTT\.layers\.(\d+)\.(long|short)_term_attn\.dw_conv\.conv\.", r"propagation.layers.\1.\2.conv."),
    (r"LSTT\.layers\.(\d+)\.(long|short)_term_attn\.projection\.", r"propagation.layers.\1.\2.projection."),
    (r"LSTT\.layers\.(\d+)\.self_attn\.linear_QK\.", r"propagation.layers.\1.self_attention.query."),
    (r"LSTT\.layers\.(\d+)\.self_attn\.linear_V1\.", r"propagation.layers.\1.self_attention.value."),
    (r"LSTT\.layers\.(\d+)\.self_attn\.linear_V2\.", r"propagation.layers.\1.self_attention.identity_value."),
    (r"LSTT\.layers\.(\d+)\.self_attn\.linear_U1\.", r"propagation.layers.\1.self_attention.gate."),
    (r"LSTT\.layers\.(\d+)\.self_attn\.linear_U2\.", r"propagation.layers.\1.self_attention.identity_gate."),
    (r"LSTT\.layers\.(\d+)\.self_attn\.dw_conv\.conv\.", r"propagation.layers.\1.self_attention.out.conv."),
    (r"LSTT\.layers\.(\d+)\.self_attn\.projection\.", r"propagation.layers.\1.self_attention.out.projection."),
    *((theirs, f"propagation.decoder.{ours}") for theirs, ours in _PYRAMID),
)
RESNET = ((r"encoder\.(conv1|bn1|layer[123]\.)", r"encoder.\1"),)
SWIN = (
    (r"encoder\.(patch_embed\.|layers\.\d+\.blocks\.)", r"encoder.\1"),
    # there a stage ends with the halving, in timm the next one begins with it
    (r"encoder\.layers\.0\.downsample\.", "encoder.layers.1.downsample."),
    (r"encoder\.layers\.1\.downsample\.", "encoder.layers.2.downsample."),
    (r"encoder\.norm(\d)\.", r"encoder.norms.\1."),
)
_STAGES = (1, 2, 3, 4, 3, 3, 1)  # MobileNetV2's blocks a stage: there they are numbered through, in timm by stage
_BLOCKS = [(stage, block) for stage, count in enumerate(_STAGES) for block in range(count)]
MOBILENET = (
    (r"encoder\.features\.0\.0\.", "encoder.conv_stem."),
    (r"encoder\.features\.0\.1\.", "encoder.bn1."),
    (r"encoder\.features\.18\.0\.", "encoder.conv_head."),
    (r"encoder\.features\.18\.1\.", "encoder.bn2."),
    # the first block has no expansion: depthwise, then pointwise
    (r"encoder\.features\.1\.conv\.0\.0\.", "encoder.blocks.0.0.conv_dw."),
    (r"encoder\.features\.1\.conv\.0\.1\.", "encoder.blocks.0.0.bn1."),
    (r"encoder\.features\.1\.conv\.1\.", "encoder.blocks.0.0.conv_pw."),
    (r"encoder\.features\.1\.conv\.2\.", "encoder.blocks.0.0.bn2."),
    *(
        (rf"encoder\.features\.{number}\.conv\.{theirs}\.", f"encoder.blocks.{stage}.{block}.{ours}.")
        for number, (stage, block) in enumerate(_BLOCKS[1:], start=2)
        for theirs, ours in (
            (r"0\.0", "conv_pw"), (r"0\.1", "bn1"), (r"1\.0", "conv_dw"), (r"1\.1", "bn2"), ("2", "conv_pwl"), ("3", "bn3"),
        )
    ),
)  # fmt: skip
_ENCODERS = {"mobilenetv2": MOBILENET, "resnet": RESNET, "swin": SWIN}


def published_network(source: str | Path) -> IDPro:
    """The published checkpoint ``source`` as a propagation-only network of ours, in eval mode.

    Raises:
        CheckpointError: not a file of torch, not AOT's or DeAOT's, or another network than those understood.
    """
    state = read_published(source)
    try:
        config = detect(state)
        network = build(config)
        network.load_state_dict(aot_state_dict(state, config))
    except RuntimeError as error:  # an entry of another shape, or one that is missing
        raise CheckpointError(
            f"{source} is not an AOT checkpoint that IDPro understands: {' '.join(str(error).split())[:300]}"
        ) from error
    except CheckpointError as error:
        raise CheckpointError(f"{source} is not an AOT checkpoint that IDPro understands: {error}") from error
    return network.eval()


def read_published(path: str | Path) -> dict[str, Tensor]:
    """The entries of a published checkpoint: a torch file with ``state_dict`` (or nothing around it), ``module.`` removed.

    Raises:
        CheckpointError: the file is missing, or torch cannot read it as plain tensors, or holds something else.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # of torch about old pickles
            content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(f"no checkpoint is at {path}") from error
    except Exception as error:  # a broken pickle raises whatever its bytes happen to spell
        raise CheckpointError(
            f"{path} is not a torch checkpoint of plain tensors: give the .pth file that AOT published"
        ) from error
    state = content.get("state_dict", content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise CheckpointError(f"{path} holds no state_dict of named tensors: give the .pth file that AOT published")
    return {str(name).removeprefix("module."): value for name, value in state.items()}


def detect(state: Mapping[str, Tensor]) -> ModelConfig:
    """The configuration of the network whose published entries are ``state``, from their names and shapes.

    Raises:
        CheckpointError: they are neither AOT's nor DeAOT's, or their encoder is not one of those understood.
    """
    gated = "LSTT.layers.0.linear_QV.weight" in state and "id_norm.weight" in state
    if not (gated or "LSTT.layers.0.linear_Q.weight" in state) or "patch_wise_id_bank.weight" not in state:
        raise CheckpointError("it has no transformer and identity bank of AOT or DeAOT (others are not understood)")
    layers = len({name.split(".")[2] for name in state if name.startswith("LSTT.layers.")})
    bank = state["patch_wise_id_bank.weight"]
    if bank.ndim != 4 or bank.shape[1] != ID_CHANNELS:
        raise CheckpointError(f"its identity bank has shape {tuple(bank.shape)}, expected {ID_CHANNELS} id channels")
    config = _detect_encoder(state)
    if gated:
        config = dataclasses.replace(config, gated=True, self_heads=1, match_heads=1)
    return dataclasses.replace(config, layers=layers)


def _detect_encoder(state: Mapping[str, Tensor]) -> ModelConfig:
    if "encoder.features.18.0.weight" in state:
        return preset("aott")
    if "encoder.conv1.0.weight" in state and any(".conv2.fc1." in name for name in state):
        raise CheckpointError(
            "its encoder is ResNeSt-101, which IDPro does not have: take the weights with R50, Swin-B or MobileNetV2"
        )
    if "encoder.layer1.0.conv1.weight" in state:
        blocks = len({name.split(".")[2] for name in state if name.startswith("encoder.layer3.")})
        names = {6: "resnet50", 23: "resnet101"}
        if blocks in names:
            return dataclasses.replace(preset("r50_aotl"), encoder=names[blocks])
    elif "encoder.patch_embed.proj.weight" in state and state["encoder.patch_embed.proj.weight"].shape[0] == 128:
        return preset("swinb_aotl")
    raise CheckpointError("its encoder is not MobileNetV2, ResNet-50, ResNet-101 or Swin-B")


def aot_state_dict(state: Mapping[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
    """Published entries under our names, to be loaded strictly into ``build(config)``.

    Raises:
        CheckpointError: an entry that no rule knows.
    """
    rules = (GATED if config.gated else TRANSFORMER) + next(
        rules for prefix, rules in _ENCODERS.items() if config.encoder.startswith(prefix)
    )
    renamed = {
        _rename(name, rules): value for name, value in state.items() if not any(re.fullmatch(pattern, name) for pattern in UNUSED)
    }
    for name in list(renamed):  # AOT's frozen batch norms count no batches
        if name.endswith(".running_mean"):
            renamed.setdefault(name.removesuffix("running_mean") + "num_batches_tracked", torch.tensor(0))
    return renamed


def _rename(name: str, rules: tuple[tuple[str, str], ...]) -> str:
    for pattern, replacement in rules:
        renamed, count = re.subn(f"^{pattern}", replacement, name, count=1)
        if count:
            return renamed
    raise CheckpointError(f"the entry {name} is none of AOT's")
