"""Code written for SAM 2's video predictor, with one import changed.

Points are pixels of the video, logits are objects x 1 x H x W, and what is above 0 is the object.
"""

import tempfile
from pathlib import Path

import numpy as np
import PIL.Image
from clip import CYCLIST, VAN, street

import idpro
from idpro.masks import overlay
from idpro.sam2 import VideoPredictor


def main(video: idpro.Video, picture: Path) -> None:
    height, width = video.size
    with tempfile.TemporaryDirectory() as folder:
        for index in range(len(video)):
            PIL.Image.fromarray(video.frame(index)).save(Path(folder) / f"{index:05d}.jpg", quality=95)
        predictor = VideoPredictor.from_pretrained("lite")
        state = predictor.init_state(folder)
        predictor.add_new_points_or_box(state, 0, VAN, box=[0, 0.22 * height, 0.49 * width, height - 1])
        points = np.array([[0.69, 0.25], [0.70, 0.45], [0.70, 0.65]]) * (width, height)
        predictor.add_new_points_or_box(state, 0, CYCLIST, points=points, labels=[1, 1, 1])
        masks = {}
        for frame, ids, logits in predictor.propagate_in_video(state):
            masks[frame] = np.zeros((height, width), np.uint8)
            for object_id, one in zip(ids, logits, strict=True):
                masks[frame][(one[0] > 0).cpu().numpy()] = object_id
    middle = len(video) // 2
    PIL.Image.fromarray(overlay(video.frame(middle), masks[middle])).save(picture)


if __name__ == "__main__":
    main(street(), Path("06_sam2.png"))
