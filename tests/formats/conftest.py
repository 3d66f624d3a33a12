from __future__ import annotations

import pytest

from idpro.formats.segmentation import Segmentation

from .drawn import segmentation


@pytest.fixture
def result() -> Segmentation:
    return segmentation()
