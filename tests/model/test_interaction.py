"""The laws of AFI: batches, frames in any order, objects on any slot, strokes that reach across frames."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from idpro.config import ID_CHANNELS
from idpro.model import IDPro
from idpro.model.identity import resize_tags
from idpro.model.interaction import AcrossFrameInteraction, ScribbleMatch, StrokeSpread

from .drawn import active, clip, permuted, strokes, tags


def interaction_input(frames: int = 3, objects: int = 2, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Images, scribbles and previous masks of one clip, 1 F C H W each; only frame 0 is scribbled on."""
    images, ids = clip(frames, objects, seed)
    scribbles = strokes(ids)
    scribbles[1:] = 0
    return images[None], scribbles[None], torch.zeros_like(scribbles)[None]


@pytest.fixture
def afi(tiny: IDPro) -> AcrossFrameInteraction:
    assert tiny.interaction is not None
    return tiny.interaction


@torch.inference_mode()
@pytest.mark.parametrize("frames", [1, 2, 5])
def test_any_number_of_frames_comes_out_at_stride_4(tiny: IDPro, frames: int) -> None:
    result = tiny.interact(*interaction_input(frames), active(2))
    assert result.logits.shape == (1, frames, ID_CHANNELS, 16, 24)
    assert result.vote is not None and result.vote.shape == (1, frames, ID_CHANNELS, 4, 6)
    assert result.logits[:, :, :3].isfinite().all()
    assert (result.logits[:, :, 3:] == -1e10).all()


@torch.inference_mode()
def test_a_batch_of_two_is_two_singles(tiny: IDPro) -> None:
    one, other = interaction_input(seed=0), interaction_input(objects=3, seed=1)
    slots = torch.cat([active(2), active(3)])
    both = tiny.interact(*(torch.cat(pair) for pair in zip(one, other, strict=True)), slots)
    for index, single in enumerate((one, other)):
        alone = tiny.interact(*single, slots[index : index + 1])
        torch.testing.assert_close(both.logits[index : index + 1], alone.logits, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(both.vote[index : index + 1], alone.vote, atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_the_order_of_frames_does_not_matter(tiny: IDPro) -> None:
    given, order = interaction_input(4), torch.tensor([2, 0, 3, 1])
    logits = tiny.interact(*given, active(2)).logits
    shuffled = tiny.interact(*(x[:, order] for x in given), active(2)).logits
    torch.testing.assert_close(shuffled, logits[:, order], atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_strokes_reach_other_frames_across_and_only_across(tiny: IDPro) -> None:
    images, scribbles, previous = interaction_input(3)
    erased = scribbles.clone()
    erased[:, 0, 2] = 0  # object 2 loses its stroke on frame 0
    for across in (True, False):
        with_stroke = tiny.interact(images, scribbles, previous, active(2), across=across).logits
        without = tiny.interact(images, erased, previous, active(2), across=across).logits
        change = (with_stroke - without)[:, :, :3].abs().amax((0, 2, 3, 4))
        assert change[0] > 0.01
        if across:
            assert change[1:].min() > 0.01
        else:
            assert change[1:].max() == 0


@torch.inference_mode()
def test_frames_on_their_own_are_what_each_alone_gives(tiny: IDPro) -> None:
    given = interaction_input(2)
    together = tiny.interact(*given, active(2), across=False).logits
    for frame in (0, 1):
        alone = tiny.interact(*(x[:, frame : frame + 1] for x in given), active(2), across=False).logits
        torch.testing.assert_close(together[:, frame : frame + 1], alone, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_previous_masks_are_seen(tiny: IDPro) -> None:
    images, scribbles, previous = interaction_input(1)
    _, ids = clip(1)
    logits = tiny.interact(images, scribbles, previous, active(2)).logits
    informed = tiny.interact(images, scribbles, tags(ids)[None], active(2)).logits
    assert not torch.allclose(logits[:, :, :3], informed[:, :, :3], atol=0.01)


@torch.inference_mode()
def test_objects_may_sit_on_any_slot(afi: AcrossFrameInteraction, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what answers for fixed channels silenced (the stem's tags, the pyramid's last layer), logits follow the object."""
    stem, answer = afi.encoder.get_parameter("conv_stem.weight"), afi.head.conv_out
    kept = stem.clone(), answer.weight.clone(), answer.bias.clone()
    try:
        stem[:, 3:], answer.weight[:], answer.bias[:] = 0, 0, 0
        images, scribbles, previous = interaction_input(2, objects=4)
        _, ids = clip(2, objects=4)
        previous[:, 1] = tags(ids)[1]
        order = permuted(4)
        result = afi(images, scribbles, previous, active(4), True)
        moved = afi(images, scribbles[:, :, order], previous[:, :, order], active(4), True)
        torch.testing.assert_close(moved.logits, result.logits[:, :, order], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(moved.vote, result.vote[:, :, order], atol=1e-5, rtol=1e-4)
        assert not torch.allclose(result.vote[:, :, 1], result.vote[:, :, 2], atol=1e-3)
    finally:
        stem[:], answer.weight[:], answer.bias[:] = kept


@torch.inference_mode()
def test_the_attention_of_figure_4_is_a_share_of_every_cell_of_every_frame(tiny: IDPro, afi: AcrossFrameInteraction) -> None:
    weights = afi.attention_weights(*interaction_input(3))
    assert weights.shape == (1, 3 * 24, 3 * 24)
    torch.testing.assert_close(weights.sum(-1), torch.ones(1, 72))
    assert weights.std() > 0


@torch.inference_mode()
def test_the_drawn_attention_is_the_one_at_work(tiny: IDPro, afi: AcrossFrameInteraction) -> None:
    given = interaction_input(2)
    seen: list[Tensor] = []
    hook = afi.attention.across.register_forward_hook(lambda layer, inputs, out: seen.extend(inputs))
    try:
        tiny.interact(*given, active(2))
    finally:
        hook.remove()
    x, position = seen
    across = afi.attention.across
    q, k = across.query(x + position), across.key(x + position)
    width = q.shape[-1] // across.heads
    heads = [q[..., i : i + width] @ k[..., i : i + width].mT / width**0.5 for i in range(0, q.shape[-1], width)]
    expected = torch.stack([scores.softmax(-1) for scores in heads]).mean(0)
    torch.testing.assert_close(afi.attention_weights(*given), expected, atol=1e-6, rtol=1e-4)


@torch.inference_mode()
def test_matching_gives_tokens_the_id_of_the_stroke_they_resemble() -> None:
    match = ScribbleMatch(4)
    looks = torch.eye(4)
    tokens = looks[[0, 1, 2, 0, 1, 3]].view(1, 2, 3, 4)  # frame 0: a b c, frame 1: a b d
    drawn = torch.zeros(1, 2, 3, ID_CHANNELS)
    drawn[0, 0, 0, 1], drawn[0, 0, 1, 2] = 0.5, 0.2  # strokes on a and b of frame 0, covering part of their cells
    votes = match(tokens, drawn, mixed=True)
    torch.testing.assert_close(votes.sum(-1), torch.ones(1, 2, 3))
    assert votes[0].argmax(-1).tolist() == [[1, 2, 0], [1, 2, 0]]  # c and d resemble no stroke: background
    assert match(tokens, drawn, mixed=False)[0].argmax(-1).tolist() == [[1, 2, 0], [0, 0, 0]]


@torch.inference_mode()
def test_without_any_stroke_every_token_votes_background() -> None:
    votes = ScribbleMatch(4)(torch.randn(1, 2, 3, 4), torch.zeros(1, 2, 3, ID_CHANNELS), mixed=True)
    assert (votes[..., 0] == 1).all() and (votes[..., 1:] == 0).all()


@torch.inference_mode()
def test_strokes_spread_to_what_looks_alike_and_stay_where_they_are() -> None:
    torch.manual_seed(0)
    spread = StrokeSpread(2, width=2)
    spread.embed.weight.copy_(torch.eye(2)[:, :, None, None])
    spread.sharpness.fill_(3.0)
    features = torch.zeros(1, 2, 8, 8)
    features[:, 0, :, :4], features[:, 1, :, 4:] = 1, 1  # a left and a right half
    drawn = torch.zeros(1, ID_CHANNELS, 8, 8)
    drawn[0, 1, 4, 1], drawn[0, 2, 4, 6] = 1, 1
    moved = spread(features, drawn)
    assert moved[0, 1, 4, 1] == 1 and moved[0, 2, 4, 6] == 1
    ids = moved[0].argmax(0)
    assert (ids[:, :4] == 1).all() and (ids[:, 4:] == 2).all()
    assert (moved.sum(1) <= 1 + 1e-5).all()
    order = permuted(2)
    torch.testing.assert_close(spread(features, drawn[:, order]), moved[:, order])


def test_a_stroke_of_one_pixel_is_not_averaged_away() -> None:
    drawn = torch.zeros(1, ID_CHANNELS, 64, 96)
    drawn[0, 3, 17, 33] = 1
    assert resize_tags(drawn, (4, 6))[0, 3, 1, 2] > 0
