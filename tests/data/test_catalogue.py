"""What is there of the public data sets, and what a recipe names is in the catalogue."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from idpro.data.catalogue import CATALOGUE, check
from idpro.training.recipe import shipped_recipes

ROOT = Path(__file__).parents[2]


def write(place: Path, name: str, frames: int) -> None:
    """A video of black frames with an object, or a still without a name."""
    for kind, ending in (("JPEGImages", "jpg"), ("Annotations", "png")):
        folder = place / kind / name
        folder.mkdir(parents=True, exist_ok=True)
        for t in range(frames):
            PIL.Image.fromarray(np.ones((4, 4), np.uint8)).save(folder / f"{t:05d}.{ending}")


def states(root: Path) -> dict[str, tuple[str, str]]:
    return {found.set.place + ("" if found.set.entries else "#"): (found.state, found.detail) for found in check(root)}


def test_nothing_is_there() -> None:
    assert {found.state for found in check("/nowhere")} == {"missing"}


def test_what_is_there_is_counted_and_what_is_wrong_is_told(tmp_path: Path) -> None:
    write(tmp_path / "lite" / "mixed-clips", "walk", 3)
    write(tmp_path / "lite" / "mixed-clips", "drift-turn", 2)  # counted, though no run would train on it
    write(tmp_path / "lite" / "static" / "coco128", "", 5)
    (tmp_path / "LVIS").mkdir()
    (tmp_path / "YouTube-VOS").mkdir()
    for split in ("train", "val"):
        write(tmp_path / "DAVIS", f"480p/{split}-one", 2)
        (tmp_path / "DAVIS" / "ImageSets" / "2017").mkdir(parents=True, exist_ok=True)
        (tmp_path / "DAVIS" / "ImageSets" / "2017" / f"{split}.txt").write_text(f"{split}-one\n")
    for kind in ("JPEGImages", "Annotations"):
        assert (tmp_path / "DAVIS" / kind / "480p").is_dir()
    found = states(tmp_path)
    assert found["lite/mixed-clips"] == ("there", "2 videos, 5 frames")
    assert found["lite/static/coco128"] == ("there", "5 pictures")
    assert found["lite/static/voc-animals"][0] == "missing"
    assert found["LVIS#"] == ("incomplete", f"no {tmp_path / 'LVIS' / 'lvis_v1_train.json'}")
    state, detail = found["YouTube-VOS"]
    assert state == "incomplete" and "expected" in detail and "meta.json" in detail
    assert found["DAVIS"] == ("there", "2 videos, 4 frames")
    assert found["DAVIS#"] == ("incomplete", f"no {tmp_path / 'DAVIS' / 'Scribbles'}")


@pytest.mark.parametrize("name", shipped_recipes())
def test_a_recipe_s_data_is_in_the_catalogue(name: str) -> None:
    recipe = tomllib.loads((resources.files("idpro.training") / "configs" / f"{name}.toml").read_text())
    places = [Path("data", entry.place) for entry in CATALOGUE]
    for line in (*recipe["data"], *recipe.get("validation", {}).get("data", ())):
        folder = Path(line.partition(":")[2].partition("@")[0])
        assert any(place == folder or folder in place.parents for place in places), line


def test_the_page_about_data_has_every_set() -> None:
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    for entry in CATALOGUE:
        assert f"`{entry.place}`" in page, f"docs/data.md does not say where {entry.name} comes from"
