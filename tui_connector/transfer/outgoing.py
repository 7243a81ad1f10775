"""Outgoing: how entities are sent to the store, and the exact request for one of them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..client.http_client import Named, RequestTemplate
from ..client.message import Request
from ..kinds import Kind
from ..placeholder import Json, Scope


class Source(Kind):
    """Where the entities come from."""


class Csv(Source):
    """CSV: one entity a row, the first row names the fields."""

    kind: Literal["csv"] = "csv"
    path: str = Field(min_length=1, title="File", description="Relative to the profile.", examples=["stock.csv"])


class JsonLines(Source):
    """JSON Lines: one entity a line."""

    kind: Literal["jsonl"] = "jsonl"
    path: str = Field(min_length=1, title="File", description="Relative to the profile.", examples=["stock.jsonl"])


class Outgoing(Named):
    """An outgoing configuration: sends entities to the store."""

    client: str = Field(title="HTTP client", description="The client that sends.")
    source: Source | None = Field(None, title="Source", description="Where the entities come from.")
    identifier: str | None = Field(None, title="Identifier", description="The field that tells entities apart.")
    batch: int = Field(1, ge=1, le=1_000, title="Batch", description="How many entities one request carries.")
    request: RequestTemplate = Field(title="Request", description="What is sent for an entity, or for a batch.")

    def request_for(self, entity: Json, run: dict[str, Json]) -> Request:
        """The request for this entity, before the client's plugins. Raises `PlaceholderError`.

        With a batch larger than one, the template sees the list of its entities.
        """
        return self.request.request(Scope(data=[entity] if self.batch > 1 else entity, run=run))
