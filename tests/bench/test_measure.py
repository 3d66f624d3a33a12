"""The measurements on the tiny network: every number is there, parts add up, and memory does not grow with a clip."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from idpro.bench import measure
from idpro.bench.clip import WanderingDiscs, video_file, widescreen
from idpro.bench.timing import TensorMemory, resident_mib
from idpro.config import preset
from idpro.errors import CheckpointError
from idpro.model import IDPro, Memory, build
from idpro.model.network import active_slots
from idpro.session.cache import tensor_bytes, to_half
from idpro.session.session import Session
from idpro.session.workspace import MaskFile, Workspace


@pytest.fixture(scope="module")
def network() -> IDPro:
    torch.manual_seed(0)
    return build(preset("tiny")).eval()


def test_propagation_tells_first_from_cached_and_its_parts_add_up(network: IDPro) -> None:
    rows = measure.propagation(network, size=64, counts=(1, 11), marked=2, repeats=1)
    assert [row["objects"] for row in rows] == [1, 11]
    row = rows[1]
    assert row["first_frame_s"] > 0 and row["cached_frame_s"] > 0 and row["peak_mib"] > 50
    parts = row["parts"]
    assert set(parts) == {"decode", "encode", "memory_read", "decoder", "identity", "upsampling", "session_overhead"}
    assert all(parts[name] > 0 for name in parts if name != "session_overhead")  # a difference: noise may turn its sign
    inside = sum(seconds for name, seconds in parts.items() if name not in ("decode", "encode"))
    assert inside == pytest.approx(row["cached_frame_s"])


def test_the_second_pass_encodes_nothing(network: IDPro, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[int] = []
    handle = network.encoder.register_forward_hook(lambda *_: encoded.append(1))
    measure.propagation(network, size=64, counts=(1,), repeats=1)
    handle.remove()
    assert len(encoded) == 2 * (measure.FRAMES + 1)  # two sessions, every frame once


def test_interaction_solves_all_frames(network: IDPro) -> None:
    row = measure.interaction(network, size=64, frames=3, objects=2, repeats=1)
    assert row["frames"] == 3 and row["interact_s"] > 0
    assert sum(row["parts"].values()) == pytest.approx(row["interact_s"])
    assert {"encode", "afa", "mask_head", "tags"} <= set(row["parts"])


def test_a_network_without_the_module_is_refused_where_it_is_measured() -> None:
    published = build(dataclasses.replace(preset("tiny"), interaction=None))
    for work in (
        lambda: measure.interaction(published.eval(), size=64, frames=1, objects=1, repeats=1),
        lambda: measure.afi(published.eval(), size=64, frames=1, repeats=1),
    ):
        with pytest.raises(CheckpointError, match="no interaction module"):
            work()
    assert [row["component"] for row in measure.components(published.eval(), size=64, repeats=1)][:2] == [
        "Memory Generate Network",
        "ID-queried Decoder",
    ]


def test_resident_memory_does_not_grow_with_the_clip(network: IDPro) -> None:
    """Ten times the frames, whose features alone are larger by many times what memory may grow by."""

    def resident(length: int) -> float:
        clip = WanderingDiscs(widescreen(144), length, 2)
        session = Session(network, clip, size=144, cache_bytes=1 << 20)
        session.interact({}, masks={0: clip.mask(0), length - 1: clip.mask(length - 1)})
        assert sum(1 for _ in session.propagate()) == length - 2
        return resident_mib()

    with torch.inference_mode():
        features = to_half(network.encode(measure.Bench(network, 144).images(WanderingDiscs(widescreen(144), 1, 1), 1)))
    short = resident(20)
    growth = resident(200) - short
    assert growth < 180 * tensor_bytes(features) / (1 << 20) / 2


def test_two_rounds_on_three_times_the_frames_hold_the_same_tensors(network: IDPro, tmp_path: Path) -> None:
    """To the byte, at the highest mark: encoded frames, memory entries, passes, and everything in passing. Masks are on disk."""

    def peak(length: int) -> int:
        clip = WanderingDiscs(widescreen(64), length, 2)
        with (
            video_file(clip) as file,
            Workspace.create(tmp_path / str(length), file, size=64) as workspace,
            workspace.open_video() as video,
            TensorMemory() as memory,
        ):
            session = workspace.session(network, video, cache_bytes=1 << 18)
            for marks in ([0, length - 1], [1]):
                session.interact({}, masks={frame: clip.mask(frame) for frame in marks})
                assert sum(1 for _ in session.propagate()) == length - len(session.interacted)
            references = session.state.masks.values()
            assert len(references) == length and all(isinstance(reference, MaskFile) for reference in references)
        return memory.peaks[""]

    assert peak(40) == peak(120)


def test_ten_objects_cost_the_operations_of_one_and_eleven_of_two_groups(network: IDPro) -> None:
    one, ten, eleven = measure.objects(network, size=64, counts=(1, 10, 11), repeats=1)
    assert one["concurrent_gflop"] == one["one_by_one_gflop"]
    # memory keeps the cells around objects: what ten cost more or less than one is where they are, not how many
    assert ten["concurrent_gflop"] == pytest.approx(one["concurrent_gflop"], rel=0.01)
    assert eleven["concurrent_gflop"] > 1.3 * ten["concurrent_gflop"]
    alone = (ten["one_by_one_gflop"] - one["one_by_one_gflop"]) / 9  # of one more object
    assert eleven["one_by_one_gflop"] - ten["one_by_one_gflop"] == pytest.approx(alone, rel=0.01)
    assert 0 < alone < one["concurrent_gflop"]  # the frame is encoded once for all


def test_the_baseline_segments_each_object_as_the_network_does_alone(network: IDPro) -> None:
    """A step of the bench is a step of a session: propagate, then remember what was found."""
    bench, clip = measure.Bench(network, 64), WanderingDiscs(widescreen(64), 2, 12)
    with torch.inference_mode():
        features = network.encode(bench.images(clip, 1))
        tags = bench.tags(clip.mask(0), 12)
        assert tags.shape[:2] == (2, 11) and (tags.sum(1) == 1).all()
        assert (tags[0, 1:].any(0) & tags[1, 1:].any(0)).sum() == 0  # an object is in one group only
        entry = network.memorise(features, tags)
        after = bench.frame(features, Memory.empty().put(0, entry), entry, active_slots(12))
    assert after.mask.shape == entry.mask.shape and not torch.equal(after.mask, entry.mask)


def test_memory_of_the_interaction_grows_with_frames_and_its_attention_is_apart(network: IDPro) -> None:
    one, three = (measure.afi(network, size=64, frames=n, repeats=1) for n in (1, 3))
    assert three["afi_without_afa_mib"] > 2 * one["afi_without_afa_mib"] > 0
    assert three["afa_mib"] > one["afa_mib"] > 0
    assert three["afa_s"] > 0 and three["afi_without_afa_s"] > 0


def test_every_part_of_table_iv_is_measured(network: IDPro) -> None:
    rows = measure.components(network, size=64, repeats=1)
    assert [row["component"] for row in rows][:4] == ["AFI w/o AFA", "AFA", "Memory Generate Network", "ID-queried Decoder"]
    assert all(row["seconds"] > 0 and row["mib"] > 0 for row in rows)


@pytest.mark.parametrize(("count", "length", "frames"), [(1, 9, [0]), (2, 9, [0, 8]), (3, 9, [0, 4, 8])])
def test_marked_frames_are_spread(count: int, length: int, frames: list[int]) -> None:
    assert measure.spaced(count, length) == frames
