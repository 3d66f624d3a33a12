"""The losses against slow readings of their definitions, pixel by pixel."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from idpro.training.losses import (
    IGNORE,
    bootstrapped_cross_entropy,
    mask_loss,
    mean_jaccard,
    soft_jaccard,
    vote_loss,
)

B, K, H, W = 2, 4, 5, 6


def drawn(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Logits and targets; the second clip has no object 3, and ignored pixels."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(B, K, H, W, generator=generator)
    target = torch.randint(0, K, (B, H, W), generator=generator)
    target[1][target[1] == 3] = 0
    target[1, 0, :4] = IGNORE
    return logits, target


def pixel_losses(logits: Tensor, target: Tensor) -> list[float]:
    """-log p(truth) of each pixel of one clip; an ignored pixel costs nothing."""
    costs = []
    for y in range(H):
        for x in range(W):
            truth = int(target[y, x])
            scores = [float(logits[k, y, x]) for k in range(K)]
            total = math.log(sum(math.exp(s) for s in scores))
            costs.append(0.0 if truth == IGNORE else total - scores[truth])
    return costs


def test_the_whole_cross_entropy_is_a_mean_over_what_counts() -> None:
    logits, target = drawn()
    by_hand = [sum(pixel_losses(logits[b], target[b])) / int((target[b] != IGNORE).sum()) for b in range(B)]
    assert float(bootstrapped_cross_entropy(logits, target, 1.0)) == pytest.approx(sum(by_hand) / B, rel=1e-5)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.01])
def test_the_bootstrapped_one_is_the_mean_of_each_clips_hardest_pixels(share: float) -> None:
    logits, target = drawn()
    count = max(1, int(share * H * W))
    by_hand = [sum(sorted(pixel_losses(logits[b], target[b]))[-count:]) / count for b in range(B)]
    assert float(bootstrapped_cross_entropy(logits, target, share)) == pytest.approx(sum(by_hand) / B, rel=1e-5)


def test_the_soft_jaccard_is_counted_over_the_ids_a_clip_shows() -> None:
    logits, target = drawn()
    clips = []
    for b in range(B):
        scores = []
        for k in range(K):
            both = either = 0.0
            shown = False
            for y in range(H):
                for x in range(W):
                    if target[b, y, x] == IGNORE:
                        continue
                    exps = [math.exp(float(logits[b, j, y, x])) for j in range(K)]
                    p, t = exps[k] / sum(exps), float(target[b, y, x] == k)
                    shown |= t > 0
                    both += p * t
                    either += p + t - p * t
            if shown:
                scores.append(1 - (both + 1) / (either + 1))
        clips.append(sum(scores) / len(scores))
    assert float(soft_jaccard(logits, target)) == pytest.approx(sum(clips) / B, rel=1e-5)


def test_the_papers_loss_is_half_and_half_at_full_size() -> None:
    logits, target = drawn()
    half = 0.5 * bootstrapped_cross_entropy(logits, target, 0.5) + 0.5 * soft_jaccard(logits, target)
    torch.testing.assert_close(mask_loss(logits, target, 0.5), half)
    large = target.repeat_interleave(4, 1).repeat_interleave(4, 2)
    enlarged = torch.nn.functional.interpolate(logits, scale_factor=4, mode="bilinear", align_corners=False)
    torch.testing.assert_close(mask_loss(logits, large, 0.5), mask_loss(enlarged, large, 0.5))


@pytest.mark.parametrize("share", [1.0, 0.3])
def test_a_batch_costs_the_mean_of_its_clips(share: float) -> None:
    """What makes two processes with one clip each equal to one with two."""
    logits, target = drawn()
    singles = [mask_loss(logits[b : b + 1], target[b : b + 1], share) for b in range(B)]
    torch.testing.assert_close(mask_loss(logits, target, share), torch.stack(singles).mean())


def test_ignored_pixels_teach_nothing() -> None:
    logits, target = drawn()
    logits.requires_grad_(True)
    mask_loss(logits, target, 1.0).backward()
    assert logits.grad is not None
    assert not logits.grad[1, :, 0, :4].any() and logits.grad[1, :, 1].any()


def test_a_perfect_mask_costs_nothing_and_a_wrong_one_a_lot() -> None:
    _, target = drawn()
    perfect = 50.0 * torch.nn.functional.one_hot(target.masked_fill(target == IGNORE, 0), K).permute(0, 3, 1, 2)
    assert float(mask_loss(perfect, target, 0.25)) < 1e-4
    assert float(mask_loss(perfect.roll(1, 1), target, 0.25)) > 10


def test_the_vote_is_a_cross_entropy_of_shares() -> None:
    generator = torch.Generator().manual_seed(1)
    vote, tags = (torch.rand(B, K, 2, 2, generator=generator) for _ in range(2))
    cells = [
        -sum(float(tags[b, k, y, x]) * math.log(float(vote[b, k, y, x]) + 0.01) for k in range(K))
        for b in range(B)
        for y in range(2)
        for x in range(2)
    ]
    assert float(vote_loss(vote, tags)) == pytest.approx(sum(cells) / len(cells), rel=1e-5)


def test_the_logged_jaccard_is_the_mean_over_objects_shown() -> None:
    target = torch.zeros(2, 4, 4, dtype=torch.long)
    target[0, :2] = 1  # 8 pixels, predicted on 4 of them and 2 others: 4 / 10
    target[1, 0] = 2  # 4 pixels, one of them ignored, all predicted: 1
    target[1, 0, 0] = IGNORE
    prediction = torch.zeros(2, 4, 4, dtype=torch.long)
    prediction[0, 0], prediction[0, 3, :2] = 1, 1
    prediction[1, 0] = 2
    logits = torch.nn.functional.one_hot(prediction, 4).permute(0, 3, 1, 2).float()
    assert float(mean_jaccard(logits, target)) == pytest.approx((0.4 + 1) / 2)
    assert float(mean_jaccard(logits, torch.zeros_like(target))) == 1.0
