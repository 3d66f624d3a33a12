"""The stream of training clips: sample ``index`` is always the same clip, so that training resumes exactly."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError, MaskError, VideoError
from ..fields import Checked
from .clip import Clip, object_ids
from .datasets import DEVELOPMENT_SEQUENCES, Dataset, Footage, Picture
from .paste import cross, cut_straight, hide, paste
from .real import real_clip
from .synth import MAX_STILL_OBJECTS, still_clip, still_donor
from .transforms import random_look, random_shade

T = TypeVar("T")

_DONORS = 3  # draws for an object to paste that no border cuts
_ATTEMPTS = 20  # draws before a data set without usable clips is given up

_CHANCES = ("stills", "distractors", "twins", "occluders", "crossings", "reveals", "zooms", "shades", "backdrops", "looks")


@dataclass(frozen=True)
class Mixture(Checked):
    """What the clips of a source are made of; all chances are in 0..1.

    Attributes:
        stills: chance of a clip made from a still (the others are real videos; 1 or 0 where there is only one kind).
        pastes: chances of pasting 0, 1, 2, ... objects of another clip or still over it.
        distractors: chance that a pasted object gets no id and counts as background.
        twins: chance that a pasted object is one of the clip's own, or is pasted twice, under another id.
        occluders: chance that something without an id passes in front of one of the objects and hides it for a while.
        crossings: chance that two look-alikes with ids of their own cross each other's way.
        reveals: chance that the first frame shows only a part of a cut-out: uncovered along a curve, or half beyond the border.
        zooms: chance that the camera comes near or goes away.
        zoom: the most it does so, as a logarithm (1.1: three times).
        shades: chance of light and shade that lie still.
        several: how many draws, on average, a video that shows several objects is looked for; 1: any will do.
        backdrops: chance that a still's objects move over another picture.
        looks: chance of changing light, colour, sharpness and compression.
        max_objects: of one still, before pasting.
        max_stride: frames of a video from one of the clip to the next, at most.
        weights: data set name -> how much more often than its number of pictures (or videos) says; 1 where not named.
    """

    stills: float = 0.4
    pastes: tuple[float, ...] = (0.3, 0.35, 0.2, 0.15)
    distractors: float = 0.15
    twins: float = 0.15
    occluders: float = 0.2
    crossings: float = 0.0
    reveals: float = 0.0
    zooms: float = 0.0
    zoom: float = 1.1
    shades: float = 0.0
    several: float = 1.0
    backdrops: float = 0.15
    looks: float = 0.9
    max_objects: int = MAX_STILL_OBJECTS
    max_stride: int = 5
    weights: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        chances = {n: getattr(self, n) for n in _CHANCES}
        for name, chance in chances.items():
            if not 0 <= chance <= 1:
                raise ConfigError(f"the mixture's {name} is a chance in 0..1, got {chance}")
        if self.several < 1 or self.zoom < 0:
            raise ConfigError(f"the mixture's several is at least 1 and its zoom at least 0, got {self.several} and {self.zoom}")
        if not self.pastes or min(self.pastes) < 0 or sum(self.pastes) <= 0:
            raise ConfigError(f"the mixture's pastes are the chances of 0, 1, 2, ... pasted objects, got {self.pastes}")


@dataclass(frozen=True)
class ClipSource:
    """Makes training clips from data sets. A value: picklable, and as many processes as one likes may sample from it.

    Attributes:
        datasets: where the pictures and videos come from.
        seed: two sources with one seed make the same clips.
        mixture: the default mixture of ``sample``.

    Raises:
        ConfigError: a development sequence among the videos, or no pictures at all.
    """

    datasets: Sequence[Dataset]
    seed: int = 0
    mixture: Mixture = field(default_factory=Mixture)

    def __post_init__(self) -> None:
        for dataset in self.datasets:
            held_out = sorted({video.name for video in dataset.videos} & DEVELOPMENT_SEQUENCES)
            if held_out:
                raise ConfigError(f"{dataset.name} holds development sequences, never trained on: exclude {', '.join(held_out)}")
        if not any(dataset.videos or dataset.stills for dataset in self.datasets):
            raise ConfigError("the data sets hold no pictures with masks: give at least one that does")

    def sample(self, index: int, length: int, size: int, mixture: Mixture | None = None) -> Clip:
        """Clip number ``index``; the same for the same (seed, index, length, size, mixture).

        A broken image or mask is skipped with a warning that names it, and another drawn in its place.

        Args:
            index: 0, 1, 2, ...
            length: T frames.
            size: side of the square frames in pixels.
            mixture: in place of the source's own.

        Returns:
            A clip with at least one object.

        Raises:
            ConfigError: twenty draws gave nothing usable.
        """
        cv2.setNumThreads(0)  # one clip is one core's work; the pool spreads clips over cores
        for attempt in range(_ATTEMPTS):
            rng = np.random.default_rng((self.seed, index, attempt))
            try:
                clip = _Maker(self.datasets, mixture or self.mixture, length, size, rng).make()
            except (VideoError, MaskError) as error:
                warnings.warn(f"skipped: {error}", stacklevel=2)
                continue
            if clip.objects:
                return clip
        raise ConfigError(f"{_ATTEMPTS} draws gave no clip with an object: the data sets' masks are empty or their files broken")


class _Maker:
    """One draw."""

    def __init__(self, datasets: Sequence[Dataset], mixture: Mixture, length: int, size: int, rng: np.random.Generator) -> None:
        self.datasets, self.mixture, self.length, self.size, self.rng = datasets, mixture, length, size, rng

    def make(self) -> Clip:
        clip = self._from_still() if self._pick_still(self.mixture.stills) else self._from_video()
        chances = np.asarray(self.mixture.pastes, float)
        for _ in range(int(self.rng.choice(len(chances), p=chances / chances.sum()))):
            clip = self._pasted(clip)
        if self.rng.random() < self.mixture.crossings:
            clip = self._crossed(clip)
        if self.rng.random() < self.mixture.occluders:
            clip = self._hidden(clip)
        if self.rng.random() < self.mixture.shades:
            clip = Clip(random_shade(clip.images, self.rng), clip.masks)
        if self.rng.random() < self.mixture.looks:
            clip = Clip(random_look(clip.images, self.rng), clip.masks)
        return clip

    def _pasted(self, clip: Clip) -> Clip:
        twin = bool(self.rng.random() < self.mixture.twins)
        donor, ids = self._cut_outs(clip if twin else None)
        if not ids:
            return clip
        copies = 2 if twin and donor is not clip else 1
        labelled = bool(self.rng.random() >= self.mixture.distractors)
        return paste(
            clip, donor, self.rng, ids=[int(self.rng.choice(ids))] * copies, labelled=labelled, reveals=self.mixture.reveals
        )

    def _crossed(self, clip: Clip) -> Clip:
        donor, ids = self._cut_outs(clip if self.rng.random() < 0.3 else None)
        return cross(clip, donor, self.rng, identity=int(self.rng.choice(ids))) if ids else clip

    def _hidden(self, clip: Clip) -> Clip:
        donor, ids = self._cut_outs(clip if self.rng.random() < self.mixture.twins else None)
        objects = object_ids(clip.masks)
        if not ids or not objects:
            return clip
        return hide(clip, donor, self.rng, identity=int(self.rng.choice(objects)), by=int(self.rng.choice(ids)))

    def _cut_outs(self, own: Clip | None) -> tuple[Clip, list[int]]:
        """Where to cut from (half of the time ``own``, where given), and which of its objects no border cuts."""
        for _ in range(_DONORS):
            donor = own if own is not None and self.rng.random() < 0.5 else self._donor()
            ids = [i for i in object_ids(donor.masks[0]) if not any(cut_straight(m == i) for m in donor.masks)]
            if ids:
                break
        return donor, ids

    def _donor(self) -> Clip:
        if self._pick_still(0.4):
            picture = self._still()
            return still_donor(picture.image(), picture.mask(), self.length, self.size)
        return self._from_video(whole=True)

    def _from_still(self) -> Clip:
        picture = self._still()
        backdrop = self._still().image() if self.rng.random() < self.mixture.backdrops else None
        return still_clip(
            picture.image(),
            picture.mask(),
            self.length,
            self.size,
            self.rng,
            backdrop=backdrop,
            max_objects=self.mixture.max_objects,
            reveals=self.mixture.reveals,
            zoom=self._zoom(),
        )

    def _from_video(self, whole: bool = False) -> Clip:
        video = self._video()
        stride, zoom = self.mixture.max_stride, 0.0 if whole else self._zoom()
        return real_clip(video, self.length, self.size, self.rng, max_stride=stride, whole=whole, zoom=zoom)

    def _zoom(self) -> float:
        return self.mixture.zoom if self.rng.random() < self.mixture.zooms else 0.0

    def _pick_still(self, chance: float) -> bool:
        if not any(d.videos for d in self.datasets):
            return True
        return any(bool(d.stills) for d in self.datasets) and bool(self.rng.random() < chance)

    def _still(self) -> Picture:
        return self._drawn([d.stills for d in self.datasets])

    def _video(self) -> Footage:
        video = self._drawn([d.videos for d in self.datasets])
        while self.mixture.several > 1 and self.rng.random() > 1 / self.mixture.several and not video.several:
            video = self._drawn([d.videos for d in self.datasets])
        return video

    def _drawn(self, groups: Sequence[Sequence[T]]) -> T:
        weights: NDArray[np.float64] = np.array(
            [len(group) * self.mixture.weights.get(d.name, 1.0) for group, d in zip(groups, self.datasets, strict=True)]
        )
        if not weights.sum() > 0:
            raise ConfigError("every data set's weight is 0: give one that holds pictures a positive weight")
        group = groups[int(self.rng.choice(len(groups), p=weights / weights.sum()))]
        return group[int(self.rng.integers(len(group)))]
