"""Serves recorded responses as a store: which recorded request a request is, and what is sent back."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from aiohttp import web

from ..text import shown_line
from .listening import LoopbackServer
from .response import JSON_TYPE, Json, Refusal, php_json

_TRANSPORT_HEADERS = frozenset(
    {
        *("connection", "content-encoding", "content-length", "keep-alive", "proxy-connection", "te", "trailer"),
        *("transfer-encoding", "upgrade", "alt-svc"),
    }
)
"""They describe the recorded connection (RFC 9110 §7.6.1), or a compression that the recorded body no longer has."""
_CONSENT = "access-control-"
"""Headers by which a store lets pages of other sites read its responses. It did not consent to those of a replay."""
_HERE = ("127.0.0.1", "localhost", "[::1]")
_LINK_HEADERS = ("link", "location")
_MAX_BODY = 64_000_000
_CHUNK = 65_536
_SHOWN = 200
"""Characters of a request or value that a message shows."""


@dataclass(frozen=True, slots=True)
class RecordedExchange:
    """One recorded request and its response. Masked parts of the request contain the mark of the `Replay`."""

    number: int
    method: str
    uri: str
    sent: bytes
    sent_truncated: bool
    """Whether `sent` is only the beginning of the request's body."""
    status: int | None
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    missing: str = ""
    """Why the response's body is not available, such as "only the first 4,000 of 190,000 bytes were recorded"."""
    lost: Literal["", "timeout", "cut-off"] = ""
    """How the response was lost on its way: it did not arrive in time, or the connection was closed."""


Query = tuple[tuple[str, str], ...]
_BodyKey = tuple[bool, bytes]
"""Whether the body is only a beginning, and the body; JSON in one form, whatever its spaces and the order of keys."""


@dataclass
class _Responses:
    """The responses to one request, in the recorded order."""

    request: RecordedExchange
    recorded: list[RecordedExchange] = field(default_factory=list)
    sent: int = 0

    def next(self) -> RecordedExchange:
        """The next one; the last one again and again."""
        found = self.recorded[min(self.sent, len(self.recorded) - 1)]
        self.sent += 1
        return found


class Replay(LoopbackServer):
    """A store that gives recorded responses."""

    def __init__(
        self, recorded: Iterable[RecordedExchange], port: int, *, mark: str, report: Callable[[str], None]
    ) -> None:
        """`mark`: matches any text where a recorded request has it; `report` gets each refused request as a line."""
        super().__init__(port, abandons=True)
        self._mark, self._report = mark, report
        self._by_target: dict[tuple[str, tuple[str, ...], Query], dict[_BodyKey, _Responses]] = {}
        self._masked: dict[_Pattern, dict[_BodyKey, _Responses]] = {}
        """Requests with a masked part in the path or in the query."""
        self._paths: set[str] = set()
        self._origins: set[str] = set()
        self._hosts = {*_HERE}
        """Any other name is of a web page that had its name resolve to this computer."""
        self.count = 0
        for each in recorded:
            self._add(each)
        self._links = _link_pattern(self._origins)

    def _add(self, exchange: RecordedExchange) -> None:
        self.count += 1
        parts = urlsplit(exchange.uri)
        self._paths.add(parts.path)
        if parts.scheme and parts.netloc:
            self._origins.add(f"{parts.scheme}://{parts.netloc}")
            self._hosts.add(_without_port(parts.netloc))
        target = _target(exchange.method, parts.path, parts.query)
        if self._mark in exchange.uri:
            group = self._masked.setdefault(_Pattern(*target, self._mark), {})
        else:
            group = self._by_target.setdefault(target, {})
        key = _body_key(exchange.sent, truncated=exchange.sent_truncated)
        group.setdefault(key, _Responses(exchange)).recorded.append(exchange)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        host = _without_port(request.headers.get("Host", ""))
        if host not in self._hosts:
            text = "A replay is for this computer only, not for %host: use the address that was printed."
            return self._refuse(request, Refusal(403, text, {"host": host[:_SHOWN]}))
        path, _, query = request.raw_path.partition("?")
        body = await _read(request)
        if body is None:
            return web.Response(status=413, text=f"A replay accepts bodies of up to {_MAX_BODY // 1_000_000} MB.")
        group = self._group(_target(request.method, path, query))
        responses = self._with_body(group, body)
        if responses is None:
            return self._refuse(request, self._unknown(request, bool(group)))
        found = responses.next()
        if found.lost == "timeout":
            await asyncio.Event().wait()  # until the client gives up
        if found.lost and request.transport is not None:
            request.transport.abort()
            return web.Response()
        if found.missing:
            text = "The response of the recorded request %number cannot be replayed: %reason."
            return self._refuse(request, Refusal(501, text, {"number": found.number, "reason": found.missing}))
        assert found.status is not None
        headers = [(name, value) for name, value in found.headers if _is_passed_on(name.lower())]
        links = [(name, self._relinked(value) if name.lower() in _LINK_HEADERS else value) for name, value in headers]
        content = self._relinked(found.body.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        response = web.Response(status=found.status, body=content)
        response.headers.clear()
        for name, value in links:
            response.headers.add(name, value)
        return response

    def _group(self, target: tuple[str, tuple[str, ...], Query]) -> dict[_BodyKey, _Responses]:
        if found := self._by_target.get(target):
            return found
        return next((found for pattern, found in self._masked.items() if pattern.matches(*target)), {})

    def _with_body(self, group: dict[_BodyKey, _Responses], body: bytes) -> _Responses | None:
        """The responses to this body; the body does not matter if only one was recorded."""
        if len(group) == 1:
            return next(iter(group.values()))
        if found := group.get(_body_key(body)):
            return found
        return next((each for each in group.values() if _is_body(each.request, body, self._mark)), None)

    def _unknown(self, request: web.BaseRequest, other_body: bool) -> Refusal:
        what = f"{request.method} {request.raw_path}"
        if other_body:
            text = "The recording has %request, but with another body."
            return Refusal(501, text, {"request": what[:_SHOWN]})
        nearest = self._nearest(request)
        if nearest is None:
            return Refusal(501, "The recording has no request %request, and no other one.", {"request": what[:_SHOWN]})
        text = "The recording does not contain %request. The nearest recorded request is %number: %nearest."
        path, _, query = request.raw_path.partition("?")
        parts = urlsplit(nearest.uri)
        same_path = (request.method, _segments(path)) == (nearest.method, _segments(parts.path))
        told = _difference(_pairs(query), _pairs(parts.query)) if same_path else ""
        if not told:
            told = f"{nearest.method} {parts.path}{'?' + parts.query if parts.query else ''}"
        return Refusal(501, text, {"request": what[:_SHOWN], "number": nearest.number, "nearest": told[:_SHOWN]})

    def _nearest(self, request: web.BaseRequest) -> RecordedExchange | None:
        path, _, query = request.raw_path.partition("?")
        wanted = Counter(_pairs(query))
        words = SequenceMatcher(b=unquote(path), autojunk=False)
        alike: dict[str, float] = {}

        def score(exchange: RecordedExchange) -> tuple[float, bool, int]:
            parts = urlsplit(exchange.uri)
            if parts.path not in alike:
                words.set_seq1(unquote(parts.path))
                alike[parts.path] = words.ratio()
            given = Counter(_pairs(parts.query))
            return alike[parts.path], exchange.method == request.method, -((wanted - given) + (given - wanted)).total()

        groups = [*self._by_target.values(), *self._masked.values()]
        return max((each.request for group in groups for each in group.values()), key=score, default=None)

    def _refuse(self, request: web.BaseRequest, refusal: Refusal) -> web.Response:
        message = str(refusal)
        parameters = refusal.envelope["parameters"]
        assert isinstance(parameters, dict)
        for name, value in parameters.items():
            message = message.replace(f"%{name}", str(value))
        self._report(shown_line(f"{request.method} {request.raw_path[:_SHOWN]}: {message}"))
        return web.Response(status=refusal.status, body=php_json(refusal.envelope), headers={"Content-Type": JSON_TYPE})

    def _relinked(self, text: str) -> str:
        """The text with links to recorded requests leading here, such as the link to the next page."""
        if self._links is None or "://" not in text.replace("\\/", "/"):
            return text

        def here(found: re.Match[str]) -> str:
            path = found["path"].replace("\\/", "/")
            if path not in self._paths:
                return found[0]
            escaped = "\\/" in found["origin"]
            return (self.url.replace("/", "\\/") if escaped else self.url) + found["path"]

        return self._links.sub(here, text)


@dataclass(frozen=True)
class _Pattern:
    """A recorded request in which masked parts match any text."""

    method: str
    segments: tuple[str, ...]
    query: Query
    mark: str

    def matches(self, method: str, segments: tuple[str, ...], query: Query) -> bool:
        return (
            method == self.method
            and len(segments) == len(self.segments)
            and [name for name, _ in query] == [name for name, _ in self.query]
            and all(_alike(one, other, self.mark) for one, other in zip(self.segments, segments, strict=True))
            and all(_alike(one, other, self.mark) for (_, one), (_, other) in zip(self.query, query, strict=True))
        )


async def _read(request: web.BaseRequest) -> bytes | None:
    """The request's body; None if it is too large."""
    parts, size = [], 0
    while part := await request.content.read(_CHUNK):
        parts.append(part)
        size += len(part)
        if size > _MAX_BODY:
            return None
    return b"".join(parts)


def _is_passed_on(header: str) -> bool:
    return header not in _TRANSPORT_HEADERS and not header.startswith(_CONSENT)


def _without_port(host: str) -> str:
    return re.sub(r":\d*\Z", "", host.rpartition("@")[2].lower())


def _target(method: str, path: str, query: str) -> tuple[str, tuple[str, ...], Query]:
    """What a request is found by. The order matters among parameters of the same name only."""
    return method.upper(), _segments(path), tuple(sorted(_pairs(query), key=lambda pair: pair[0]))


def _segments(path: str) -> tuple[str, ...]:
    """Decoded one by one, as `%2F` in a SKU separates nothing."""
    return tuple(map(unquote, path.split("/")))


def _pairs(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True, errors="surrogateescape")


def _difference(wanted: list[tuple[str, str]], recorded: list[tuple[str, str]]) -> str:
    """The parameters in which a recorded query differs."""
    more = Counter(recorded) - Counter(wanted)
    less = Counter(wanted) - Counter(recorded)
    changed = [f"{name}={value}" for name, value in more]
    absent = [f"no {name}" for name, _ in less if name not in {name for name, _ in more}]
    return "the same with " + ", ".join([*changed, *absent]) if more or less else ""


def _alike(recorded: str, given: str, mark: str) -> bool:
    """Whether the texts are the same; what was masked may be any text."""
    if mark not in recorded:
        return recorded == given
    # the mark of an authorization is followed by its length
    first, *middle, last = re.split(rf"{re.escape(mark)}(?:\(\d+\))?", recorded)
    at, end = len(first), len(given) - len(last)
    if at > end or not given.startswith(first) or not given.endswith(last):
        return False
    for part in middle:  # a regular expression would try all ways to place them
        found = given.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _body_key(body: bytes, *, truncated: bool = False) -> _BodyKey:
    """The same for bodies that are the same request."""
    try:
        return truncated, json.dumps(json.loads(body), sort_keys=True).encode()
    except (ValueError, RecursionError):
        return truncated, body


def _is_body(recorded: RecordedExchange, given: bytes, mark: str) -> bool:
    if recorded.sent == given:
        return True
    if recorded.sent_truncated:
        start = recorded.sent.decode("utf-8", "ignore")
        return _alike(start + mark, given.decode("utf-8", "replace"), mark)
    wanted, found = _json(recorded.sent), _json(given)
    if wanted is not None and found is not None:
        return _alike_json(wanted, found, mark)
    return _alike(recorded.sent.decode("utf-8", "replace"), given.decode("utf-8", "replace"), mark)


def _json(data: bytes) -> tuple[Json] | None:
    """The value in a tuple of its own; None if the data is not JSON."""
    try:
        return (json.loads(data),)
    except (ValueError, RecursionError):
        return None


def _alike_json(recorded: object, given: object, mark: str) -> bool:
    """Whether the values are the same. The order of keys does not matter; a masked value may be any."""
    pairs = [(recorded, given)]
    while pairs:
        one, other = pairs.pop()
        if isinstance(one, str):
            if one != mark and not (isinstance(other, str) and _alike(one, other, mark)):
                return False
        elif isinstance(one, dict) and isinstance(other, dict):
            if one.keys() != other.keys():
                return False
            pairs += [(value, other[key]) for key, value in one.items()]
        elif isinstance(one, list | tuple) and isinstance(other, list | tuple):
            if len(one) != len(other):
                return False
            pairs += list(zip(one, other, strict=True))
        elif one != other or isinstance(one, bool) != isinstance(other, bool):
            return False
    return True


def _link_pattern(origins: set[str]) -> re.Pattern[str] | None:
    """Absolute links to the recorded stores, also with the slashes that PHP escapes in JSON."""
    if not origins:
        return None
    either = "|".join(re.escape(form) for each in sorted(origins) for form in (each, each.replace("/", "\\/")))
    return re.compile(rf"(?P<origin>{either})(?P<path>[^\s\"'<>?#&]*)")
