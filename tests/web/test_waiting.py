"""Requests that wait for the model do not keep the others waiting, and there is an end to how many may wait."""

from __future__ import annotations

import threading
import time

from .conftest import Page
from .test_record import Held, held

__all__ = ["held"]


def test_pictures_and_edits_come_while_many_wait_for_the_model(held: tuple[Page, Held]) -> None:
    page, network = held
    network.hold = True
    page.do("propagate", {"start": 0})
    assert network.inside.wait(20)
    answers: list[int] = []
    waiting = [threading.Thread(target=lambda: answers.append(page.post("undo").status_code)) for _ in range(80)]
    for thread in waiting:
        thread.start()
    deadline = time.monotonic() + 20
    while len(answers) < 16 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert answers == [503] * 16  # 64 wait; the rest is told so
    assert page.client.get("/api/home").status_code == 200
    assert page.get("frames/3.jpg").status_code == 200
    page.mark(3, kind="stroke", id="meanwhile", object=1, points=[[0.5, 0.5]])
    assert not network.go.is_set() and len(answers) == 16
    network.go.set()
    for thread in waiting:
        thread.join(20)
    assert sorted(set(answers)) == [204, 503] and len(answers) == 80
