"""Runs of a sink: uninterrupted, killed or resumed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from tui_connector.incoming.sink import OpenSink, Sink, SinkContext
from tui_connector.templates import Json

Steps = Iterable[Sequence[bytes]]


def begin(sink: Sink, folder: Path, known: Json = None, **about: str) -> tuple[OpenSink, Json]:
    """Opens a sink for a new run; returns it with its first position."""
    opened = sink.open(SinkContext(folder, known=known, **about), None)
    return opened, opened.sync()


def write(sink: Sink, folder: Path, steps: Steps, known: Json = None, **about: str) -> list[Json]:
    """An uninterrupted run; returns the position before the first and after each step."""
    opened, start = begin(sink, folder, known, **about)
    positions = [start]
    for items in steps:
        assert not opened.write(items)
        positions.append(opened.sync())
    opened.close()
    return positions


def go_on(sink: Sink, folder: Path, position: Json, steps: Steps, **about: str) -> Json:
    """Resumes a run and completes it; returns the last position."""
    opened = sink.open(SinkContext(folder, known=position, **about), position)
    for items in steps:
        assert not opened.write(items)
        position = opened.sync()
    opened.close()
    return position
