"""A run is a function of its recipe: killed and resumed, alone or in company, it computes the same numbers."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from idpro.checkpoint import load_network, read_notes
from idpro.errors import CheckpointError, ConfigError, IDProError, LayoutError
from idpro.training import loop
from idpro.training.loop import launched, train
from idpro.training.recipe import Recipe, Stage, Validation
from idpro.training.steps import PropagationStep, StepResult

from . import drawn

CPU = {"accelerator": "cpu"}
STEPS = 5


def losses(folder: Path) -> list[float]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, len(lines) + 1))
    return [line["loss"] for line in lines]


def state(folder: Path) -> dict[str, Tensor]:
    """Every tensor of a run's last checkpoint by its place."""
    found: dict[str, Tensor] = {}

    def visit(value: Any, place: str) -> None:
        if isinstance(value, Tensor):
            found[place] = value
        elif isinstance(value, dict):
            for key, inner in value.items():
                visit(inner, f"{place}.{key}")

    visit(torch.load(folder / "last.pt", weights_only=True), "")
    return found


def assert_same(first: Path, second: Path) -> None:
    """The same losses and, to the last bit, the same state."""
    assert losses(first) == losses(second)
    ours, theirs = state(first), state(second)
    assert ours.keys() == theirs.keys() and len(ours) > 100
    assert all(torch.equal(value, theirs[place]) for place, value in ours.items())
    one, other = load_network(first / "network.safetensors"), load_network(second / "network.safetensors")
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())


def run(recipe: Recipe, folder: Path, **options: Any) -> list[loop.Progress]:
    return list(train(recipe, folder, **{**CPU, **options}))


@pytest.fixture(scope="module", params=["propagation", "interaction"])
def whole(request: pytest.FixtureRequest, folders: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Recipe, Path]:
    """A run of each part that nothing disturbed, with validation on the way."""
    look = Validation((f"folders:{folders}",), every=2, size=64, frames=3)
    recipe = drawn.recipe(request.param, folders, STEPS, validation=look, checkpoint_seconds=0.0, cooldown=2)
    folder = tmp_path_factory.mktemp("whole") / request.param
    run(recipe, folder)
    return recipe, folder


def test_a_run_leaves_what_it_promises(whole: tuple[Recipe, Path]) -> None:
    recipe, folder = whole
    assert len(losses(folder)) == STEPS and len(set(losses(folder))) == STEPS
    saved = torch.load(folder / "last.pt", weights_only=True)
    assert set(saved) == {"step", "recipe", "network", "optimizer", "average", "precision"} and saved["step"] == STEPS
    notes = read_notes(folder / "network.safetensors")
    assert notes["step"] == str(STEPS) and json.loads(notes["recipe"])["part"] == recipe.part
    # the checkpoint's network is the average, not the last step's
    network = load_network(folder / "network.safetensors").state_dict()
    for name, value in saved["average"].items():
        assert torch.equal(network[name], value.half().float()), name
    assert any(not torch.equal(network[name], saved["network"][name].half().float()) for name in saved["average"])


def test_validation_is_logged_with_pictures(whole: tuple[Recipe, Path]) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    recipe, folder = whole
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    name = "validation/jaccard" if recipe.part == "propagation" else "validation/jaccard3"
    assert [line["step"] for line in lines if name in line] == [2, 4]
    assert all(0 <= line[name] <= 1 for line in lines if name in line)
    events = EventAccumulator(str(folder))
    events.Reload()
    assert set(events.Tags()["images"]) == {"training", "validation/drift-turn"}


def test_looking_changes_nothing(whole: tuple[Recipe, Path], tmp_path: Path) -> None:
    recipe, folder = whole
    run(dataclasses.replace(recipe, validation=Validation(every=0)), tmp_path / "blind")
    assert_same(folder, tmp_path / "blind")


class Death(BaseException):
    """As sudden as kill -9: nothing catches it."""


@pytest.mark.parametrize("moment", ["half-way", "before the checkpoint", "after the checkpoint", "while the network is written"])
def test_whatever_moment_a_run_dies_at_it_goes_on_the_same(
    whole: tuple[Recipe, Path], tmp_path: Path, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, folder = whole
    calls = 0

    def dying(real: Any, first: bool) -> Any:
        def call(*args: Any, **kwargs: Any) -> None:
            nonlocal calls
            calls += 1
            if calls == 3 and first:
                raise Death
            real(*args, **kwargs)
            if calls == 3:
                raise Death

        return call

    def half(value: Any, path: Path) -> None:
        save(value, path)
        if value["step"] == 3:
            os.truncate(path, 10_000)
            raise Death

    save = torch.save

    with monkeypatch.context() as patch:
        if moment == "while the network is written":
            patch.setattr(loop, "save_network", dying(loop.save_network, True))
        elif moment == "half-way":
            patch.setattr(torch, "save", half)
        else:
            patch.setattr(loop.os, "replace", dying(os.replace, moment.startswith("before")))
        with pytest.raises(Death):
            run(recipe, tmp_path)
    (tmp_path / "last.pt.part").write_bytes(b"half a checkpoint")
    with open(tmp_path / "log.jsonl", "a") as file:
        file.write('{"step": 4, "los')
    run(recipe, tmp_path)
    assert_same(tmp_path, folder)


def arguments(recipe: Recipe, folder: Path) -> list[str]:
    """What ``idpro`` is called with to train by a recipe, which is written beside the run's folder."""
    folder.parent.mkdir(exist_ok=True)
    file = folder.with_suffix(".toml")
    values = {**dataclasses.asdict(recipe), "validation": dataclasses.asdict(recipe.validation)}
    top = {k: v for k, v in values.items() if not isinstance(v, dict) and v is not None and k != "stages"}
    lines = [f"{key} = {json.dumps(value)}" for key, value in top.items()]
    tables = {"[mixture]": values["mixture"], "[validation]": values["validation"], "[[stages]]": values["stages"][0]}
    for name, table in tables.items():
        lines += [name, *(f"{k} = {json.dumps(v)}" for k, v in table.items() if v is not None and v != {})]
    file.write_text("\n".join(lines))
    return ["train", str(file), "-o", str(folder), "--accelerator", "cpu", "--threads", "1"]


@pytest.mark.parametrize("whole", ["interaction"], indirect=True)
def test_kill_9_and_resume(whole: tuple[Recipe, Path], tmp_path: Path) -> None:
    recipe, folder = whole
    ours = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, "-m", "idpro", *arguments(recipe, ours)], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and process.poll() is None:
            if (ours / "log.jsonl").is_file() and (ours / "log.jsonl").read_text().count("\n") >= 2:
                break
            time.sleep(0.005)
        assert process.poll() is None, "the run ended before it could be killed"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    assert torch.load(ours / "last.pt", weights_only=True)["step"] < STEPS
    run(recipe, ours)
    assert_same(ours, folder)


def test_two_processes_compute_what_one_does(folders: Path, tmp_path: Path, in_float64: None) -> None:
    """torchrun and gloo on the CPU, both halves one after the other; each process has two of the four clips.

    In float64: two processes add the same numbers in another order, and in float32 what is left of a gradient that cancels
    out (a bias before a norm) depends on the processor; Adam makes whole steps of it.
    """
    look = Validation((f"folders:{folders}",), every=2, size=64, frames=2)
    recipes = {part: drawn.recipe(part, folders, 3, batch=4, validation=look) for part in ("propagation", "interaction")}
    script = tmp_path / "both.py"
    commands = [arguments(recipe, tmp_path / "two" / part) for part, recipe in recipes.items()]
    script.write_text(
        "import torch\nfrom idpro.cli import app\ntorch.set_default_dtype(torch.float64)\n"
        f"for arguments in {commands!r}:\n    app(arguments, standalone_mode=False)\n"
    )
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", str(script)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(torchrun, capture_output=True, text=True, timeout=600, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("step 3/3") == 2  # of two processes one speaks
    for part, recipe in recipes.items():
        one, two = tmp_path / "one" / part, tmp_path / "two" / part
        run(recipe, one)
        assert losses(two) == pytest.approx(losses(one), rel=1e-9)
        ours, theirs = state(one), state(two)
        moments = [place for place in ours if place.endswith("exp_avg")]  # gradients, averaged over the steps
        assert len(moments) > 100
        for place in moments:
            assert ours[place].dtype == torch.float64
            torch.testing.assert_close(theirs[place], ours[place], atol=1e-10, rtol=1e-6)


@pytest.mark.parametrize("whole", ["interaction"], indirect=True)
def test_workers_make_the_same_batches(whole: tuple[Recipe, Path], tmp_path: Path) -> None:
    recipe, folder = whole
    run(dataclasses.replace(recipe, stages=(dataclasses.replace(recipe.stages[0], steps=2),)), tmp_path, workers=1)
    assert losses(tmp_path)[:2] == losses(folder)[:2]


def test_every_step_has_a_generator_of_its_own(folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn_numbers = []
    forward = PropagationStep.forward

    def recorded(self: PropagationStep, batch: Any, step: int, generator: Any) -> StepResult:
        drawn_numbers.append(generator.random())
        return forward(self, batch, step, generator)

    monkeypatch.setattr(PropagationStep, "forward", recorded)
    recipe = drawn.recipe("propagation", folders, 3)
    run(recipe, tmp_path / "a")
    run(recipe, tmp_path / "b")
    run(dataclasses.replace(recipe, seed=1), tmp_path / "c")
    assert drawn_numbers[:3] == drawn_numbers[3:6] and len(set(drawn_numbers)) == 6


def test_seeds_change_everything(whole: tuple[Recipe, Path], tmp_path: Path) -> None:
    recipe, folder = whole
    run(dataclasses.replace(recipe, seed=1), tmp_path)
    assert not set(losses(tmp_path)) & set(losses(folder))


def test_the_time_left_counts_what_steps_cost(folders: Path, tmp_path: Path) -> None:
    stages = (Stage(2, size=64, length=2, batch=2), Stage(2, size=128, length=2, batch=2))
    done = run(drawn.recipe("propagation", folders, stages=stages), tmp_path)
    assert [p.step for p in done] == [1, 2, 3, 4] and {p.steps for p in done} == {4}
    assert done[-1].seconds_left == 0
    assert done[0].seconds_left > done[2].seconds_left > 0


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_what_is_not_finite_stops_with_its_batch_saved(
    where: str, folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = drawn.recipe("propagation", folders, checkpoint_seconds=0.0)
    forward = PropagationStep.forward

    def broken(self: PropagationStep, batch: Any, step: int, generator: Any) -> StepResult:
        result = forward(self, batch, step, generator)
        if step < 2:
            return result
        if where == "gradient":
            return result._replace(loss=result.loss + (self.network.propagation.projector.bias[0] * 0).sqrt())
        return result._replace(loss=result.loss * float("nan"), scalars={**result.scalars, "loss": float("nan")})

    with monkeypatch.context() as patch:
        patch.setattr(PropagationStep, "forward", broken)
        message = rf"the {where} of step 2 is not finite: its batch is saved in .*broken-2-0\.pt; lower the learning rate"
        with pytest.raises(IDProError, match=message):
            run(recipe, tmp_path)
    saved = torch.load(tmp_path / "broken-2-0.pt", weights_only=True)
    assert saved["step"] == 2 and saved["batch"]["images"].shape == (2, 3, 3, 64, 64)
    assert all(value.isfinite().all() for place, value in state(tmp_path).items() if value.is_floating_point())
    run(recipe, tmp_path)  # what made it is gone: the run goes on from before
    run(recipe, tmp_path / "whole")
    assert losses(tmp_path) == losses(tmp_path / "whole")


def test_a_broken_image_is_skipped_and_named(tmp_path: Path) -> None:
    for name in ("walk", "run"):
        drawn.write_video(tmp_path, name, frames=3)
    for frame in range(3):
        (tmp_path / "JPEGImages" / "run" / f"{frame:05d}.jpg").write_bytes(b"\xff\xd8 cut")
    with pytest.warns(UserWarning, match=r"skipped: the image .*run/0000\d\.jpg is broken: replace it or remove it"):
        assert len(run(drawn.recipe("propagation", tmp_path, 3), tmp_path / "out")) == 3


def test_a_broken_validation_image_is_skipped_and_named(folders: Path, tmp_path: Path) -> None:
    drawn.write_video(tmp_path, "drift-turn")
    (tmp_path / "JPEGImages" / "drift-turn" / "00000.jpg").write_bytes(b"broken")
    recipe = drawn.recipe("propagation", folders, 1, validation=Validation((f"folders:{tmp_path}",), every=1))
    with pytest.warns(UserWarning, match=r"skipped in the validation: the image .*drift-turn/00000\.jpg is broken"):
        (progress,) = run(recipe, tmp_path / "out")
    assert not any(name.startswith("validation") for name in progress.scalars)


@pytest.mark.parametrize("part", ["propagation", "interaction"])
def test_mixed_precision_trains_and_resumes(part: str, folders: Path, tmp_path: Path) -> None:
    recipe = drawn.recipe(part, folders, 3, checkpoint_seconds=0.0)
    single = run(recipe, tmp_path / "single")
    mixed = train(recipe, tmp_path / "mixed", accelerator="cpu", precision="bf16-mixed")
    first = next(mixed)
    mixed.close()  # type: ignore[attr-defined]
    rest = run(recipe, tmp_path / "mixed", precision="bf16-mixed")
    assert [p.step for p in (first, *rest)] == [1, 2, 3]
    assert first.scalars["loss"] == pytest.approx(single[0].scalars["loss"], rel=0.05)
    saved = torch.load(tmp_path / "mixed" / "last.pt", weights_only=True)
    assert {value.dtype for value in saved["network"].values() if value.is_floating_point()} == {torch.float32}


def test_a_run_of_before_goes_on(whole: tuple[Recipe, Path], tmp_path: Path) -> None:
    """A checkpoint without the precision's state, whose recipe knew neither validation nor its interval."""
    recipe, folder = whole
    saved = torch.load(folder / "last.pt", weights_only=True)
    del saved["precision"]
    old = {k: v for k, v in json.loads(saved["recipe"]).items() if k not in ("validation", "checkpoint_seconds", "imagenet")}
    saved["recipe"], saved["step"] = json.dumps(old), STEPS - 1
    torch.save(saved, tmp_path / "last.pt")
    assert [p.step for p in run(recipe, tmp_path)] == [STEPS]


def test_a_recipe_may_change_on_the_way(whole: tuple[Recipe, Path], tmp_path: Path) -> None:
    recipe, folder = whole
    (tmp_path / "last.pt").write_bytes((folder / "last.pt").read_bytes())
    longer = dataclasses.replace(recipe, stages=(*recipe.stages, Stage(1, size=96, length=2, batch=2)), weight_decay=0.5)
    assert [p.step for p in run(longer, tmp_path)] == [STEPS + 1]
    groups = torch.load(tmp_path / "last.pt", weights_only=True)["optimizer"]["param_groups"]
    assert {group["weight_decay"] for group in groups} == {0.0, 0.5}


def test_folders_that_cannot_be_resumed_are_told(whole: tuple[Recipe, Path], tmp_path: Path, folders: Path) -> None:
    recipe, folder = whole
    other = "interaction" if recipe.part == "propagation" else "propagation"
    with pytest.raises(CheckpointError, match=f"is a run of tiny {recipe.part}: choose another folder for tiny {other}"):
        run(dataclasses.replace(recipe, part=other), folder)  # type: ignore[arg-type]
    with pytest.raises(CheckpointError, match=r"cannot resume from .*last\.pt: .*; remove it to begin again"):
        (tmp_path / "last.pt").write_bytes((folder / "last.pt").read_bytes()[:5000])
        run(recipe, tmp_path)
    if recipe.part == "propagation":
        (tmp_path / "last.pt").write_bytes((folder / "last.pt").read_bytes())
        with pytest.raises(CheckpointError, match="cannot resume"):  # fewer parameters learn than before
            run(dataclasses.replace(recipe, freeze=2), tmp_path)


def test_what_cannot_be_run_is_told_before_anything_is_written(folders: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(LayoutError, match=r"no DAVIS 2017 in /nowhere: expected /nowhere/JPEGImages"):
        run(drawn.recipe("propagation", folders, data=("davis:/nowhere",)), out)
    with pytest.raises(ConfigError, match="a data set is KIND:PATH"):
        run(drawn.recipe("propagation", folders, data=("nowhere",)), out)
    with pytest.raises(ConfigError, match="cannot train so: "):
        launched("abacus", 1, 1, "32-true")
    with pytest.raises(ConfigError, match="cannot train so: "):
        launched("cpu", 1, 1, "8-tiny")
    assert not out.exists()
