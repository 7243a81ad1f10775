"""Where a page's number, offset, cursor or size goes in a request: into the query, or into its JSON body."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from ...client.message import Request
from ...templates import Json
from . import PaginationError

SendIn = Annotated[
    Literal["query", "body"],
    Field(
        title="Sent in",
        description="Where to put these parameters. In a JSON body, a parameter's name is its path, such as "
        "variables.after for GraphQL.",
    ),
]


def with_parameter(request: Request, send_in: Literal["query", "body"], name: str, value: Json) -> Request:
    """A copy of the request with this parameter. Raises `PaginationError` where its body has no place for it."""
    if send_in == "query":
        return request.with_query(name, value if isinstance(value, str) else json.dumps(value))
    try:
        body: Json = json.loads(request.body) if request.body else {}
    except ValueError as error:
        raise PaginationError(f"The body of the request is not JSON, so {name!r} cannot be added") from error
    return replace(request, body=json.dumps(with_value_at(body, name, value), ensure_ascii=False).encode())


def with_value_at(body: Json, path: str, value: Json) -> Json:
    """A copy of `body` with `value` at a dotted path; objects that are missing on the way are added.

    In a list, a part of the path is an index. Raises `PaginationError`.
    """

    def put(place: Json, names: list[str]) -> Json:
        if not names:
            return value
        name, *rest = names
        if isinstance(place, dict):
            return {**place, name: put(place.get(name), rest)}
        if isinstance(place, list) and name.isascii() and name.isdecimal() and int(name) < len(place):
            copy = list(place)
            copy[int(name)] = put(copy[int(name)], rest)
            return copy
        if place is None:
            return {name: put(None, rest)}
        kind = "a list without that index" if isinstance(place, list) else "neither an object nor a list"
        raise PaginationError(
            f"{path!r} cannot be put into the body of the request: the parent of {name!r} is {kind}",
            "Correct the parameter's path, or the parameters of the request.",
        )

    return put(body, path.split("."))
