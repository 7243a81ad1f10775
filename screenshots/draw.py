"""Draws the pictures: `python screenshots/draw.py [FOLDER]` walks the program on the sandbox store.

Every screen at 120×36, some at 80×24, and the walk as an animation. The pictures are the same at each run.
"""

from __future__ import annotations

import asyncio
import math
import sys
from dataclasses import replace
from pathlib import Path

from rich.segment import Segment
from svg import Frame, animation, picture
from textual.widgets import Input
from walk import Walk, walking

from tui_connector.runs.progress import Progress, Summary
from tui_connector.tui.run.metrics import RunMetrics
from tui_connector.tui.run.screen import RunScreen

HERE = Path(__file__).parent
SIZE, SMALL = (120, 36), (80, 24)
ALSO_SMALL = ("authentication", "log", "run")
TITLE = "tui-connector"
FILM = {
    "home-empty": 1.5,
    "basics": 1.8,
    "authentication-fields": 0.8,
    "authentication-refused": 2.2,
    "log-refused": 2.0,
    "authentication": 1.6,
    "incoming-list": 1.0,
    "incoming": 1.8,
    "outgoing": 1.4,
    "save": 1.0,
    "saved": 1.0,
    "profile": 1.0,
    "run-15": 0.6,
    "run-35": 0.6,
    "run-60": 0.6,
    "run-85": 0.6,
    "run": 1.5,
}
"""Seconds for which the animation shows each screen."""


async def draw(target: Path, size: tuple[int, int]) -> dict[str, Frame]:
    """The screens of the walk; writes a picture of each."""
    frames = {}
    async with walking(size) as walk:
        async for name in walk.screens():
            if name == "run":
                for percent in (15, 35, 60, 85, 100):
                    _show_long_run(walk, percent)
                    frames[f"run-{percent}"] = Frame(await _rows(walk), FILM.get(f"run-{percent}", 0.0))
            rows = await _rows(walk)
            frames[name] = Frame(rows, FILM.get(name, 0.0), walk.pressed())
            if size == SIZE or name in ALSO_SMALL:
                suffix = "" if size == SIZE else f"-{size[0]}x{size[1]}"
                (target / f"{name}{suffix}.svg").write_text(picture(rows, TITLE), encoding="utf-8")
    return frames


async def _rows(walk: Walk) -> list[list[Segment]]:
    for field in walk.app.screen.query(Input):
        field.cursor_blink = False
    await walk.settled()
    strips = walk.app.screen._compositor.render_strips()
    return [[Segment(walk.replaced(part.text), part.style) for part in strip] for strip in strips]


_ITEMS, _SECONDS, _PAGE = 24_000, 48, 100


def _show_long_run(walk: Walk, percent: int) -> None:
    """Shows a run of a larger store: that of the sandbox has ended before its charts have a second column."""
    screen = walk.app.screen
    assert isinstance(screen, RunScreen)
    job = screen.job
    summary = job.metrics.summary or Summary("products", "complete", _ITEMS, 0, 0, _SECONDS, _ITEMS // _PAGE, 0)
    metrics, items, latencies = RunMetrics(), 0.0, 0.0
    tick, ticks = 0.25, int(_SECONDS * 4 * percent / 100)
    for number in range(1, ticks + 1):
        share = number / (_SECONDS * 4)
        wave = 1 + 0.18 * math.sin(number / 7) + 0.07 * math.sin(number / 2.3) - 0.5 * math.exp(-number / 9)
        items = min(_ITEMS * share * (0.97 + 0.03 * share), items + _ITEMS / _SECONDS * tick * wave)
        latencies += 0.19 + 0.05 * math.sin(number / 11) + 0.02 * math.cos(number / 3)
        metrics.add_sample(
            Progress(
                items=round(_ITEMS if number == _SECONDS * 4 else items),
                expected=_ITEMS,
                requests=number,
                responses=number,
                latency=latencies / number,
                seconds=number * tick,
                in_flight=min(number, 4),
                limit=4,
            )
        )
    job.active = percent < 100
    if percent == 100:
        metrics.summary = replace(summary, items=_ITEMS, seconds=_SECONDS, requests=_SECONDS * 4)
    job.metrics = metrics
    for change in job.on_change:
        change()


async def main(target: Path) -> None:
    frames = await draw(target, SIZE)
    film = animation([frames[name] for name in FILM], TITLE)
    (target / "walk.svg").write_text(film, encoding="utf-8")
    await draw(target, SMALL)


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.svg"):
        old.unlink()
    asyncio.run(main(folder))
