"""Recipes: read from TOML, overridden, kept inside checkpoints, and told apart from what is none in one line."""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from pathlib import Path

import pytest

from idpro.errors import ConfigError
from idpro.training.recipe import Recipe, Stage, describe, read_recipe, recipe_from, shipped_recipes

TEXT = """# What it is.
part = "propagation"
preset = "tiny"
data = ["folders:/x", "davis:/y@train"]
[mixture]
pastes = [1, 0.5]
stills = 0.25
weights = {clips = 2.0}
[validation]
data = ["davis:/y@val"]
every = 10
[[stages]]
steps = 20
[[stages]]
steps = 30
size = 128
length = 5
learning_rate = 1e-4
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(TEXT)
    return path


def test_a_recipe_is_read_and_survives_its_checkpoint(file: Path) -> None:
    recipe = read_recipe(str(file))
    assert recipe.data == ("folders:/x", "davis:/y@train") and recipe.validation.data == ("davis:/y@val",)
    assert recipe.mixture.pastes == (1, 0.5) and recipe.mixture.weights == {"clips": 2.0}
    assert recipe_from(json.loads(json.dumps(dataclasses.asdict(recipe)))) == recipe


def test_a_recipe_of_before_is_read_by_defaults() -> None:
    """A run begun with fewer fields goes on."""
    old = {"part": "interaction", "stages": [{"steps": 5}], "mixture": {"stills": 0.7}, "data": ["folders:/x"]}
    assert recipe_from(old).validation.data == () and recipe_from(old).checkpoint_seconds == 240


def test_stages_follow_each_other(file: Path) -> None:
    recipe = read_recipe(str(file))
    assert recipe.steps == 50
    assert [recipe.stage_at(step).size for step in (0, 19, 20, 49, 50)] == [192, 192, 128, 128, 128]


def test_a_stage_may_draw_its_size_anew_each_step() -> None:
    stage = Stage(9, size=128, smallest=64)
    assert {stage.size_at(step) for step in range(40)} == {64, 96, 128} and stage.size_at(7) == stage.size_at(7)
    assert stage.cost == Stage(9, size=128).cost * (64**2 + 96**2 + 128**2) / 3 / 128**2
    assert {Stage(9, size=128).size_at(step) for step in range(40)} == {128}


def test_what_is_left_is_measured_in_pixels(file: Path) -> None:
    recipe = read_recipe(str(file))
    first, second = (stage.cost for stage in recipe.stages)
    assert first == 4 * 3 * 192**2 * 2 and second == 4 * 5 * 128**2 * 2
    assert recipe.cost_after(0) == 20 * first + 30 * second
    assert recipe.cost_after(25) == 25 * second and recipe.cost_after(50) == 0


def test_overrides_reach_into_tables_and_lists(file: Path) -> None:
    changes = ["seed=7", "stages.1.size=256", "mixture.looks=0.5", "preset=lite", "data.0=lvis:/z", "validation.data=[]"]
    recipe = read_recipe(str(file), changes)
    assert (recipe.seed, recipe.stages[1].size, recipe.mixture.looks, recipe.preset) == (7, 256, 0.5, "lite")
    assert recipe.data == ("lvis:/z", "davis:/y@train") and recipe.validation.data == ()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("seed", "an override is key=value, got 'seed'"),
        ("speed=3", "the recipe: speed: unexpected keyword argument, got 3; its keys: part, stages"),
        ("stages.0.speed=3", r"stages\.0\.speed: unexpected keyword argument"),
        ("stages.9.size=64", r"no place 'stages\.9\.size'"),
        ("stages.first.size=64", r"no place 'stages\.first\.size'"),
        ("seed.x=1", "the recipe: seed: input should be a valid integer"),
        ("part.x=1", r"no place 'part\.x'"),
        ("part=both", "part: input should be 'propagation' or 'interaction', got 'both'"),
        ("preset=huge", "no preset is called 'huge'"),
        ("stages.0.size=100", r"size is a multiple of 32 .* got 100"),
        ("stages.0.size=32", "at least 64, got 32"),
        ("stages.0.smallest=100", r"size is a multiple of 32 .* got 100"),
        ("stages.0.smallest=512", "smallest size is not above its size, got 512 and"),
        ("stages.0.length=0", "at least 1"),
        ("stages=[]", "at least one"),
        ("seed=x", "seed: input should be a valid integer, got 'x'"),
        ("ema=high", "ema: input should be a valid number, got 'high'"),
        ("start=3", "start: input should be a valid string, got 3"),
        ("across_frame=1", "across_frame: input should be a valid boolean, got 1"),
        ("data=davis:/x", "data: input should be a valid array"),
        ("stages.0.batch=2.5", r"stages\.0\.batch: input should be a valid integer, got 2\.5"),
        ("mixture.stills=2", "the mixture's stills is a chance"),
        ("seed=-1", "seed must be within 0 and"),
        ("stages.0.batch=99999999999", r"stages\.0\.batch must be within 1 and 4096|at most 2147483648"),
        ("stages.0.length=99999999999", r"at most 2147483648"),
        ("stages.0.rounds=1000", r"stages\.0\.rounds must be within 1 and 16, got 1000"),
        ("stages.0={steps = 1, size = 2048, batch = 4096}", "looks at batch x length x size x size pixels a step, at most"),
        ("ema=nan", "ema must be within 0 and 1, got nan"),
        ("weight_decay=inf", "weight_decay must be within 0 and 1, got inf"),
        ("mixture=3", "mixture: input should be"),
        ("mixture.weights={a = 'b'}", r"mixture\.weights\.a: input should be a valid number"),
        ("mixture.max_stride=-1", r"mixture\.max_stride must be within"),
        ("validation=[1]", "validation: input should be"),
        ("stages=3", "stages: input should be a valid array"),
        ("stages=1979-05-27", "stages: input should be a valid array"),
        ("validation.size=8", "a validation has size >= 64"),
    ],
)
def test_what_makes_no_sense_gets_one_line(file: Path, override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        read_recipe(str(file), [override])
    assert "\n" not in str(caught.value)


def test_aligned_networks_take_aots_sizes(file: Path) -> None:
    assert read_recipe(str(file), ["preset=r50", "stages.0.size=465"]).stages[0].size == 465
    with pytest.raises(ConfigError, match="got 465"):
        read_recipe(str(file), ["preset=swinb", "stages.0.size=465"])


def test_files_that_are_none_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no recipe is called 'nothing': give a .toml file or one of lite-interaction"):
        read_recipe("nothing")
    with pytest.raises(ConfigError, match="no recipe is called 'xxx"):
        read_recipe("x" * 300)
    path = tmp_path / "broken.toml"
    path.write_text("part = ")
    with pytest.raises(ConfigError, match=r"broken\.toml is not TOML"):
        read_recipe(str(path))
    for content in ("preset = 'ä'".encode("latin-1"), "preset = 'tiny'".encode("utf-16")):
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=r"broken\.toml is not UTF-8"):
            read_recipe(str(path))
    path.write_text("data = " + "[" * 100_000)
    with pytest.raises(ConfigError, match=r"broken\.toml is not TOML"):
        read_recipe(str(path))
    path.write_text("preset = 'tiny'\n[[stages]]\nsteps = 1")
    with pytest.raises(ConfigError, match=r"the recipe: part: field required; its keys: part, stages"):
        read_recipe(str(path))


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_shipped_recipe_is_one_and_says_what_it_is(name: str) -> None:
    recipe = read_recipe(name)
    assert name.startswith(recipe.preset) and recipe.part in name
    assert 20 < len(describe(name)) < 130 and describe(name).endswith(".")


@pytest.mark.parametrize("preset", ["r50", "swinb", "lite"])
@pytest.mark.parametrize("part", ["interaction", "propagation"])
def test_the_papers_schedule(preset: str, part: str) -> None:
    """Section IV: LVIS stills first, then YouTube-VOS at 2e-4, then DAVIS at 2e-5; batch 4."""
    previous = None
    for data, rate in (("lvis", 2e-4), ("youtube", 2e-4), ("davis", 2e-5)):
        recipe = read_recipe(f"{preset}-{part}-{data}")
        assert recipe.data[0].startswith(f"{data}:")
        assert {(stage.learning_rate, stage.batch) for stage in recipe.stages} == {(rate, 4)}
        assert recipe.start == (previous and f"runs/{previous}/network.safetensors")
        previous = f"{preset}-{part}-{data}"


def test_a_stage_is_a_value() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Stage(3).steps = 4  # type: ignore[misc]
    assert hash(Stage(3)) == hash(Stage(3)) and Recipe("propagation", (Stage(3),)) == Recipe("propagation", (Stage(3),))


def test_the_manuals_recipe_is_one() -> None:
    manual = Path(__file__).parents[2] / "docs" / "training.md"
    (text,) = re.findall(r"```toml\n(.*?)```", manual.read_text(), re.DOTALL)
    recipe = recipe_from(tomllib.loads(text))
    assert recipe.steps == 10_000 and recipe.validation.data == ("folders:data",)
    for name in re.findall(r"idpro train ((?:r50|lite|swinb)-\S+)", manual.read_text()):
        assert name in shipped_recipes()
