"""OpenEXR's own reader gives the mattes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import OpenEXR
import pytest

from idpro.formats.exr import layer_name
from idpro.formats.segmentation import Segmentation
from idpro.labels import ObjectLabel, label_lines

from .drawn import LABELS, OBJECTS, export, masks, names, probabilities_of


def test_a_file_a_frame_has_a_layer_an_object(result: Segmentation, tmp_path: Path) -> None:
    folder = export(result, "exr", tmp_path)
    assert names(folder) == [f"{frame:05d}.exr" for frame, _ in masks()]
    for frame, _ in masks():
        with OpenEXR.File(str(folder / f"{frame:05d}.exr"), separate_channels=True) as file:
            channels = {name: channel.pixels for name, channel in file.channels().items()}
            assert json.loads(file.header()["legend"]) == label_lines(LABELS)
        assert sorted(channels) == ["dog_012.A", "rex_001.A", "the_van_left_003.A"]
        for name, channel in (("the_van_left_003.A", 1), ("rex_001.A", 2), ("dog_012.A", 3)):
            assert channels[name].dtype == np.float16
            assert np.array_equal(channels[name], probabilities_of(frame)[channel].astype(np.float16))
    assert OBJECTS == (3, 1, 12)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ball", "Ball_007"),
        ("7 up", "object_7_up_007"),
        ("猫", "object_007"),
        ("Äpfel/x", "Apfel_x_007"),
        ("a" * 60, f"{'a' * 24}_007"),
    ],
)
def test_layers_are_called_as_compositors_can(name: str, expected: str) -> None:
    layer = layer_name(ObjectLabel(7, name, "", (0, 0, 0)))
    assert layer == expected and len(layer + ".A") <= 31
