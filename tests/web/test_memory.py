"""One budget for all projects: shares, rest, freed memory given back; on a small scale in a server's process."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from idpro.web.memory import FOR_CACHES, FOR_ONE, REST_SECONDS, Budget, Kept

from .conftest import MakeRegistry, Page

MB = 1 << 20


class Cache:
    """Keeps as much as it may."""

    def __init__(self) -> None:
        self.wanted, self.limit, self.forgotten = 0, 10**12, 0

    @property
    def held_bytes(self) -> int:
        return min(self.wanted, self.limit)

    def limit_memory(self, limit: int) -> None:
        self.limit = limit

    def forget(self) -> None:
        self.wanted, self.forgotten = 0, self.forgotten + 1


class Holder:
    def __init__(self, wanted: int = 0) -> None:
        self.cache = Cache()
        self.cache.wanted = wanted
        self.kept, self.working, self.touched = Kept({self.cache: 16}), False, 0.0


class Process:
    """A process of 500 MB with a heap that keeps what is freed."""

    def __init__(self, *holders: Holder) -> None:
        self.holders, self.freed, self.given_back = holders, 0, 0

    def resident(self) -> int:
        return 500 * MB + self.freed + sum(h.kept.held_bytes for h in self.holders)

    def give_back(self) -> None:
        self.freed, self.given_back = 0, self.given_back + 1


def test_shares_of_many_projects_stay_within_the_budget() -> None:
    for count in range(1, 12):
        holders = [Holder(10**12) for _ in range(count)]
        Budget(1000 * MB, lambda: 0, lambda: None).share(holders)
        held = [h.kept.held_bytes for h in holders]
        assert sum(held) <= FOR_CACHES * 1000 * MB + 1 and max(held) <= FOR_ONE * 1000 * MB + 1


def test_what_comes_later_gets_its_share_of_what_there_is() -> None:
    kept, late = Kept({Cache(): 4}), Cache()
    kept.limit_memory(1600)
    kept.add({late: 12})
    assert late.limit == 1200


def test_idle_projects_let_go_once_and_the_memory_goes_back() -> None:
    idle, working, fresh = Holder(50 * MB), Holder(50 * MB), Holder(50 * MB)
    working.working, fresh.touched = True, REST_SECONDS
    process = Process(idle, working, fresh)
    budget = Budget(1000 * MB, process.resident, process.give_back)
    for _ in range(3):
        budget.settle([idle, working, fresh], REST_SECONDS + 1)
    assert [h.cache.forgotten for h in (idle, working, fresh)] == [1, 0, 0] and process.given_back == 1
    idle.touched = REST_SECONDS
    idle.cache.wanted = 50 * MB
    budget.settle([idle], REST_SECONDS + 2)
    budget.settle([idle], 3 * REST_SECONDS)
    assert idle.cache.forgotten == 2


def test_freed_memory_goes_back_when_there_is_much_of_it_and_not_all_the_time() -> None:
    process = Process()
    budget = Budget(1000 * MB, process.resident, process.give_back)
    process.freed = 100 * MB
    budget.settle([], 0.0)
    assert process.given_back == 0
    for second in range(0, 100):
        process.freed = max(process.freed, 400 * MB)
        budget.settle([], float(second))
    assert 15 <= process.given_back <= 25


def test_shares_shrink_while_there_is_too_much_and_grow_again() -> None:
    holder = Holder()
    process = Process(holder)
    budget = Budget(1000 * MB, process.resident, lambda: None)
    budget.share([holder])
    holder.cache.wanted = 10**12
    full = holder.kept.held_bytes
    process.freed = 900 * MB  # in use by the network, as far as anybody can tell
    holder.touched = 10.0**9
    budget.settle([holder], 0.0)
    assert holder.kept.held_bytes < full
    process.freed = 0
    for second in range(60):
        budget.settle([holder], float(second))
    assert holder.kept.held_bytes == full


def test_the_models_are_not_part_of_the_budget() -> None:
    process = Process()
    budget = Budget(100 * MB, process.resident, process.give_back)
    before = process.resident()
    process.freed = 400 * MB  # the weights
    budget.loaded(before)
    budget.settle([], 0.0)
    assert process.given_back == 0


def test_open_projects_share_and_rest(page: Page, make_registry: MakeRegistry) -> None:
    project, budget = page.project, page.registry.budget
    page.dab(1, 0)
    page.commit()
    page.propagate()
    for frame in range(12):
        page.get(f"frames/{frame}.jpg")
    assert project.kept.held_bytes > 0 and project.session.held_bytes > 0
    budget.limit = 1
    budget.share([project])
    assert project.kept.held_bytes <= 4 * MB
    while project.working or project.worker._current is not None:
        time.sleep(0.01)
    budget.settle([project], time.monotonic() + REST_SECONDS + 1)
    assert project.kept.held_bytes == 0
    assert page.get("frames/3.jpg").status_code == 200 and page.mask(3) is not None


STORY = """
import json, sys, time
from pathlib import Path
import numpy as np, torch
from PIL import Image
from idpro.allocator import keep_freed_memory, resident
keep_freed_memory()
torch.set_num_threads(1)
from idpro.config import preset
from idpro.model import build
from idpro.types import click
from idpro.web import memory
from idpro.web.registry import Registry
folder, limit = Path(sys.argv[1]), int(sys.argv[2])
rng = np.random.default_rng(0)
(folder / "clip").mkdir()
for i in range(32):
    picture = np.kron(rng.integers(0, 255, (36, 64, 3), np.uint8), np.ones((10, 10, 1), np.uint8))
    Image.fromarray(picture).save(folder / f"clip/{i:03}.png")
network = build(preset("tiny")).eval()
with torch.inference_mode():
    network.encode(torch.zeros(1, 3, 368, 640))
registry = Registry(folder / "work", lambda w: w.session(network, w.open_video()), [folder / "clip"], size=None, memory=limit)
bare, most, held = resident(), 0, 0
project = registry.open_source(0)
while project.snapshot()["model"]["state"] != "ready":
    time.sleep(0.05)
project.session.interact({0: [click(1, 0.5, 0.5)]})
for step, (frame, _) in enumerate(project.session.propagate()):
    project.pictures.frame(frame)
    if step % 5 == 0:
        registry.budget.settle([project])
        most, held = max(most, resident() - bare), max(held, project.kept.held_bytes)
registry.budget.settle([project], time.monotonic() + 1000)
print(json.dumps({"most": most, "held": held, "rest": resident() - bare, "kept": project.kept.held_bytes}))
registry.close()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="resident memory as Linux tells it")
def test_a_server_keeps_to_its_budget_and_comes_back_to_its_start(tmp_path: Path) -> None:
    def story(limit: int) -> dict[str, int]:
        folder = tmp_path / str(limit)
        folder.mkdir()
        done = subprocess.run([sys.executable, "-c", STORY, folder, str(limit)], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        found: dict[str, int] = json.loads(done.stdout)
        return found

    small = story(64 * MB)
    assert small["held"] <= FOR_ONE * 64 * MB and small["kept"] == 0
    large = story(2048 * MB)
    assert large["held"] > 2 * small["held"] and large["most"] > small["most"]  # without the budget there would be more
    assert small["most"] <= 64 * MB + 100 * MB  # the network at work takes something, too
    assert large["rest"] < 150 * MB
