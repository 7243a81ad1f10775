"""Incoming: how entities are read from the store, and the first of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import AfterValidator, Field

from ..client.authentication.request import said
from ..client.http_client import Named, RequestTemplate
from ..client.layer import Send
from ..client.message import Answer, Purpose, Request, RequestFailed
from ..kinds import Kind, Model
from ..placeholder import Json, Scope

FIRST_ITEMS = 3
"""How many items a test asks for: orders are 7 KB each."""


def _expression(text: str) -> str:
    try:
        jmespath.compile(text)
    except JMESPathError as error:
        raise ValueError(f"{text!r} is no JMESPath expression: {' '.join(str(error).split())}") from error
    return text


Expression = Annotated[str, AfterValidator(_expression)]


class Pagination(Kind):
    """How one page follows the other."""

    def first(self, request: Request, size: int | None = None) -> Request:
        """The request for the first page, of `size` items where that is given."""
        return request


class Incremental(Model):
    """What has changed since the last complete run."""

    field: str = Field(min_length=1, title="Field", description="The date by which the store knows of changes.")
    from_: str | None = Field(
        None,
        alias="from",
        pattern=r"^\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?$",
        title="From",
        description="Where the first run begins, in UTC: Magento takes an unreadable date for no limit at all.",
        examples=["2026-01-01 00:00:00"],
    )


class Sink(Kind):
    """Where the items go."""


class JsonLines(Sink):
    """JSON Lines: one item a line."""

    kind: Literal["jsonl"] = "jsonl"
    path: str = Field(min_length=1, title="File", description="Relative to the profile.", examples=["products.jsonl"])


class Incoming(Named):
    """An incoming configuration: reads entities from the store."""

    client: str = Field(title="HTTP client", description="The client that asks.")
    request: RequestTemplate = Field(title="Request", description="What is asked for.")
    items: Expression = Field("@", title="Items", description="Where the list stands in an answer (JMESPath).")
    identifier: str | None = Field(None, title="Identifier", description="The field that tells items apart.")
    pagination: Pagination | None = Field(None, title="Pagination", description="How one page follows the other.")
    incremental: Incremental | None = Field(None, title="Incremental", description="Only what has changed.")
    sink: Sink | None = Field(None, title="Sink", description="Where the items go.")


@dataclass(frozen=True, slots=True)
class FirstItems:
    """The first items of an incoming, `total` as the store counts them."""

    items: list[Json]
    total: int | None
    exchange: int


async def first_items(incoming: Incoming, send: Send, run: dict[str, Json], purpose: Purpose = "test") -> FirstItems:
    """The first three items. Raises `RequestFailed` where the store refuses or answers something else."""
    request = incoming.request.request(Scope(run=run))
    if incoming.pagination is not None:
        request = incoming.pagination.first(request, FIRST_ITEMS)
    answer = await send(replace(request, about=replace(request.about, purpose=purpose)))
    if not incoming.request.is_expected(answer.status):
        raise RequestFailed(f"The store answered {answer.status} ({said(answer)})", exchange=answer.exchange)
    data = _json(answer)
    items = jmespath.search(incoming.items, data)
    if items is None and isinstance(data, dict) and data.get("items", 0) is None:
        items = []  # Magento's way to say that a list with `fields=` is empty
    if not isinstance(items, list):
        raise RequestFailed(
            f"There is no list at {incoming.items!r} in the answer, which is {_shape(data)}",
            hint='Correct "items": it is the JMESPath of the list.',
            exchange=answer.exchange,
        )
    total = data.get("total_count") if isinstance(data, dict) else len(items)
    return FirstItems(items[:FIRST_ITEMS], total if isinstance(total, int) else None, answer.exchange)


def _json(answer: Answer) -> Json:
    try:
        data: Json = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise RequestFailed(
            f"The answer is no JSON but {len(answer.body)} bytes of {answer.media_type or 'no named type'}",
            hint="Is the base URI that of the REST interface?",
            exchange=answer.exchange,
        ) from error
    return data


def _shape(data: Json) -> str:
    if isinstance(data, dict):
        return f"an object with {', '.join(list(data)[:8]) or 'nothing in it'}"
    return f"a list of {len(data)}" if isinstance(data, list) else f"a single {type(data).__name__}"
