"""supervision's detections, and FiftyOne's by what it is handed."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
import supervision

from idpro.errors import MaskError, MissingExtra
from idpro.formats.detections import from_supervision, to_fiftyone, to_supervision

from .drawn import HEIGHT, LABELS, WIDTH, mask_of, masks


def test_detections_are_the_masks_and_come_back() -> None:
    for frame, mask in masks():
        detections = to_supervision(mask, LABELS)
        assert isinstance(detections, supervision.Detections)
        assert detections.tracker_id.tolist() == [i for i in (3, 1, 12) if (mask == i).any()]
        for plane, (x0, y0, x1, y1) in zip(detections.mask, detections.xyxy.astype(int), strict=True):
            assert plane.sum() == plane[y0:y1, x0:x1].sum() and plane[y0].any() and plane[:, x1 - 1].any()
        assert np.array_equal(from_supervision(detections, (HEIGHT, WIDTH)), np.where(mask == 255, 0, mask)), frame
    assert to_supervision(mask, LABELS).data["class_name"].tolist() == ["the van / left", "dog"]
    assert to_supervision(mask, LABELS).class_id.tolist() == [0, 1]


def test_supervision_draws_them() -> None:
    mask = mask_of(0)
    assert mask is not None
    painted = supervision.MaskAnnotator(opacity=1.0).annotate(np.zeros((HEIGHT, WIDTH, 3), np.uint8), to_supervision(mask))
    assert np.array_equal(painted.any(axis=2), np.isin(mask, (1, 3, 12)))


def test_an_empty_frame_has_no_detections() -> None:
    empty = np.zeros((4, 6), np.uint8)
    assert len(to_supervision(empty, LABELS)) == 0
    assert np.array_equal(from_supervision(supervision.Detections.empty(), (4, 6)), empty)


def detected(**changes: Any) -> Any:
    planes = np.zeros((2, 4, 6), bool)
    planes[0, :, :4] = planes[1, :, 2:] = True
    values = {"xyxy": np.array([[0, 0, 4, 4], [2, 0, 6, 4]], float), "mask": planes, "tracker_id": np.array([5, 9]), **changes}
    return supervision.Detections(**values)


def test_of_two_that_overlap_the_surer_one_is_on_top() -> None:
    assert from_supervision(detected(), (4, 6))[0].tolist() == [5, 5, 9, 9, 9, 9]
    assert from_supervision(detected(confidence=np.array([0.9, 0.2])), (4, 6))[0].tolist() == [5, 5, 5, 5, 9, 9]


@pytest.mark.parametrize(
    ("changes", "size", "expected"),
    [
        ({"mask": None}, (4, 6), "boxes only"),
        ({"tracker_id": None}, (4, 6), "no tracker_id"),
        ({"tracker_id": np.array([0, 3])}, (4, 6), r"in 1\.\.254, got \[0, 3\]"),
        ({"tracker_id": np.array([3, 3])}, (4, 6), "must be different"),
        ({}, (6, 4), "6x4 pixels, the frame 4x6"),
    ],
)
def test_what_is_no_mask_of_objects_is_refused(changes: dict[str, Any], size: tuple[int, int], expected: str) -> None:
    with pytest.raises(MaskError, match=expected):
        from_supervision(detected(**changes), size)


def test_without_fiftyone_its_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fiftyone", None)
    with pytest.raises(MissingExtra, match=r"fiftyone is not installed: pip install 'idpro\[fiftyone\]'"):
        to_fiftyone(np.zeros((4, 6), np.uint8))
