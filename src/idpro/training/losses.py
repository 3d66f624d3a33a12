"""The loss of the paper (section IV): 0.5 bootstrapped cross-entropy + 0.5 soft Jaccard, over the id channels in use.

Every loss is a mean over clips, so that a batch split over processes gives what one process gives.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

IGNORE = 255


def bootstrapped_cross_entropy(logits: Tensor, target: Tensor, share: float) -> Tensor:
    """Cross-entropy of each clip's hardest pixels.

    Args:
        logits: B K H W.
        target: B H W int64 of channels, 255 = ignore.
        share: of the pixels, the hardest that count, in (0, 1].
    """
    loss = F.cross_entropy(logits, target, ignore_index=IGNORE, reduction="none").flatten(1)  # B HW
    if share < 1:
        loss = loss.topk(max(1, int(share * loss.shape[1])), dim=1).values
        return loss.mean()
    return (loss.sum(1) / (target.flatten(1) != IGNORE).sum(1).clamp(min=1)).mean()


def soft_jaccard(logits: Tensor, target: Tensor) -> Tensor:
    """1 - soft intersection over union (Nowozin 2014), the mean over the ids each clip shows or claims, then over clips.

    Args:
        logits: B K H W.
        target: B H W int64 of channels, 255 = ignore.
    """
    valid = (target != IGNORE).float()[:, None]
    probability = logits.softmax(1) * valid
    truth = F.one_hot(target.masked_fill(target == IGNORE, 0), logits.shape[1]).permute(0, 3, 1, 2).float() * valid
    both = (probability * truth).sum((2, 3))
    either = (probability + truth).sum((2, 3)) - both  # B K
    shown = truth.sum((2, 3)) > 0
    jaccard = (both + 1) / (either + 1)
    return (((1 - jaccard) * shown).sum(1) / shown.sum(1).clamp(min=1)).mean()


def mask_loss(logits: Tensor, target: Tensor, share: float) -> Tensor:
    """The paper's loss; logits B K h w are enlarged to the target's B H W first."""
    if logits.shape[-2:] != target.shape[-2:]:
        logits = F.interpolate(logits, size=target.shape[-2:], mode="bilinear", align_corners=False)
    return 0.5 * bootstrapped_cross_entropy(logits, target, share) + 0.5 * soft_jaccard(logits, target)


def vote_loss(vote: Tensor, tags: Tensor) -> Tensor:
    """How far the tags' vote B K h w is from the truth averaged to its grid (B K h w): the mean of -sum t log v."""
    return -(tags * (vote.clamp(0, 1) + 0.01).log()).sum(1).mean()


def mean_jaccard(logits: Tensor, target: Tensor) -> Tensor:
    """For the log: mean IoU over the objects shown (background left out) of the hard masks at stride 4, a number."""
    prediction = logits.argmax(1)
    small = F.interpolate(target[:, None].float(), size=logits.shape[-2:], mode="nearest")[:, 0].long()
    valid = small != IGNORE
    scores = []
    for channel in range(1, logits.shape[1]):
        truth, claim = (small == channel) & valid, (prediction == channel) & valid
        shown = truth.flatten(1).any(1)
        if shown.any():
            scores.append(((truth & claim).flatten(1).sum(1) / (truth | claim).flatten(1).sum(1).clamp(min=1))[shown])
    return torch.cat(scores).mean() if scores else torch.tensor(1.0)
