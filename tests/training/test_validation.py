"""Validation: which videos, how they are read, and a look that leaves no trace on the run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from idpro.config import preset
from idpro.data import read_folders
from idpro.errors import ConfigError, LayoutError
from idpro.model import IDPro, build
from idpro.model.identity import one_hot
from idpro.model.interaction import Interaction
from idpro.model.network import Propagated
from idpro.training.recipe import Validation
from idpro.training.validation import first_of, look, read_sequence, validation_videos

from . import drawn


@pytest.fixture(scope="module")
def network() -> IDPro:
    torch.manual_seed(0)
    return build(preset("tiny")).train()


def test_development_sequences_are_looked_at(folders: Path) -> None:
    recipe = drawn.recipe("propagation", folders, validation=Validation((f"folders:{folders}",)))
    assert [video.name for video in validation_videos(recipe)] == ["drift-turn"]
    assert validation_videos(drawn.recipe("propagation", folders)) == ()


def test_another_set_must_name_a_split_of_its_own(tmp_path: Path, folders: Path) -> None:
    drawn.write_video(tmp_path / "valid", "seal")
    (tmp_path / "valid" / "meta.json").write_text(json.dumps({"videos": {"seal": {}}}))
    entry = f"youtube:{tmp_path}@valid"
    (video,) = validation_videos(drawn.recipe("propagation", folders, validation=Validation((entry,))))
    assert video.name == "seal"
    (tmp_path / "valid").rename(tmp_path / "train")
    for entry, trained in ((f"youtube:{tmp_path}", "folders:/x"), (f"youtube:{tmp_path}@train", f"youtube:{tmp_path}@train")):
        recipe = drawn.recipe("propagation", folders, data=(trained,), validation=Validation((entry,)))
        with pytest.raises(ConfigError, match=r"holds none of the development sequences bmx-bumps, .*: name one that does"):
            validation_videos(recipe)
    with pytest.raises(LayoutError, match="expected"):
        validation_videos(drawn.recipe("propagation", folders, validation=Validation(("davis:/nowhere",))))


def test_a_sequence_is_read_as_inference_reads_it(folders: Path) -> None:
    (dataset,) = read_folders(folders, exclude=())
    (video,) = (v for v in dataset.videos if v.name == "run")
    sequence = read_sequence(video, Validation(frames=3, stride=2, size=64))
    assert sequence.images.shape == (3, 3, 64, 96) and sequence.targets.shape == (3, 64, 96)  # 64 x 85 padded
    assert sequence.active.tolist() == [True] * 3 + [False] * 8
    column = [int(np.nonzero(target[:, :85].numpy() == 1)[1].min()) for target in sequence.targets]
    assert column == [8, 11, 15]  # the square of frames 0, 2 and 4 starts at 8, 12 and 16 of 96 columns


def test_objects_that_start_later_are_background(tmp_path: Path) -> None:
    import PIL.Image

    drawn.write_video(tmp_path, "seal", frames=3)
    first = drawn.ids(0)
    PIL.Image.fromarray(np.where(first == 1, 0, first).astype(np.uint8)).save(tmp_path / "Annotations" / "seal" / "00000.png")
    (dataset,) = read_folders(tmp_path)
    sequence = read_sequence(dataset.videos[0], Validation(frames=3, stride=1, size=64))
    assert sequence.active.sum() == 2 and sequence.targets.unique().tolist() == [0, 1]
    assert torch.equal(sequence.targets[0] == 1, sequence.targets[1] == 1)  # the disk, which does not move


@pytest.mark.parametrize("part", ["propagation", "interaction"])
def test_a_look_leaves_no_trace(network: IDPro, folders: Path, part: str) -> None:
    recipe = drawn.recipe(part, folders)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    random = torch.get_rng_state()
    first, again = (look(network, first_of(drawn.batch()), recipe) for _ in range(2))
    assert first.scores == again.scores and np.array_equal(first.picture, again.picture)
    assert network.training and torch.equal(random, torch.get_rng_state())
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert set(first.scores) == ({"jaccard"} if part == "propagation" else {"jaccard1", "jaccard2", "jaccard3"})
    assert first.picture.shape == (3 * 64, 3 * 64, 3) and first.picture.dtype == np.uint8


@pytest.mark.parametrize("part", ["propagation", "interaction"])
def test_a_network_that_is_right_scores_one(network: IDPro, folders: Path, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = drawn.batch(frames=4)
    answers = 20 * one_hot(batch.targets[0])[..., ::4, ::4]
    frames = iter(answers[1:])

    def propagate(self: IDPro, *args: object) -> Propagated:
        right = real(self, *args)  # type: ignore[arg-type]
        return right._replace(logits=next(frames)[None])

    real = IDPro.propagate
    monkeypatch.setattr(IDPro, "propagate", propagate)
    monkeypatch.setattr(IDPro, "interact", lambda self, *a, across: Interaction(answers[[0, 2, 3]][None], None))
    scores = look(network, first_of(batch), drawn.recipe(part, folders)).scores
    assert set(scores.values()) == {1.0}


def test_the_first_strokes_are_followed_by_strokes_on_errors(
    network: IDPro, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = drawn.batch(frames=3)
    truth = batch.targets[0]
    given = []

    def interact(
        self: IDPro, images: torch.Tensor, scribbles: torch.Tensor, previous: torch.Tensor, *a: object, across: bool
    ) -> Interaction:
        given.append((scribbles[0], previous[0]))
        return Interaction(20 * one_hot(torch.zeros_like(truth))[None, ..., ::4, ::4], None)  # nothing but background

    monkeypatch.setattr(IDPro, "interact", interact)
    scores = look(network, first_of(batch), drawn.recipe("interaction", folders)).scores
    assert set(scores.values()) == {0.0} and len(given) == 3
    assert not given[0][1].any() and (given[1][1][:, 0] == 1).all()
    for scribbles, _ in given:
        assert scribbles.any() and not (scribbles * (1 - one_hot(truth))).any()
    assert not given[1][0][:, 0].any()  # the background is right everywhere
