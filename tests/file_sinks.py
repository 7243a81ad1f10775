"""The kinds of sinks that write a file, as the program knows them: a new one is in the tests without being added."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from tui_connector.incoming.sink import Sink

_LIBRARIES = {"duckdb": "duckdb", "parquet": "pyarrow"}
"""What a kind needs that may not be installed."""
_REWRITTEN = ("duckdb", "parquet", "sqlite")
"""Kinds whose files are not only appended to."""

FILE_SINKS: dict[str, dict[str, Any]] = {
    name: {"kind": name}
    for name, kind in Sink.all_kinds().items()
    if "path" in kind.model_fields and find_spec(_LIBRARIES.get(name, "json"))
} | {"gzip": {"kind": "jsonl", "compress": "gzip"}}
"""By name, without the path."""
APPENDED = {name: sink for name, sink in FILE_SINKS.items() if name not in _REWRITTEN}
"""Those whose file is written from the beginning to the end."""
