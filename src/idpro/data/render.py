"""Rendered clips: things that turn in 3D and show sides never seen, over a photo that pans. A maker of training data.

PyBullet's processor renderer draws its thousand random objects, its robots, animals and furniture, textured with crops of
photos; some come twice and cross, joints move. What is written is a data set of plain folders (``layouts.read_folders``).
Needs the extra ``render``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image
from numpy.typing import NDArray

from ..errors import MissingExtra
from ..types import Image
from .clip import Clip
from .datasets import Picture

_SUPERSAMPLED = 2  # rendered so much larger than written
_ANGLE = 40.0  # the camera's field of view in degrees
_RANDOM = 1000  # PyBullet's random objects
_MODELS = (
    "laikago/laikago.urdf", "a1/a1.urdf", "mini_cheetah/mini_cheetah.urdf", "aliengo/aliengo.urdf", "quadruped/minitaur.urdf",
    "quadruped/spirit40.urdf", "quadruped/vision60.urdf", "humanoid/humanoid.urdf", "bicycle/bike.urdf", "racecar/racecar.urdf",
    "husky/husky.urdf", "r2d2.urdf", "kuka_iiwa/model.urdf", "xarm/xarm6_robot.urdf", "franka_panda/panda.urdf",
    "table/table.urdf", "table_square/table_square.urdf", "teddy_vhacd.urdf", "duck_vhacd.urdf", "soccerball.urdf",
    "objects/mug.urdf", "lego/lego.urdf", "domino/domino.urdf", "samurai.urdf",
)  # fmt: skip


@dataclass(frozen=True)
class Path3D:
    """How a body moves: T positions in camera space (x right, y up, z away) and T turns (quaternions x y z w)."""

    places: NDArray[np.float64]
    turns: NDArray[np.float64]


class Renderer:
    """Makes clips one after the other; ``clip(number)`` is always the same for the same photos and seed.

    Args:
        photos: for backdrops and textures.
        seed: of everything random.
        size: side of the square frames in pixels.
        length: frames a clip.
        textures: a folder for the crops that PyBullet reads.

    Raises:
        MissingExtra: pybullet is not installed.
    """

    def __init__(self, photos: Sequence[Picture], *, seed: int, size: int, length: int, textures: Path) -> None:
        try:
            import pybullet
            import pybullet_data
        except ImportError as error:
            raise MissingExtra("pybullet", "render") from error
        self.bullet: Any = pybullet
        self.models = str(pybullet_data.getDataPath())
        self.photos, self.seed, self.size, self.length, self.textures = photos, seed, size, length, textures

    def clip(self, number: int) -> Clip:
        """Clip ``number``: T x H x W x 3 and ids; one that shows nothing on its first frame has no objects."""
        rng = np.random.default_rng((self.seed, number))
        server = self.bullet.connect(self.bullet.DIRECT)
        try:
            return self._drawn(rng)
        finally:
            self.bullet.disconnect(server)

    def _drawn(self, rng: np.random.Generator) -> Clip:
        bodies: dict[int, Path3D] = {}
        wanted, crossing = int(rng.integers(1, 5)), bool(rng.random() < 0.4)
        if crossing:
            bodies |= self._twins(rng)
        for _ in range(wanted):
            body = self._body(rng, self._model(rng))
            bodies[body] = self._path(rng, body)
        swings = {body: self._swings(rng, body) for body in bodies}
        sun = rng.normal(0, 1, 3)
        look: dict[str, Any] = {
            "lightDirection": [float(sun[0]), 3.0 + abs(float(sun[1])), float(sun[2])],
            "shadow": int(rng.random() < 0.6),
            "lightAmbientCoeff": float(rng.uniform(0.3, 0.8)),
            "lightDiffuseCoeff": float(rng.uniform(0.3, 0.7)),
            "lightSpecularCoeff": float(rng.uniform(0, 0.3)),
        }
        ground = self._backdrop(rng)
        images = np.empty((self.length, self.size, self.size, 3), np.uint8)
        masks = np.zeros((self.length, self.size, self.size), np.uint8)
        for t in range(self.length):
            for body, path in bodies.items():
                self.bullet.resetBasePositionAndOrientation(body, path.places[t].tolist(), path.turns[t].tolist())
                for joint, (middle, reach, pace, phase) in swings[body].items():
                    self.bullet.resetJointState(body, joint, middle + reach * math.sin(pace * t + phase))
            images[t], masks[t] = self._frame(ground[t], list(bodies), look)
        return Clip.numbered(images, masks)

    def _frame(self, ground: Image, bodies: list[int], look: dict[str, Any]) -> tuple[Image, NDArray[np.uint8]]:
        side = self.size * _SUPERSAMPLED
        _, _, colours, _, ids = self.bullet.getCameraImage(
            side,
            side,
            self.bullet.computeViewMatrix([0, 0, 0], [0, 0, -1], [0, 1, 0]),
            self.bullet.computeProjectionMatrixFOV(_ANGLE, 1.0, 0.1, 30.0),
            renderer=self.bullet.ER_TINY_RENDERER,
            **look,
        )
        drawn = np.asarray(colours, np.uint8).reshape(side, side, 4)[..., :3]
        ids = np.asarray(ids).reshape(side, side)
        alpha = cv2.resize((ids >= 0).astype(np.float32), (self.size, self.size), interpolation=cv2.INTER_AREA)
        drawn = np.where((ids >= 0)[..., None], drawn, 0)
        small = cv2.resize(drawn, (self.size, self.size), interpolation=cv2.INTER_AREA)
        image = np.clip(small + ground * (1 - alpha[..., None]), 0, 255).astype(np.uint8)
        table = np.zeros(max(bodies) + 2, np.uint8)  # what is nobody's is -1, the last entry
        table[bodies] = np.arange(1, len(bodies) + 1)
        return image, table[ids[::_SUPERSAMPLED, ::_SUPERSAMPLED]]

    def _model(self, rng: np.random.Generator) -> str:
        if rng.random() < 0.4:
            number = int(rng.integers(_RANDOM))
            return f"random_urdfs/{number:03d}/{number:03d}.urdf"
        return str(rng.choice(_MODELS))

    def _body(self, rng: np.random.Generator, model: str, textures: Sequence[int] = ()) -> int:
        """A model with crops of photos on its parts, about as large as a unit."""
        load = self.bullet.loadURDF
        place, flags = f"{self.models}/{model}", self.bullet.URDF_USE_MATERIAL_COLORS_FROM_MTL
        body = load(place, flags=flags)
        low, high = self._extent(body)
        self.bullet.removeBody(body)
        scale = 1.0 / max(1e-3, float(np.max(high - low)))
        body = int(load(place, globalScaling=scale, flags=flags))
        textures = textures or self._textures(rng)
        for link in range(-1, self.bullet.getNumJoints(body)):
            # a thing has few materials: parts in turn
            if rng.random() < 0.9:
                colour = [*rng.uniform(0.6, 1.0, 3).tolist(), 1.0]
                texture = textures[(link + 1) % len(textures)]
                self.bullet.changeVisualShape(body, link, textureUniqueId=texture, rgbaColor=colour)
        return body

    def _extent(self, body: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        boxes = [self.bullet.getAABB(body, link) for link in range(-1, self.bullet.getNumJoints(body))]
        return np.min([b[0] for b in boxes], 0), np.max([b[1] for b in boxes], 0)

    def _textures(self, rng: np.random.Generator) -> list[int]:
        found = []
        for number in range(int(rng.integers(1, 4))):
            photo = self._photo(rng)
            side = int(rng.uniform(0.15, 0.6) * min(photo.shape[:2])) + 8
            y, x = (int(rng.integers(max(1, n - side))) for n in photo.shape[:2])
            crop = cv2.resize(photo[y : y + side, x : x + side], (128, 128), interpolation=cv2.INTER_AREA)
            place = self.textures / f"{number}.png"
            PIL.Image.fromarray(crop).save(place)
            found.append(int(self.bullet.loadTexture(str(place))))
        return found

    def _photo(self, rng: np.random.Generator) -> Image:
        return self.photos[int(rng.integers(len(self.photos)))].image()

    def _backdrop(self, rng: np.random.Generator) -> NDArray[np.uint8]:
        """A photo that pans and zooms: T x H x W x 3."""
        photo = self._photo(rng)
        short = min(photo.shape[:2])
        sides = short * rng.uniform(0.6, 0.95, 2)
        starts = [rng.uniform(0, max(1.0, n - sides.max()), 2) for n in photo.shape[1::-1]]
        frames = []
        for t in np.linspace(0, 1, self.length):
            side = (1 - t) * sides[0] + t * sides[1]
            x, y = ((1 - t) * s[0] + t * s[1] for s in starts)
            view = np.array([[self.size / side, 0, -x * self.size / side], [0, self.size / side, -y * self.size / side]])
            canvas = (self.size, self.size)
            frames.append(cv2.warpAffine(photo, view, canvas, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT_101))
        return np.asarray(frames, np.uint8)

    def _path(self, rng: np.random.Generator, body: int) -> Path3D:
        """Somewhere in sight, on a bow, near or far, turning by up to a whole turn."""
        near, far = rng.uniform(1.6, 5.0, 2)
        half = math.tan(math.radians(_ANGLE / 2))
        ends = rng.uniform(-0.9, 0.9, (2, 2))
        t = np.linspace(0, 1, self.length)[:, None]
        depth = (1 - t) * near + t * far
        flat = ((1 - t) * ends[0] + t * ends[1] + rng.normal(0, 0.3, 2) * np.sin(math.pi * t)) * half * depth
        return Path3D(np.hstack([flat, -depth]), self._turning(rng))

    def _turning(self, rng: np.random.Generator) -> NDArray[np.float64]:
        start = np.array(self.bullet.getQuaternionFromEuler(rng.uniform(-math.pi, math.pi, 3).tolist()))
        axis = rng.normal(0, 1, 3)
        axis = axis / np.linalg.norm(axis)
        whole = rng.uniform(0.1, 1.0) * math.pi * rng.choice([0.5, 1.0, 2.0])
        turns = []
        for share in np.linspace(0, 1, self.length):
            step = self.bullet.getQuaternionFromAxisAngle(axis.tolist(), float(whole * share))
            turns.append(self.bullet.multiplyTransforms([0, 0, 0], step, [0, 0, 0], start.tolist())[1])
        return np.asarray(turns, np.float64)

    def _twins(self, rng: np.random.Generator) -> dict[int, Path3D]:
        """Two of a kind on ways that cross, one nearer than the other, as if walking past each other."""
        model, textures = self._model(rng), self._textures(rng)
        half, depth = math.tan(math.radians(_ANGLE / 2)), rng.uniform(2.2, 4.5)
        t = np.linspace(-1, 1, self.length)[:, None] + rng.uniform(-0.4, 0.4)
        way = -np.abs(t) if rng.random() < 1 / 3 else t  # or they turn round where they meet
        found = {}
        height = rng.uniform(-0.4, 0.4)
        for side in (-1, 1):
            body = self._body(np.random.default_rng(int(rng.integers(1 << 30))), model, textures)
            away = depth + side * rng.uniform(0.15, 0.6)
            y = height + rng.normal(0, 0.1)
            places = np.hstack([side * way * rng.uniform(0.5, 0.8) * half * away, np.full_like(t, y * half * away)])
            found[body] = Path3D(np.hstack([places, np.full_like(t, -away)]), self._turning(rng))
        return found

    def _swings(self, rng: np.random.Generator, body: int) -> dict[int, tuple[float, float, float, float]]:
        """Joint -> middle, reach, pace a frame and phase of its swing."""
        found = {}
        for joint in range(self.bullet.getNumJoints(body)):
            info = self.bullet.getJointInfo(body, joint)
            if info[2] == self.bullet.JOINT_REVOLUTE:
                reach = rng.uniform(0, 0.7)
                found[joint] = (rng.normal(0, 0.3), reach, rng.uniform(0.3, 1.2), rng.uniform(0, 2 * math.pi))
        return found


def render(
    photos: Sequence[Picture], output: Path, *, clips: int, first: int = 0, seed: int = 0, size: int = 256, length: int = 10
) -> Iterator[int]:
    """Write clips ``first`` .. ``first + clips - 1`` as ``JPEGImages`` and ``Annotations`` under ``output``; yields each number.

    A clip that is there already is left as it is, so that several processes may share the numbers and a stopped run goes on.

    Args:
        photos: for backdrops and textures.
        output: the folder of the data set.
    """
    output.mkdir(parents=True, exist_ok=True)
    textures = output / f".textures-{first}"
    textures.mkdir(exist_ok=True)
    maker = Renderer(photos, seed=seed, size=size, length=length, textures=textures)
    for number in range(first, first + clips):
        masks = output / "Annotations" / f"{number:05d}"
        if masks.is_dir():
            continue
        clip = maker.clip(number)
        if not clip.objects:
            continue
        images = output / "JPEGImages" / f"{number:05d}"
        images.mkdir(parents=True, exist_ok=True)
        part = masks.with_name(f".{number:05d}")
        part.mkdir(parents=True, exist_ok=True)
        for t in range(length):
            PIL.Image.fromarray(clip.images[t]).save(images / f"{t:05d}.jpg", quality=92)
            PIL.Image.fromarray(clip.masks[t]).save(part / f"{t:05d}.png")
        part.rename(masks)
        yield number
