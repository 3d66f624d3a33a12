"""SAM 2's words over a ``Session``: a script written for ``SAM2VideoPredictor`` runs with one import changed."""

from .predictor import VideoPredictor, build_sam2_video_predictor

__all__ = ["VideoPredictor", "build_sam2_video_predictor"]
