"""Singer's catalog and state: which streams there are, which of them are wanted, and from where on.

The format: https://github.com/singer-io/getting-started/blob/master/docs/DISCOVERY_MODE.md and SYNC_MODE.md"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ..errors import UserError
from ..runs.database import LedgerPlace, explained, open_reader
from ..templates import Json
from .incremental import Incremental
from .model import Incoming
from .sinks.singer import Selection, SingerSink, StreamContext

_DATE = re.compile(r"\d{4}-\d\d-\d\d(?![\d-])", re.ASCII)
"""How a date starts that a store understands; Python reads 20260131 and 2026-W05-6, too."""

Method = Literal["FULL_TABLE", "INCREMENTAL"]


@dataclass(frozen=True, slots=True)
class SelectedStream:
    """A stream that is selected, and how its user wants it read."""

    selection: Selection
    method: Method | None = None
    """None: as the profile says."""
    key: str | None = None


def catalog_entry(
    stream: str,
    schema: dict[str, Json],
    always_null: Iterable[str],
    identifier: str | None,
    incremental: Incremental | None,
) -> dict[str, Json]:
    """What the catalog says of a stream; selected, until its user says otherwise.

    Properties that were always null are listed without a type: they can be selected, and get one with a first value.
    """
    cursor = incremental.field if incremental is not None else None
    keys: list[Json] = [] if identifier is None else [identifier]
    listed = schema.get("properties")
    properties: dict[str, Json] = {**(listed if isinstance(listed, dict) else {})}
    for name in sorted(always_null):
        properties.setdefault(name, {})
    schema = {**schema, "properties": properties}
    about: dict[str, Json] = {"inclusion": "available", "selected": True, "table-key-properties": keys}
    if cursor is not None:
        about["valid-replication-keys"] = [cursor]
    metadata: list[Json] = [{"breadcrumb": [], "metadata": about}]
    for name in properties:
        inclusion = "automatic" if name in (identifier, cursor) else "available"
        metadata.append(
            {"breadcrumb": ["properties", name], "metadata": {"inclusion": inclusion, "selected": True}},
        )
    return {
        "tap_stream_id": stream,
        "stream": stream,
        "schema": schema,
        "key_properties": keys,
        "replication_method": "FULL_TABLE" if cursor is None else "INCREMENTAL",
        **({} if cursor is None else {"replication_key": cursor}),
        "metadata": metadata,
    }


def selected_streams(catalog: Json, always: Mapping[str, frozenset[str]]) -> dict[str, SelectedStream]:
    """The selected streams of a catalog. `always`: the properties of each that are never left out.

    Raises `UserError`.
    """
    streams = _require_object(catalog, "The catalog").get("streams")
    if not isinstance(streams, list):
        raise UserError("catalog", 'The catalog has no list "streams". Create it with --discover.')
    found: dict[str, SelectedStream] = {}
    for each in streams:
        stream = _require_object(each, "A stream in the catalog")
        name = stream.get("tap_stream_id") or stream.get("stream")
        if not isinstance(name, str):
            raise UserError(
                "catalog", 'A stream in the catalog has no "tap_stream_id". Create the catalog with --discover.'
            )
        metadata = _metadata(name, stream.get("metadata"))
        schema = _require_object(stream.get("schema") or {}, f"The schema of {name} in the catalog")
        about = metadata.get((), {})
        if not _selected(about, _flag(schema, _flag(stream, default=False))):
            continue
        properties = _require_object(schema.get("properties") or {}, f"The properties of {name} in the catalog")
        left_out = frozenset(
            each
            for each, property_ in properties.items()
            if each not in always.get(name, ())
            and not _selected(metadata.get(("properties", each), {}), _flag(property_, default=True))
        )
        found[name] = SelectedStream(Selection(schema, left_out), *_replication(name, stream, about))
    return found


def bookmarks(state: Json) -> dict[str, Json]:
    """The bookmarks of a state. Raises `UserError`."""
    whole = _require_object(state, "The state")
    found = whole.get("bookmarks")
    return {**_require_object({} if found is None else found, 'The "bookmarks" of the state')}


def bookmark_date(bookmarks: Mapping[str, Json], stream: str, cursor: str) -> str | None:
    """Up to when a stream has been read by this date; None where it has not. Raises `UserError`."""
    bookmark = bookmarks.get(stream)
    if not isinstance(bookmark, dict) or bookmark.get("replication_key", cursor) != cursor:
        return None
    found = bookmark.get("replication_key_value")
    if found is None:
        return None
    try:
        if not isinstance(found, str) or not _DATE.match(found):
            raise ValueError
        datetime.fromisoformat(found)
    except ValueError as error:
        raise UserError(
            "catalog",
            f"The state's bookmark of {stream} is not a date. Correct its replication_key_value, or run without "
            "--state to read everything.",
        ) from error
    return found


def _replication(name: str, stream: Mapping[str, Json], about: Mapping[str, Json]) -> tuple[Method | None, str | None]:
    method = about.get("replication-method") or stream.get("replication_method")
    key = about.get("replication-key") or stream.get("replication_key")
    if method == "FULL_TABLE":
        return "FULL_TABLE", None
    if method in (None, "INCREMENTAL"):
        return ("INCREMENTAL", key) if method and isinstance(key, str) else (None, None)
    raise UserError(
        "catalog", f"The catalog selects the replication method {method} for {name}. Use INCREMENTAL or FULL_TABLE."
    )


def _metadata(stream: str, metadata: Json) -> dict[tuple[str, ...], dict[str, Json]]:
    """The metadata by breadcrumb."""
    found: dict[tuple[str, ...], dict[str, Json]] = {}
    for each in metadata if isinstance(metadata, list) else ():
        about = _require_object(each, f"An entry in the metadata of {stream}")
        breadcrumb = about.get("breadcrumb")
        if not isinstance(breadcrumb, list):
            raise UserError(
                "catalog",
                f"An entry in the metadata of {stream} has no breadcrumb. Create the catalog again with --discover.",
            )
        found[tuple(map(str, breadcrumb))] = _require_object(about.get("metadata") or {}, f"Metadata of {stream}")
    return found


def _selected(about: Mapping[str, Json], default: bool) -> bool:
    match about.get("inclusion"):
        case "automatic":
            return True
        case "unsupported":
            return False
    for name in ("selected", "selected-by-default"):
        if isinstance(flag := about.get(name), bool):
            return flag
    return default


def _flag(about: Json, default: bool) -> bool:
    """`selected` beside the schema, as before there was metadata."""
    flag = about.get("selected") if isinstance(about, dict) else None
    return flag if isinstance(flag, bool) else default


def _require_object(found: Json, what: str) -> dict[str, Json]:
    if not isinstance(found, dict):
        raise UserError("catalog", f"{what} is not a JSON object. Create the catalog with --discover.")
    return found


def with_bookmarks(incoming: Mapping[str, Incoming], ledger_of: Callable[[str], LedgerPlace]) -> dict[str, Incoming]:
    """The same incoming configurations; the sinks that write Singer messages know of each other's bookmarks.

    It reads the ledgers, and blocks. Raises `LedgerError`.
    """
    bookmarks: dict[str, Json] = {}
    streams: dict[str, Incoming] = {}
    for name, each in incoming.items():
        if isinstance(each.sink, SingerSink):
            streams[name] = each.model_copy(update={"sink": each.sink.with_context(StreamContext(bookmarks))})
            if found := _bookmark(ledger_of(name), each):
                bookmarks[each.sink.stream or name] = found
    return {**incoming, **streams}


def _bookmark(ledger: LedgerPlace, incoming: Incoming) -> dict[str, Json]:
    """Where the last complete run of it ended; empty where there was none."""
    if not ledger.exists():
        return {}
    with explained(ledger), contextlib.closing(open_reader(ledger, "incoming")) as database:
        row = database.execute("select value, sink from mark").fetchone()
        value, sink = (row[0], json.loads(row[1] or "null")) if row else (None, None)
    found: dict[str, Json] = {}
    if isinstance(sink, dict) and isinstance(sink.get("items"), int):
        found["items"] = sink["items"]
    if value is not None and incoming.incremental is not None and incoming.incremental.field is not None:
        found |= {"replication_key": incoming.incremental.field, "replication_key_value": value}
    return found
