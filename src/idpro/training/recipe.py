"""A recipe: everything a training run is, in one frozen value read from TOML.

part = "interaction"            # or "propagation"
preset = "lite"
data = ["folders:data/lite"]
[[stages]]
steps = 2000
size = 192
length = 3
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from ..config import preset
from ..data import Mixture
from ..errors import ConfigError
from ..fields import Bounds, Checked, read_fields

Part = Literal["propagation", "interaction"]
MOST_PIXELS = 2**31  # of a step, over all processes: some 25 GB of images alone


@dataclass(frozen=True)
class Stage(Checked):
    """A stretch of the curriculum.

    Attributes:
        steps: how many.
        size: side of the square clips in pixels (a multiple of 32).
        smallest: where given, each step draws its side from ``smallest`` .. ``size`` in steps of 32.
        length: frames a clip (propagation), or the most interacted frames (interaction).
        batch: clips a step, over all processes together.
        learning_rate: of the parts that start from scratch.
        rounds: interaction: the most rounds a step goes through.
        memory: propagation: the most frames of a clip whose true masks are in the memory.
        stills: chance of a clip from a still; None keeps the recipe's mixture.
    """

    BOUNDS: ClassVar[Bounds] = {
        "steps": (1, 100_000_000),
        "size": (64, 2048),
        "length": (1, 128),
        "batch": (1, 4096),
        "learning_rate": (0, 1),
        "rounds": (1, 16),
        "memory": (1, 128),
        "stills": (0, 1),
        "smallest": (64, 2048),
    }

    steps: int
    size: int = 192
    length: int = 3
    batch: int = 4
    learning_rate: float = 4e-4
    rounds: int = 2
    memory: int = 2
    stills: float | None = None
    smallest: int | None = None

    def size_at(self, step: int) -> int:
        """The side of the clips of step number ``step``."""
        return int(np.random.default_rng((step, 3)).choice(self._sizes))

    @property
    def _sizes(self) -> range:
        return range(self.smallest or self.size, self.size + 1, 32)

    @property
    def cost(self) -> float:
        """What one step costs on average, in pixels looked at; good for ratios only."""
        return float(self.batch * self.length * np.mean(np.square(self._sizes)) * self.rounds)


@dataclass(frozen=True)
class Validation(Checked):
    """What a run looks at, every so many steps, to tell how good it is.

    Attributes:
        data: data sets as ``Recipe.data`` has them. Of a set that holds development sequences those are taken; any other
            must name a split that is not trained on (``davis:data/DAVIS@val``), and all its videos are taken.
        every: steps between two looks; 0: never.
        size: short side in pixels.
        frames, stride: frames of each video, and from one to the next.
    """

    BOUNDS: ClassVar[Bounds] = {"every": (0, 100_000_000), "size": (64, 2048), "frames": (2, 1000), "stride": (1, 1000)}

    data: tuple[str, ...] = ()
    every: int = 500
    size: int = 256
    frames: int = 8
    stride: int = 4

    def __post_init__(self) -> None:
        if self.size < 64 or self.every < 0 or self.frames < 2 or self.stride < 1:
            raise ConfigError(f"a validation has size >= 64, every >= 0, frames >= 2 and stride >= 1, got {self}")


@dataclass(frozen=True)
class Recipe(Checked):
    """One training run.

    Attributes:
        part: which half of the network learns; the other is left out of the optimiser.
        preset: the network.
        data: data sets, each ``KIND:PATH[@SPLIT]`` with KIND one of folders, davis, davis2016, youtube, coco, lvis.
        stages: the curriculum.
        start: a checkpoint to start from (None: ImageNet weights where packaged, else random). The half that is not trained
            stays as it is there; a propagation-only checkpoint leaves the interaction as None would.
        imagenet: a state dict of timm's (.safetensors, .pth) to fill fresh encoders with; None: the packaged one of ``lite``.
        seed: of everything random.
        mixture: of the clips.
        backbone_rate: the encoder's learning rate as a share.
        freeze: leading blocks of the encoder that stay as they are (propagation only).
        warmup, cooldown: steps of linear rise at the start, and of cosine fall at the end.
        weight_decay, clip_norm, ema: AdamW's decay, the gradient's largest norm, and the average's decay.
        hardest: share of the pixels the cross-entropy looks at, reached after ``hardest_after`` steps.
        feedback: chance that a propagated frame's own prediction, not the truth, is the next one's previous mask.
        waypoints: chance that a propagated frame joins the clip's memory (the latest two of them stay), as in a session's passes.
        late: how much heavier late frames of a clip count: from 1 - ``late`` for the first to 1 + ``late`` for the last.
        alone: chance that every object is scribbled on each frame that shows it and that frames do not see each other.
        qualities: how often strokes are detailed, general and rough (their sum is 1).
        vote_weight: weight of the loss on the tags' vote.
        across_frame: False trains the interaction without across-frame attention (the baseline of table II).
        validation: what is looked at on the way.
        checkpoint_seconds: from one checkpoint to the next.
    """

    BOUNDS: ClassVar[Bounds] = {
        "seed": (0, 2**63 - 1),
        "freeze": (0, 100),
        "warmup": (0, 100_000_000),
        "cooldown": (0, 100_000_000),
        "hardest_after": (0, 100_000_000),
        "checkpoint_seconds": (0, 86_400),
        **dict.fromkeys(("backbone_rate", "weight_decay", "ema", "hardest", "feedback", "waypoints", "late", "alone"), (0, 1)),
    }

    part: Part
    stages: tuple[Stage, ...]
    preset: str = "lite"
    data: tuple[str, ...] = ("folders:data/lite",)
    start: str | None = None
    imagenet: str | None = None
    seed: int = 0
    mixture: Mixture = field(default_factory=Mixture)
    backbone_rate: float = 0.1
    freeze: int = 2
    warmup: int = 50
    cooldown: int = 0
    weight_decay: float = 0.03
    clip_norm: float = 1.0
    ema: float = 0.998
    hardest: float = 0.25
    hardest_after: int = 1000
    feedback: float = 0.7
    waypoints: float = 0.3
    late: float = 0.0
    alone: float = 0.4
    qualities: tuple[float, ...] = (0.3, 0.5, 0.2)
    vote_weight: float = 0.2
    across_frame: bool = True
    validation: Validation = field(default_factory=Validation)
    checkpoint_seconds: float = 240.0

    def __post_init__(self) -> None:
        if self.part not in ("propagation", "interaction"):
            raise ConfigError(f"a recipe's part is 'propagation' or 'interaction', got {self.part!r}")
        if len(self.qualities) != 3 or min(self.qualities) < 0 or abs(sum(self.qualities) - 1) > 1e-6:
            raise ConfigError(f"a recipe's qualities are three chances whose sum is 1, got {self.qualities}")
        if not self.stages:
            raise ConfigError("a recipe needs at least one [[stages]] table with its steps")
        for stage in self.stages:
            smallest = stage.size if stage.smallest is None else stage.smallest
            for size in (stage.size, smallest):
                aligned = preset(self.preset).align_corners and size % 16 == 1
                if (size % 32 and not aligned) or size < 64:
                    raise ConfigError(f"a stage's size is a multiple of 32 (or, for r50, 16 k + 1) and at least 64, got {size}")
            if smallest > stage.size:
                raise ConfigError(f"a stage's smallest size is not above its size, got {smallest} and {stage.size}")
            if min(stage.steps, stage.length, stage.batch, stage.rounds, stage.memory) < 1:
                raise ConfigError(f"a stage's steps, length, batch, rounds and memory are at least 1, got {stage}")
            if stage.batch * stage.length * stage.size**2 > MOST_PIXELS:
                raise ConfigError(
                    f"a stage looks at batch x length x size x size pixels a step, at most {MOST_PIXELS}, "
                    f"got {stage.batch} x {stage.length} x {stage.size} x {stage.size}"
                )

    @property
    def steps(self) -> int:
        return sum(stage.steps for stage in self.stages)

    def cost_after(self, step: int) -> float:
        """The cost of the steps that are left after ``step`` of them."""
        cost = 0.0
        for stage in self.stages:
            cost += max(0, stage.steps - step) * stage.cost
            step = max(0, step - stage.steps)
        return cost

    def stage_at(self, step: int) -> Stage:
        """The stage step number ``step`` belongs to (the last one beyond the end)."""
        for stage in self.stages:
            if step < stage.steps:
                return stage
            step -= stage.steps
        return self.stages[-1]


def shipped_recipes() -> tuple[str, ...]:
    """The names of the recipes in the package."""
    return tuple(
        sorted(
            p.name.removesuffix(".toml")
            for p in (resources.files("idpro.training") / "configs").iterdir()
            if p.name.endswith(".toml")
        )
    )


def describe(name: str) -> str:
    """The line a shipped recipe's file opens with: what it is."""
    text = (resources.files("idpro.training") / "configs" / f"{name}.toml").read_text()
    return text.partition("\n")[0].removeprefix("#").strip()


def read_recipe(name_or_path: str, overrides: Sequence[str] = ()) -> Recipe:
    """A recipe from a TOML file or by the name of a shipped one, with ``key=value`` overrides (dots reach into tables).

    Raises:
        ConfigError: no such recipe, not TOML, an unknown key or a value of another type.
    """
    shipped = resources.files("idpro.training") / "configs" / f"{name_or_path}.toml"
    path = Path(name_or_path)
    if os.path.isfile(path):  # false also of a name that no file can have
        text = _text(path)
    elif name_or_path in shipped_recipes():
        text = shipped.read_text()
    else:
        raise ConfigError(f"no recipe is called {name_or_path!r}: give a .toml file or one of {', '.join(shipped_recipes())}")
    try:
        values = tomllib.loads(text)
        for override in overrides:
            _override(values, override)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{name_or_path} is not TOML: {error}") from error
    return recipe_from(values)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8, as TOML is: save it in that encoding") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error


def recipe_from(values: dict[str, Any]) -> Recipe:
    """A recipe from plain values (what ``dataclasses.asdict`` made, or a parsed TOML file).

    Raises:
        ConfigError: a key too many or too few, a value of another type or out of bounds.
    """
    return read_fields(Recipe, values, "the recipe")


def _override(values: dict[str, Any], text: str) -> None:
    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"an override is key=value, got {text!r}")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    *path, last = key.strip().split(".")
    place: Any = values
    try:
        for part in path:
            place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
        place[int(last) if isinstance(place, list) else last] = parsed
    except (ValueError, IndexError, TypeError, AttributeError) as error:
        raise ConfigError(f"the recipe has no place {key.strip()!r} to set: name one such as stages.0.size") from error
