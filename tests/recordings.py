"""What was recorded at a real Magento 2.4.7: one exchange a file, and its schemas. Nothing of it is in this project."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from requirements import skip_without

from tui_connector.client.exchange import Exchange, RecordedBody, Timings

_VARIABLE = "TUI_CONNECTOR_RECORDINGS"
"""The folder of the recordings; `none` where there are none, as for a contributor: then CI does not need them."""
PLACE = Path(os.environ.get(_VARIABLE, Path(__file__).parents[2] / "shared" / "magento-recordings"))


@dataclass(frozen=True)
class Recording:
    """One exchange. `route` is its path without what stands before /V1 and without the query."""

    number: str
    name: str
    method: str
    target: str
    sent_headers: Mapping[str, str]
    sent: str
    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: str

    @property
    def route(self) -> str:
        return route_of(self.target)

    @property
    def query(self) -> list[tuple[str, str]]:
        return query_of(self.target)

    @property
    def who(self) -> str:
        """Who asked: "full", "catalog", "admin", nobody (""), or "?" for what no store should accept."""
        given = self.sent_headers.get("Authorization", "")
        if "FAKE-full-consumer-key" in given or given == "Bearer FAKE-full-access-token":
            return "full"
        callers = {"": "", "Bearer FAKE-catalog-only-access-token": "catalog", "Bearer FAKE.JWT.TOKEN": "admin"}
        return callers.get(given, "?")

    def exchange(self, number: int, at: Any) -> Exchange:
        """The recording as the program would have seen it, unmasked."""
        sent, body = self.sent.encode(), self.body.encode()
        media_type = dict(self.headers).get("Content-Type", "").partition(";")[0]
        return Exchange(
            number=number, attempt=1, call=number, client="shop", purpose="test", formatter=None, at=at, original=None,
            method=self.method, uri=f"https://shop.example{self.target}",
            request_headers=tuple(self.sent_headers.items()),
            request_body=RecordedBody(sent, len(sent), len(sent), self.sent_headers.get("Content-Type", "")),
            status=self.status, reason=self.reason, headers=self.headers,
            body=RecordedBody(body, len(body), len(body), media_type), failure=None, failure_text="", timings=Timings(),
        )  # fmt: skip


def route_of(target: str) -> str:
    path = target.partition("?")[0]
    return path[path.find("/V1") :] if "/V1" in path else path


def query_of(target: str) -> list[tuple[str, str]]:
    """The parameters, decoded, in an order of their own."""
    parts = (part.partition("=") for part in target.partition("?")[2].split("&") if part)
    return sorted((unquote(name), unquote(value)) for name, _, value in parts)


def needed(place: Path = PLACE) -> None:
    """Skips where there are no recordings; in CI that is an error, unless the variable says so."""
    if os.environ.get(_VARIABLE) == "none":
        pytest.skip("needs the recordings of a real store")
    if not place.is_dir():
        skip_without(f"the recordings of a real store at {place} ({_VARIABLE})")


@cache
def recordings() -> tuple[Recording, ...]:
    return tuple(_read(file) for file in sorted(PLACE.glob("[0-9]*.json")))


@cache
def schema(of: str) -> str:
    """The schema for "all" or "anonymous", as it was sent; skips like `needed`."""
    needed()
    return (PLACE / f"schema-{of}.json").read_text()


def _read(file: Path) -> Recording:
    data = json.loads(file.read_text())
    request, response = data["request"], data["response"]
    sent = request["body"] or ""
    return Recording(
        file.name[:3], data["name"], request["method"], request["path"], request["headers"],
        sent if isinstance(sent, str) else json.dumps(sent), response["status"], response["reason"],
        tuple((name, value) for name, value in response["headers"]), response["body"],
    )  # fmt: skip
