"""What a Singer runner keeps of a profile: the bookmarks of all its streams, as the ledgers have them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from ..placeholder import Json
from .incoming import Incoming
from .ledger_file import explained, read_only
from .sinks.singer import Singer, StreamContext


def as_streams(incoming: Mapping[str, Incoming], ledger_of: Callable[[str], Path]) -> dict[str, Incoming]:
    """The same incoming configurations; the sinks that write Singer messages know of each other's bookmarks.

    It reads the ledgers, and blocks. Raises `LedgerError`.
    """
    bookmarks: dict[str, Json] = {}
    streams: dict[str, Incoming] = {}
    for name, each in incoming.items():
        if isinstance(each.sink, Singer):
            streams[name] = each.model_copy(update={"sink": each.sink.within(StreamContext(bookmarks))})
            if found := _bookmark(ledger_of(name), each):
                bookmarks[each.sink.stream or name] = found
    return {**incoming, **streams}


def _bookmark(ledger: Path, incoming: Incoming) -> dict[str, Json]:
    """Where the last complete run of it ended; empty where there was none."""
    if not ledger.exists():
        return {}
    with explained(ledger), contextlib.closing(read_only(ledger)) as database:
        row = database.execute("select value, sink from mark").fetchone()
        value, sink = (row[0], json.loads(row[1] or "null")) if row else (None, None)
    found: dict[str, Json] = {}
    if isinstance(sink, dict) and isinstance(sink.get("items"), int):
        found["items"] = sink["items"]
    if value is not None and incoming.incremental is not None and incoming.incremental.field is not None:
        found |= {"replication_key": incoming.incremental.field, "replication_key_value": value}
    return found
