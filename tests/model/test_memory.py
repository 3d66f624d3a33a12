"""The across-round memory: immutable, one entry a frame."""

from __future__ import annotations

import torch

from idpro.model import Memory, MemoryEntry


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
