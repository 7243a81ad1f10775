"""JSON Lines: one entity a line."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..source import Source


class JsonLinesSource(Source):
    """JSON Lines: one entity a line."""

    kind: Literal["jsonl"] = "jsonl"
    path: str = Field(min_length=1, title="File", description="Relative to the profile.", examples=["stock.jsonl"])
