"""The identification mechanism: tags of ids, the bank, and its grid."""

from __future__ import annotations

import torch

from idpro.config import ID_CHANNELS
from idpro.model.identity import IdentityBank, mask_inactive, one_hot, resize_tags, shuffle_ids


def test_every_pixel_has_the_tag_of_its_id_and_ignored_ones_have_none() -> None:
    ids = torch.tensor([[0, 1, 10], [255, -1, 11]])
    tags = one_hot(ids)
    assert tags.shape == (ID_CHANNELS, 2, 3)
    assert tags.sum(0).tolist() == [[1, 1, 1], [0, 0, 0]]
    assert tags[0, 0, 0] == tags[1, 0, 1] == tags[10, 0, 2] == 1


def test_shuffled_ids_are_distinct_slots_and_the_background_stays() -> None:
    generator = torch.Generator().manual_seed(0)
    seen = set()
    for _ in range(50):
        slots = shuffle_ids(3, generator)
        assert slots[0] == 0 and len(set(slots.tolist())) == 4 and slots[1:].min() >= 1 and slots.max() <= 10
        seen.update(slots[1:].tolist())
    assert seen == set(range(1, 11))  # every slot is used


def test_banks_lie_on_the_grid_of_stride_16() -> None:
    aligned = IdentityBank(4, kernel=17, stride=1)(torch.rand(2, ID_CHANNELS, 33, 49))
    cells = IdentityBank(4, kernel=16, stride=1)(torch.rand(2, ID_CHANNELS, 32, 48))
    averaged = IdentityBank(4, kernel=6, stride=4)(torch.rand(2, ID_CHANNELS, 8, 12))
    assert aligned.shape == (2, 3 * 4, 4)
    assert cells.shape == averaged.shape == (2, 2 * 3, 4)


def test_the_bank_adds_up_objects() -> None:
    torch.manual_seed(0)
    bank = IdentityBank(4, kernel=6, stride=4)
    one, other = torch.zeros(1, ID_CHANNELS, 8, 8), torch.zeros(1, ID_CHANNELS, 8, 8)
    one[:, 1, :4], other[:, 2, 4:] = 1, 1
    nothing = bank(torch.zeros_like(one))
    torch.testing.assert_close(bank(one + other), bank(one) + bank(other) - nothing)
    assert not torch.allclose(bank(one), nothing)


def test_tags_shrink_by_averaging_and_keep_their_share_of_the_image() -> None:
    tags = one_hot(torch.randint(0, 4, (32, 48), generator=torch.Generator().manual_seed(0)))[None]
    small = resize_tags(tags, (2, 3))
    torch.testing.assert_close(small[0, :, 1, 2], tags[0, :, 16:, 32:].mean((1, 2)))
    torch.testing.assert_close(small.mean((2, 3)), tags.mean((2, 3)))
    assert resize_tags(tags, (32, 48)) is tags
    torch.testing.assert_close(resize_tags(small, (8, 12)).sum(1), torch.ones(1, 8, 12))


def test_unused_slots_are_out_of_the_race() -> None:
    logits = torch.randn(2, ID_CHANNELS, 3, 4)
    active = torch.arange(ID_CHANNELS) <= torch.tensor([[2], [10]])
    masked = mask_inactive(logits, active)
    assert (masked[0, 3:] == -1e10).all()
    assert torch.equal(masked[0, :3], logits[0, :3]) and torch.equal(masked[1], logits[1])
    assert (masked.softmax(1)[0, 3:] == 0).all()
