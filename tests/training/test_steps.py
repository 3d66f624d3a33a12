"""A training step is a loop over the network's own methods: its loss by hand, its laws, and that it teaches."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from idpro.config import preset
from idpro.data import IGNORE
from idpro.model import IDPro, Memory, build
from idpro.model.identity import one_hot, resize_tags
from idpro.training.losses import mask_loss, vote_loss
from idpro.training.optim import parameter_groups
from idpro.training.recipe import Recipe, Stage
from idpro.training.steps import InteractionStep, PropagationStep, _Person, _worsened, hardest_share

from . import drawn

HERE = Path(".")
QUALITIES = (0.3, 0.5, 0.2)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture
def network() -> IDPro:
    torch.manual_seed(0)
    return build(preset("tiny")).train()


def test_the_hardest_share_shrinks() -> None:
    recipe = Recipe("propagation", (Stage(9),), hardest=0.25, hardest_after=100)
    assert [hardest_share(recipe, step) for step in (0, 50, 100, 900)] == [1.0, 0.625, 0.25, 0.25]


def test_a_propagated_frame_by_hand(network: IDPro) -> None:
    recipe = drawn.recipe("propagation", HERE, length=2)
    batch = drawn.batch(frames=2)
    result = PropagationStep(network, recipe)(batch, 0, rng())
    tags = one_hot(batch.targets)
    first, second = (network.encode(batch.images[:, t]) for t in range(2))
    entry = network.memorise(first, tags[:, 0])
    seen = network.propagate(second, Memory.empty().put(0, entry), entry, batch.active)
    assert seen.vote is not None and seen.walk is not None
    vote, walk = (vote_loss(tags_, resize_tags(tags[:, 1], (4, 4))) for tags_ in (seen.vote, seen.walk))
    expected = mask_loss(seen.logits, batch.targets[:, 1], 1.0) + 0.2 * (vote + walk)
    torch.testing.assert_close(result.loss, expected, atol=1e-5, rtol=1e-5)
    assert result.scalars["loss"] == pytest.approx(float(result.loss.detach()))


def test_strokes_have_the_qualities_asked_for() -> None:
    batch = drawn.batch()
    for number, name in enumerate(("detailed", "general", "rough")):
        only = tuple(float(i == number) for i in range(3))
        assert {_Person(batch, clip, 1, only, everywhere=True).quality for clip in range(2)} == {name}


def test_late_frames_count_more(network: IDPro) -> None:
    """The loss is linear in ``late``; the weights' mean is 1."""
    losses = []
    for late in (0.0, 0.5, 1.0):
        recipe = drawn.recipe("propagation", HERE, length=5, feedback=0.0, waypoints=0.0, memory=1, late=late)
        with torch.no_grad():
            losses.append(float(PropagationStep(network, recipe)(drawn.batch(frames=5), 0, rng()).loss))
    assert losses[1] == pytest.approx((losses[0] + losses[2]) / 2, abs=1e-5) and losses[0] != losses[2]


def test_a_step_computes_only_the_slots_in_use_and_the_same_of_them(network: IDPro) -> None:
    """In training mode the refinement runs on the slots in use; evaluation runs on all of them."""
    batch = drawn.batch(frames=2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.02 * torch.randn_like(parameter)
        first, second = (network.encode(batch.images[:, t]) for t in range(2))
        entry = network.memorise(first, one_hot(batch.targets)[:, 0])
        memory = Memory.empty().put(0, entry)
        few = network.train().propagate(second, memory, entry, batch.active)
        all_ = network.eval().propagate(second, memory, entry, batch.active)
    torch.testing.assert_close(few.logits, all_.logits, atol=1e-4, rtol=1e-4)
    assert few.walk is not None and all_.walk is not None
    used = batch.active[..., None, None].expand_as(few.walk)
    torch.testing.assert_close(few.walk[used], all_.walk[used], atol=1e-5, rtol=1e-4)


def test_own_predictions_are_fed_back(network: IDPro) -> None:
    batch = drawn.batch()
    true, own, mixed = (
        float(
            PropagationStep(network, drawn.recipe("propagation", HERE, feedback=share, memory=1))(batch, 0, rng()).loss.detach()
        )
        for share in (0.0, 1.0, 0.5)
    )
    assert true != own and mixed in (pytest.approx(true, abs=1e-6), pytest.approx(own, abs=1e-6))


def test_more_frames_may_be_given_but_never_all(network: IDPro) -> None:
    step = PropagationStep(network, drawn.recipe("propagation", HERE))
    counts = set()
    for seed in range(60):
        given = step._more_given(5, Stage(1, length=5, memory=4), rng(seed))
        assert len(set(given)) == len(given) <= 3 and all(2 <= frame < 5 for frame in given)
        counts.add(len(given))
        assert not step._more_given(2, Stage(1, length=2, memory=4), rng(seed))
    assert counts == {0, 1, 2, 3}


def test_given_frames_are_not_predicted(network: IDPro) -> None:
    recipe = drawn.recipe("propagation", HERE, length=3, memory=2, feedback=0.0)
    batch = drawn.batch(frames=3)
    losses = {round(float(PropagationStep(network, recipe)(batch, 0, rng(seed)).loss.detach()), 5) for seed in range(8)}
    assert len(losses) == 2  # with the last frame in the memory, and without


def test_one_round_of_scribbles_by_hand(network: IDPro) -> None:
    recipe = drawn.recipe("interaction", HERE, length=1, rounds=1)
    batch = drawn.batch(frames=1)
    result = InteractionStep(network, recipe)(batch, 0, rng())
    people = [_Person(batch, clip, 1, QUALITIES, everywhere=False) for clip in range(2)]
    scribbles, previous, targets = (
        torch.stack([read(p) for p in people]) for read in (lambda p: p.scribbles(), lambda p: p.previous, lambda p: p.targets)
    )
    seen = network.interact(batch.images, scribbles, previous, torch.stack([p.active for p in people]) & batch.active)
    assert seen.vote is not None
    vote = vote_loss(seen.vote[:, 0], resize_tags(one_hot(targets)[:, 0], (4, 4)))
    torch.testing.assert_close(result.loss, mask_loss(seen.logits[:, 0], targets[:, 0], 1.0) + 0.2 * vote, atol=1e-5, rtol=1e-5)


def test_later_rounds_see_masks_and_strokes_on_their_errors(network: IDPro, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, batch = drawn.recipe("interaction", HERE, length=2, rounds=3), drawn.batch(frames=2)
    seen: list[Any] = []
    interact = IDPro.interact

    def recorded(self: IDPro, images: Any, scribbles: Any, previous: Any, active: Any, *, across: bool) -> Any:
        result = interact(self, images, scribbles, previous, active, across=across)
        seen.append((scribbles, previous, result.logits.detach()))
        return result

    monkeypatch.setattr(IDPro, "interact", recorded)
    seed = next(s for s in range(50) if _rounds(s) == 3)
    scalars = InteractionStep(network, recipe)(batch, 0, rng(seed)).scalars
    assert len(seen) == 3 and {"jaccard1", "jaccard2", "jaccard3"} <= set(scalars)
    for (_, _, logits), (_, previous, _) in pairwise(seen):
        full = torch.nn.functional.interpolate(logits.flatten(0, 1), size=(64, 64), mode="bilinear").argmax(1)
        assert torch.equal(previous.flatten(0, 1), one_hot(full))


def _rounds(seed: int) -> int:
    """How many rounds a step with at most two frames and three rounds goes through under this seed."""
    generator = rng(seed)
    generator.integers(1, 3)
    return int(generator.integers(1, 4))


def test_who_was_never_pointed_at_is_background() -> None:
    batch = drawn.batch(clips=1, frames=3)
    for seed in range(30):
        person = _Person(batch._replace(seeds=((0, seed),)), 0, 3, QUALITIES, everywhere=False)
        pointed = {int(i) for i in np.unique(person.strokes) if i > 0}
        assert set(torch.nonzero(person.active).flatten().tolist()) == {0, *pointed}
        assert {int(i) for i in np.unique(person.targets) if i} <= pointed


def test_some_steps_scribble_every_object_on_every_frame_that_shows_it(network: IDPro, monkeypatch: pytest.MonkeyPatch) -> None:
    batch, seen = drawn.batch(frames=3), []
    interact = IDPro.interact

    def recorded(self: IDPro, images: Any, scribbles: Any, previous: Any, active: Any, *, across: bool) -> Any:
        seen.append((scribbles * (1 - previous.flatten(1).amax(1).view(-1, 1, 1, 1, 1)), across))  # first strokes, no corrections
        return interact(self, images, scribbles, previous, active, across=across)

    monkeypatch.setattr(IDPro, "interact", recorded)
    for alone in (0.0, 1.0):
        recipe = replace(drawn.recipe("interaction", HERE, length=3, rounds=1), alone=alone)
        for seed in range(6):
            result = InteractionStep(network, recipe)(batch, 0, rng(seed))
            assert torch.isfinite(result.loss)
    missing = {True: 0, False: 0}
    for scribbles, across in seen:
        drawn_on = scribbles.flatten(3).any(3)  # B F K
        shown = one_hot(batch.targets[:, : scribbles.shape[1]]).flatten(3).any(3) & drawn_on.any(1, keepdim=True)
        missing[across] += int((shown & ~drawn_on)[..., 1:].sum())
    assert missing[False] == 0 < missing[True]


def test_propagated_frames_join_the_memory_the_latest_two_of_them(network: IDPro, monkeypatch: pytest.MonkeyPatch) -> None:
    batch, known = drawn.batch(frames=6), []
    propagate = IDPro.propagate

    def recorded(self: IDPro, features: Any, memory: Memory, *rest: Any) -> Any:
        known.append(set(memory.frames))
        return propagate(self, features, memory, *rest)

    monkeypatch.setattr(IDPro, "propagate", recorded)
    recipe = replace(drawn.recipe("propagation", HERE, length=6, memory=1), waypoints=1.0)
    PropagationStep(network, recipe)(batch, 0, rng())
    assert known == [{0}, {0, 1}, {0, 1, 2}, {0, 2, 3}, {0, 3, 4}]


def test_a_person_corrects_with_true_ids_only() -> None:
    batch = drawn.batch(clips=1, frames=2)
    kept = 0
    for seed in range(30):
        person = _Person(batch._replace(seeds=((0, seed),)), 0, 2, QUALITIES, everywhere=False)
        before = person.strokes.copy()
        wrong = torch.roll(person.targets, 9, -1)
        previous = person.correct(wrong)
        assert torch.equal(previous, one_hot(wrong))
        new = (person.strokes >= 0) & (person.strokes != before)
        if person.quality != "rough":
            assert (person.strokes[new] == person.truth[new]).all()
        if person.keeps:
            kept += 1
            assert ((person.strokes >= 0) | (before < 0)).all()
        assert person.scribbles().shape == (2, 11, 64, 64)
        assert torch.equal(person.scribbles().sum(1) > 0, torch.from_numpy(person.strokes >= 0))
    assert 5 < kept < 25


def test_a_worsened_mask_is_nearly_right() -> None:
    truth = drawn.ids(0, 96, 96)
    truth[:5] = IGNORE
    changed = []
    for seed in range(30):
        worse = _worsened(truth, rng(seed))
        assert set(np.unique(worse)) <= {0, 1, 2}
        changed.append((worse != truth)[5:].mean())
    assert 0.005 < np.mean(changed) < 0.2


@pytest.mark.parametrize("step_type", [PropagationStep, InteractionStep])
def test_a_step_is_fixed_by_its_generators(network: IDPro, step_type: Any) -> None:
    part = "propagation" if step_type is PropagationStep else "interaction"
    step = step_type(network, drawn.recipe(part, HERE, rounds=2))
    first, again = (step(drawn.batch(), 0, rng(1)).loss.detach() for _ in range(2))
    torch.manual_seed(99)
    assert torch.equal(first, again) and torch.equal(first, step(drawn.batch(), 0, rng(1)).loss.detach())


@pytest.mark.parametrize("step_type", [PropagationStep, InteractionStep])
def test_steps_teach(network: IDPro, step_type: Any) -> None:
    part = "propagation" if step_type is PropagationStep else "interaction"
    recipe = drawn.recipe(part, HERE, feedback=0.0, length=2, rounds=1)
    optimizer = torch.optim.AdamW(parameter_groups(network, recipe), lr=3e-3)
    step, batch, losses = step_type(network, recipe), drawn.batch(frames=2), []
    for _ in range(25):
        loss = step(batch, 0, rng(0)).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.6 * losses[0]


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("step_type", [PropagationStep, InteractionStep])
@pytest.mark.parametrize("name", ["tiny", "r50"])
def test_half_precision_computes_nearly_the_same(step_type: Any, precision: torch.dtype, name: str) -> None:
    torch.manual_seed(0)
    config = preset(name)
    if name == "r50":  # its windows, heads and norms on a small encoder
        config = replace(config, encoder="test_efficientnet", width=64, layers=1, decoder=(64, 32, 32), window=5)
        assert config.interaction is not None
        config = replace(config, norm_groups=8, interaction=replace(config.interaction, width=32, heads=2))
    network = build(config).train()
    part = "propagation" if step_type is PropagationStep else "interaction"
    step = step_type(network, drawn.recipe(part, HERE, rounds=2))
    batch = drawn.batch()
    single = step(batch, 0, rng(1)).loss
    with torch.autocast("cpu", dtype=precision):
        half = step(batch._replace(images=batch.images.to(precision)), 0, rng(1)).loss
    half.backward()
    assert half.isfinite() and float(half.detach()) == pytest.approx(float(single.detach()), rel=0.05)
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())
