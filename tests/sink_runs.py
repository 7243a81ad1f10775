"""Runs of a sink: uninterrupted, killed or resumed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tui_connector.incoming.sink import OpenSink, Sink, SinkContext, SinkWait
from tui_connector.templates import Json

Steps = Iterable[Sequence[bytes]]


WAITS: dict[str, Any] = {"wait": SinkWait(monotonic=time.monotonic)}
"""A server may take a moment to let go of what a connection that was just closed had locked."""


def begin(sink: Sink, folder: Path, known: Json = None, **about: Any) -> tuple[OpenSink, Json]:
    """Opens a sink for a new run; returns it with its first position."""
    opened = sink.open(SinkContext(folder, known=known, **{**WAITS, **about}), None)
    return opened, opened.sync()


def write(sink: Sink, folder: Path, steps: Steps, known: Json = None, **about: Any) -> list[Json]:
    """An uninterrupted run; returns the position before the first and after each step."""
    opened, start = begin(sink, folder, known, **about)
    positions = [start]
    for items in steps:
        assert not opened.write(items)
        positions.append(opened.sync())
    opened.close()
    return positions


def go_on(sink: Sink, folder: Path, position: Json, steps: Steps, **about: Any) -> Json:
    """Resumes a run and completes it; returns the last position."""
    opened = sink.open(SinkContext(folder, known=position, **{**WAITS, **about}), position)
    for items in steps:
        assert not opened.write(items)
        position = opened.sync()
    opened.close()
    return position
