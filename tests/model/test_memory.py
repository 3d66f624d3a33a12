"""The across-round memory: immutable, one entry a frame."""

from __future__ import annotations

import torch

from idpro.model import Memory, MemoryEntry
from idpro.model.identity import one_hot
from idpro.model.memory import Cells, chosen_cells


def entry(value: float, tokens: int = 6) -> MemoryEntry:
    """An entry of two layers filled with ``value``."""
    keys = tuple(torch.full((1, tokens, 4), value + layer) for layer in (0.0, 0.1))
    return MemoryEntry(keys, tuple(-k for k in keys), torch.full((1, tokens, 11), value), torch.full((1, 11, 8, 12), value))


def test_put_and_without_leave_the_memory_they_were_asked_of() -> None:
    empty = Memory.empty()
    one = empty.put(3, entry(1.0))
    two = one.put(7, entry(2.0))
    assert (empty.frames, one.frames, two.frames) == ((), (3,), (7, 3))
    assert two.without(7).frames == (3,) and two.frames == (7, 3)
    assert two.without(100).frames == (7, 3)


def test_a_frame_interacted_with_again_replaces_its_own_entry() -> None:
    memory = Memory.empty().put(3, entry(1.0)).put(7, entry(2.0))
    again = memory.put(3, entry(5.0))
    assert sorted(again.frames) == [3, 7]
    assert again.entries[3].keys[0][0, 0, 0] == 5 and memory.entries[3].keys[0][0, 0, 0] == 1


def test_entries_are_read_side_by_side_newest_first() -> None:
    memory = Memory.empty().put(0, entry(1.0)).put(4, entry(2.0, tokens=3))
    pairs, tags = memory.joined
    assert len(pairs) == 2 and tags.shape == (1, 9, 11)
    keys, values = pairs[1]
    torch.testing.assert_close(keys[0, :, 0], torch.tensor([2.1] * 3 + [1.1] * 6))
    torch.testing.assert_close(values, -keys)
    torch.testing.assert_close(tags[0, :, 0], torch.tensor([2.0] * 3 + [1.0] * 6))
    assert memory.counts is None


def test_what_is_left_out_is_not_read_and_what_stands_for_it_counts_more() -> None:
    few = entry(1.0)
    few = MemoryEntry(few.keys, few.values, few.tags, few.mask, Cells(torch.tensor([1, 4]), torch.tensor([1.0, 5.0])))
    memory = Memory.empty().put(0, few).put(4, entry(2.0, tokens=3))
    assert memory.joined[1].shape == (1, 5, 11) and memory.joined[0][0][0].shape == (1, 5, 4)
    torch.testing.assert_close(memory.counts, torch.tensor([1.0, 1, 1, 1, 5]))


def test_objects_and_what_surrounds_them_are_kept_and_the_rest_is_stood_for() -> None:
    ids = torch.zeros(1, 30, 54, dtype=torch.long)
    ids[:, 8:24, 10:30] = 1
    tags = one_hot(ids).flatten(2).transpose(1, 2)
    cells = chosen_cells(tags, (30, 54))
    near = (16 + 6) * (20 + 6)  # three cells around the object
    torch.testing.assert_close(cells.counts.sum(), torch.tensor(30.0 * 54))  # none is forgotten
    kept = torch.zeros(30, 54, dtype=torch.bool)
    kept.view(-1)[cells.places] = True
    assert kept[5:27, 7:33].all() and int((cells.counts == 1).sum()) == near
    assert int((cells.counts > 1).sum()) == int(kept.sum()) - near < (30 * 54 - near) / 3.5


def test_a_frame_without_objects_is_a_sample_and_a_tiny_one_is_whole() -> None:
    tags = one_hot(torch.zeros(1, 30, 54, dtype=torch.long)).flatten(2).transpose(1, 2)
    assert len(chosen_cells(tags, (30, 54)).places) == 15 * 27
    small = one_hot(torch.zeros(1, 1, 1, dtype=torch.long)).flatten(2).transpose(1, 2)
    assert chosen_cells(small, (1, 1)).places.tolist() == [0] and chosen_cells(small, (1, 1)).counts.tolist() == [1.0]
