"""The configuration of a network: a small frozen value that travels inside its checkpoint.

``PRESETS`` names the networks one can build: ``lite`` (CPUs, the default), ``r50`` and ``swinb`` (the paper's),
``aott``, ``r50_aotl``, ``swinb_aotl``, ``deaott``, ``r50_deaotl``, ``swinb_deaotl`` (propagation exactly as published by AOT
and DeAOT) and ``tiny`` (tests).
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, ClassVar

from .errors import ConfigError
from .fields import Bounds, Checked, read_fields

MAX_OBJECTS = 10  # object slots of one pass; more objects run in groups of ten (paper, figure 7)
ID_CHANNELS = MAX_OBJECTS + 1  # channel 0 is the background


@dataclass(frozen=True)
class InteractionConfig(Checked):
    """The Across-Frame Interaction module (paper, section III-B).

    Attributes:
        width: channels of the attention and of the FrameEnhancer.
        heads: heads of the deformable and of the across-frame attention.
        points: sampling points a head and level of the deformable attention.
        across_frame: False leaves AFA out (the baseline of table II).
        tag_readout: the scribbles' tags ride along the across-frame attention into the id logits (ours).
        refine_width: channels of the id-tied refinement of tags (ours); 0 leaves it out.
        sizes: short sides in pixels at which it is shown the frames, ascending; the mean of what it says counts. Empty: as
            large as the session works at. What an object is shows at the scale it was trained at, its border at a larger one.
    """

    BOUNDS: ClassVar[Bounds] = {
        "width": (1, 4096),
        "heads": (1, 64),
        "points": (1, 64),
        "refine_width": (0, 1024),
        "sizes": (32, 4096),
    }

    width: int = 128
    heads: int = 8
    points: int = 4
    across_frame: bool = True
    tag_readout: bool = True
    refine_width: int = 24
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True)
class ModelConfig(Checked):
    """One network: its encoder, the long- and short-term transformer, the decoder and the interaction module.

    Attributes:
        encoder: the backbone's name in timm.
        width: channels of the transformer's tokens.
        layers: transformer blocks.
        self_heads, match_heads: heads of the self-attention and of the memory attention.
        normalized_match: keys and queries on the unit sphere with a learned temperature (else scaled dot product).
        window: side of the short-term attention's window in stride-16 cells.
        gated: DeAOT's gated propagation of two branches, single-headed (model/gated.py), in place of AOT's transformer.
        relative_position: AOT's relative position embedding in the short-term attention.
        norm_groups: groups of the group norms.
        align_corners: how feature maps are resized.
        identity_kernel, identity_stride: the identity bank's convolution over the one-hot masks, in pixels of the masks
            averaged to ``identity_stride`` (1: full resolution, as AOT).
        decoder: channels after strides 16, 8 and 4.
        tag_readout: one-hot tags ride along the memory attention into the id logits (ours).
        refine_width: channels of the id-tied refinement of tags at strides 8 and 4 (ours); 0 leaves it out.
        object_width: channels an id of the whole-object features at strides 16 and 32 (ours); 0 leaves them out.
        interaction: the interaction module, or None for a propagation-only network (published AOT weights).
    """

    BOUNDS: ClassVar[Bounds] = {
        "width": (1, 4096),
        "layers": (1, 24),
        "self_heads": (1, 64),
        "match_heads": (1, 64),
        "window": (1, 63),
        "norm_groups": (1, 4096),
        "identity_kernel": (1, 64),
        "identity_stride": (1, 16),
        "decoder": (1, 4096),
        "refine_width": (0, 1024),
        "object_width": (0, 1024),
    }

    encoder: str
    width: int = 256
    layers: int = 3
    self_heads: int = 8
    match_heads: int = 8
    normalized_match: bool = False
    gated: bool = False
    window: int = 15
    relative_position: bool = True
    norm_groups: int = 32
    align_corners: bool = True
    identity_kernel: int = 17
    identity_stride: int = 1
    decoder: tuple[int, int, int] = (256, 128, 128)
    tag_readout: bool = False
    refine_width: int = 0
    object_width: int = 0
    interaction: InteractionConfig | None = field(default_factory=InteractionConfig)

    def to_json(self) -> str:
        """The configuration as JSON, for a checkpoint's metadata."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ModelConfig:
        """The configuration back from ``to_json``.

        Raises:
            ConfigError: unknown or missing fields, values of another type, out of bounds, or that do not go together.
        """
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"a network configuration of another version: it is not JSON ({error})") from error
        if isinstance(values, dict) and "interaction" not in values:
            raise ConfigError(
                "a network configuration of another version: it does not say whether there is an interaction module"
            )
        config = read_fields(cls, values, "a network configuration of another version")
        config.check()
        return config

    def check(self) -> None:
        """ConfigError where the numbers do not go together."""
        divided = [
            ("width", self.width, "self_heads", self.self_heads),
            ("width", self.width, "match_heads", self.match_heads),
            *((f"decoder.{i}", width, "norm_groups", self.norm_groups) for i, width in enumerate(self.decoder)),
        ]
        if self.interaction is not None:
            divided.append(("interaction.width", self.interaction.width, "interaction.heads", self.interaction.heads))
        for name, whole, by, parts in divided:
            if whole % parts:
                raise ConfigError(f"a network's {name} is a multiple of its {by}, got {whole} and {parts}")
        if self.window % 2 == 0:
            raise ConfigError(f"a network's window is an odd number of cells, got {self.window}")
        if 16 % self.identity_stride:
            raise ConfigError(f"a network's identity_stride divides 16, got {self.identity_stride}")


_LITE: dict[str, Any] = {
    "normalized_match": True,
    "match_heads": 1,
    "relative_position": False,
    "align_corners": False,
    "identity_kernel": 6,
    "identity_stride": 4,
    "tag_readout": True,
}

_DEAOT: dict[str, Any] = {"gated": True, "self_heads": 1, "match_heads": 1}

PRESETS: dict[str, ModelConfig] = {
    "lite": ModelConfig(
        "tf_efficientnet_lite0",
        width=128,
        layers=2,
        self_heads=4,
        norm_groups=8,
        decoder=(128, 64, 32),
        refine_width=16,
        object_width=24,
        interaction=InteractionConfig(width=128, heads=4, sizes=(224, 352)),
        **_LITE,
    ),
    "r50": ModelConfig("resnet50", interaction=InteractionConfig(width=256)),
    "swinb": ModelConfig(
        "swin_base_patch4_window7_224", align_corners=False, identity_kernel=16, interaction=InteractionConfig(width=256)
    ),
    "aott": ModelConfig("mobilenetv2_100", layers=1, interaction=None),
    "r50_aotl": ModelConfig("resnet50", interaction=None),
    "swinb_aotl": ModelConfig("swin_base_patch4_window7_224", align_corners=False, identity_kernel=16, interaction=None),
    "deaott": ModelConfig("mobilenetv2_100", layers=1, interaction=None, **_DEAOT),
    "r50_deaotl": ModelConfig("resnet50", interaction=None, **_DEAOT),
    "swinb_deaotl": ModelConfig(
        "swin_base_patch4_window7_224", align_corners=False, identity_kernel=16, interaction=None, **_DEAOT
    ),
    "tiny": ModelConfig(
        "test_efficientnet",
        width=32,
        layers=1,
        self_heads=2,
        norm_groups=4,
        decoder=(32, 24, 16),
        refine_width=8,
        object_width=8,
        interaction=InteractionConfig(width=32, heads=2, points=2, refine_width=8),
        **_LITE,
    ),
}


def preset(name: str) -> ModelConfig:
    """The configuration called ``name``; ConfigError names the ones there are."""
    if name not in PRESETS:
        raise ConfigError(f"no preset is called {name!r}: choose one of {', '.join(PRESETS)}")
    return PRESETS[name]
