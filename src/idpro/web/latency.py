"""How the page feels, measured: ``python -m idpro.web.latency VIDEO``.

A server in a process of its own and headless Chromium, as a person has them. An object is scribbled on and committed, then
the model propagates while more is drawn; last, the video is played with its masks.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import IDProError, MissingExtra, OutputError, VideoError

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = "/usr/bin/chromium"
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")  # fmt: skip
MOVES = 120  # of the pointer for each measurement of the ink
STATE = "window.idpro.store.state"
# From the pointer's event to the frame that shows its ink: the event's own time, and the first task after the next paint.
WATCH_INK = """() => {
  window.inkTimes = [];
  document.getElementById('stage').addEventListener('pointermove', (event) => {
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => window.inkTimes.push(performance.now() - event.timeStamp);
      port2.postMessage(null);
    });
  });
}"""
# From the click on Commit to the frame on the screen that shows the mask.
TIME_COMMIT = """() => new Promise((done) => {
  const { store, stage } = window.idpro, { frame } = store.state, begun = performance.now();
  const look = () => {
    const version = store.state.versions[frame];
    if (!version || stage.media.masks.kept.get(frame)?.version !== version) return requestAnimationFrame(look);
    requestAnimationFrame(() => done((performance.now() - begun) / 1000));
  };
  document.getElementById('commit').click();
  look();
})"""


@dataclass(frozen=True)
class PageLatency:
    """What was measured.

    Attributes:
        size: (height, width) of the video.
        first_mask: seconds from Commit, right after the stroke, to its mask on the screen; one frame marked.
        previewed_mask: the same when the live preview had been on the screen before.
        ink_idle, ink_busy: milliseconds from the pointer's event to the paint that shows it, (median, 95th percentile), when
            the model rests and while it propagates.
        propagation: frames a second that the model made while more was drawn.
        playback: frames a second that were shown, of ``rate`` that the video has.
    """

    size: tuple[int, int]
    first_mask: float
    previewed_mask: float
    ink_idle: tuple[float, float]
    ink_busy: tuple[float, float]
    propagation: float
    playback: float
    rate: float


def measure(video: Path, *, model: str = "lite", size: int = 480, chromium: str = CHROMIUM) -> PageLatency:
    """Drive the page once through marking, committing, propagating and playing.

    Raises:
        VideoError: there is no such video.
        MissingExtra: Playwright is not installed.
        OutputError: Chromium or the server do not start.
    """
    if not video.exists():
        raise VideoError(f"there is no video {video}: give a video file or a folder of images")
    with (
        tempfile.TemporaryDirectory(prefix="idpro-") as folder,
        _page(chromium) as page,
        _server(video, Path(folder), model, size) as address,
    ):
        page.goto(address)
        page.wait_for_function(f"() => window.idpro?.store.state.model === 'ready' && {STATE}.project", timeout=120_000)
        page.wait_for_timeout(1000)
        page.evaluate(WATCH_INK)
        return _measure(page)


def _measure(page: Page) -> PageLatency:
    project = page.evaluate(f"() => {STATE}.project")
    frames = int(project["frames"])
    _draw(page, 0.5, moves=12)
    first_mask = float(page.evaluate(TIME_COMMIT))
    page.evaluate("(f) => window.idpro.store.set({ frame: f })", min(4, frames - 1))
    page.wait_for_timeout(500)
    ink_idle = _ink(page)
    page.wait_for_function(f"() => {STATE}.preview?.frame === {STATE}.frame", timeout=60_000)
    previewed_mask = float(page.evaluate(TIME_COMMIT))
    page.locator("#propagate").click()
    page.wait_for_function(f"() => {STATE}.job?.kind === 'propagate' && {STATE}.job.state !== 'waiting'", timeout=60_000)
    page.evaluate("() => window.idpro.store.set({ view: { ...window.idpro.store.state.view, preview: false } })")
    begun, before = time.monotonic(), int(page.evaluate(f"() => {STATE}.job.done"))
    ink_busy = _ink(page)
    made = int(page.evaluate(f"() => {STATE}.job.done")) - before
    propagation = made / (time.monotonic() - begun)
    page.wait_for_function(f"() => !['running', 'waiting'].includes({STATE}.job.state)", timeout=30_000 + 20_000 * frames)
    playback = _play(page, frames)
    return PageLatency(
        (project["height"], project["width"]), first_mask, previewed_mask, ink_idle, ink_busy, propagation, playback,
        float(project["fps"]),
    )  # fmt: skip


def _ink(page: Page) -> tuple[float, float]:
    """(Median, 95th percentile) of the milliseconds from input to paint over one long stroke."""
    page.evaluate("() => { window.inkTimes.length = 0; }")
    _draw(page, 0.55, MOVES)
    page.wait_for_timeout(200)
    times = sorted(page.evaluate("() => window.inkTimes"))
    return round(statistics.median(times), 1), round(times[int(0.95 * (len(times) - 1))], 1)


def _draw(page: Page, y: float, moves: int) -> None:
    """A stroke over the middle of the picture, at about the pace of a hand."""
    places = page.evaluate(
        "([y, n]) => { const box = document.getElementById('stage').getBoundingClientRect(); return [...Array(n + 1).keys()]"
        ".map((i) => window.idpro.stage.viewport.toStage(0.35 + 0.3 * i / n, y + 0.05 * Math.sin(i / 5)))"
        ".map(([a, b]) => [a + box.left, b + box.top]); }",
        [y, moves],
    )
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place)
        page.wait_for_timeout(8)
    page.mouse.up()


def _play(page: Page, frames: int) -> float:
    """Frames a second of one playback from the first frame to the last."""
    page.evaluate("() => { window.idpro.store.set({ frame: 0 }); document.getElementById('stage').focus(); }")
    page.wait_for_timeout(500)
    page.evaluate(
        "() => { window.shown = []; window.idpro.store.watch(['frame', 'playing'], () => window.shown.push(performance.now())); }"
    )
    page.keyboard.press("Space")
    page.wait_for_function(f"() => !{STATE}.playing && {STATE}.frame === {frames - 1}", timeout=30_000 + 2000 * frames)
    times = page.evaluate("() => window.shown")
    return float((frames - 1) * 1000 / max(1.0, times[-1] - times[1]))


@contextmanager
def _server(video: Path, folder: Path, model: str, size: int) -> Iterator[str]:
    command = [sys.executable, "-m", "idpro", "serve", str(video), "--workspace", str(folder / "work"), "--model", model]
    process = subprocess.Popen([*command, "--size", str(size), "--port", "0"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        address = re.search(r"http://\S+", process.stdout.readline())
        if address is None:
            raise OutputError(f"the server did not start on {video}: run `idpro serve {video}` to see why")
        yield address.group()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextmanager
def _page(chromium: str) -> Iterator[Page]:
    try:
        from playwright.sync_api import Error, sync_playwright
    except ModuleNotFoundError as error:
        raise MissingExtra("playwright", "dev") from error
    with sync_playwright() as playwright:
        try:
            browser: Any = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        except Error as error:
            raise OutputError(f"Chromium does not start from {chromium}: install it, or give --chromium PATH") from error
        try:
            yield browser.new_page(viewport={"width": 1280, "height": 800})
        finally:
            browser.close()


def main(
    video: Annotated[Path, typer.Argument(help="A video file, or a folder of images.")],
    model: Annotated[str, typer.Option(help="A shipped model (lite), or a checkpoint file.")] = "lite",
    size: Annotated[int, typer.Option(help="Short side to work at in pixels.")] = 480,
    chromium: Annotated[str, typer.Option(help="The browser to start.")] = CHROMIUM,
) -> None:
    """Measure how the page feels on a video: seconds to the first mask, milliseconds to the ink, frames a second."""
    try:
        found = measure(video, model=model, size=size, chromium=chromium)
    except IDProError as error:
        raise typer.BadParameter(str(error)) from error
    typer.echo(json.dumps({k: round(v, 3) if isinstance(v, float) else v for k, v in asdict(found).items()}, indent=1))


if __name__ == "__main__":
    typer.run(main)
