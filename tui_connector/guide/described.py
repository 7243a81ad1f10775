"""Parts of a profile in one line each, as a list shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from ..placeholder import Json
from . import offered
from .by_path import at


def plugin(data: Json) -> str:
    """A plugin: what it is called, and what it is set to."""
    if not isinstance(data, dict):
        return json.dumps(data, ensure_ascii=False)
    kind = str(data.get("kind", ""))
    title = offered.plugins().get(kind, kind or "no kind")
    said = ", ".join(_value(value) for key, value in data.items() if key != "kind")
    if kind == "base-uri":
        said = said or "found by the test"
    return f"{title}: {said}" if said else title


def steps(chain: Sequence[Json]) -> list[str]:
    """The steps of a chain: what each is called, what it sends, and when."""
    names = [str(at(each, ("name",)) or "no name") for each in chain]
    width = max(map(len, names), default=0)
    return [f"{name:<{width}}  {_sent(each)}" for name, each in zip(names, chain, strict=True)]


def _sent(step: Json) -> str:
    method, uri = at(step, ("request", "method")) or "get", at(step, ("request", "uri")) or "no URI yet"
    when = at(step, ("when",))
    return f"{str(method).upper()} {uri}{f' · when {when}' if when else ''}"


def connection(client: Mapping[str, Json]) -> str:
    """How a client connects, and what people call it."""
    proxy, tls = client.get("proxy"), client.get("tls")
    parts = [str(client["title"])] if client.get("title") else []
    if client.get("disabled") is True:
        parts.append("disabled")
    parts.append(f"timeout {client.get('timeout', '30s')}")
    if isinstance(tls, dict) and tls.get("verify") is False:
        parts.append("TLS NOT verified")
    elif tls:
        parts.append("TLS of its own")
    if isinstance(proxy, dict):
        parts.append(f"proxy {proxy.get('uri', '')}")
    return " · ".join(parts)


def _value(value: Json) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_value(item)}" for key, item in value.items())
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
