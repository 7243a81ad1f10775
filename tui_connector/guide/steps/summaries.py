"""One-line summaries of the parts of a profile, also of an invalid one."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from ...client.criteria_rows import CONDITION_TYPES
from ...magento.criteria import Parameter
from ...magento.projection import PARAMETER
from ...magento.request_criteria import filters_as_rows
from ...profile.model import ModelPath
from ...profile.positions import value_at
from ...templates import Json
from ...text import shown_line, shown_middle
from ..part_families import FAMILIES, Family
from ..secret_sources import SOURCE_PLACES, SecretPlace, source_place, sources
from . import kind_schemas

_LEAST_END = 12
"""Columns in which the end of a path, or the beginning of a condition, tells which it is."""
_WORDS = 3
"""Words of a condition: a field, an operator and a value."""


def plugin(data: Json) -> str:
    """The title and settings of a plugin."""
    if not isinstance(data, dict):
        return json.dumps(data, ensure_ascii=False)
    kind = str(data.get("kind", ""))
    title = kind_schemas.plugins().get(kind, kind or "no kind")
    labels = _labels(kind_schemas.plugin(kind) or {})
    settings = ", ".join(f"{labels.get(key, key)} {_value(value)}" for key, value in data.items() if key != "kind")
    if kind == "base-uri":
        settings = settings or "from the test"
    return f"{title}: {settings.strip()}" if settings else title


def _labels(schema: kind_schemas.Schema) -> dict[str, str]:
    """The titles of the fields in lower case; "" for the only one where the title of the kind already names it."""
    fields = {key: each for key, each in schema.get("properties", {}).items() if "const" not in each}
    titles = {key: str(each.get("title") or key) for key, each in fields.items()}
    if len(titles) == 1 and next(iter(titles.values())).casefold() in str(schema["title"]).casefold():
        return dict.fromkeys(titles, "")
    return {key: title[:1].lower() + title[1:] if title[1:2].islower() else title for key, title in titles.items()}


_STEP_NAME = 24
"""The most columns for the name of a step."""


def steps(chain: Sequence[Json]) -> list[str]:
    """The name, request and condition of each step of a chain; a long name leaves room for the request."""
    names = [shown_middle(str(value_at(each, ("name",)) or "no name"), _STEP_NAME) for each in chain]
    width = max(map(len, names), default=0)
    return [f"{name:<{width}}  {_step_request(each)}" for name, each in zip(names, chain, strict=True)]


def _step_request(step: Json) -> str:
    method, uri = value_at(step, ("request", "method")) or "get", value_at(step, ("request", "uri")) or "no URI yet"
    when = value_at(step, ("when",))
    return f"{str(method).upper()} {uri}{f' · when {when}' if when else ''}"


def connection(client: Mapping[str, Json]) -> str:
    """The title and connection settings of a client."""
    proxy, tls = client.get("proxy"), client.get("tls")
    parts = [str(client["title"])] if client.get("title") else []
    if client.get("disabled") is True:
        parts.append("disabled")
    parts.append(f"timeout {client.get('timeout', '30s')}")
    if isinstance(tls, dict) and tls.get("verify") is False:
        parts.append("TLS NOT verified")
    elif tls:
        parts.append("custom TLS")
    if isinstance(proxy, dict):
        parts.append(f"proxy {proxy.get('uri', '')}")
    return " · ".join(parts)


def _value(value: Json) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_value(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class ProfilePart:
    """A named part of a profile."""

    family: Family
    name: str
    summary: str = field(compare=False)
    disabled: bool = field(default=False, compare=False)


def parts(data: Mapping[str, Json], missing: Container[ModelPath] = ()) -> list[ProfilePart]:
    """All parts, in the order of the profile; `missing` are the paths of secrets that have no value."""
    return [
        ProfilePart(family, name, _titled(value, summary), bool(value_at(value, ("disabled",))))
        for family, name, value, summary in _parts(data, missing)
    ]


def _titled(value: Json, summary: str) -> str:
    title = value_at(value, ("title",))
    return f"{title} · {summary}" if isinstance(title, str) and title else summary


def _parts(data: Mapping[str, Json], missing: Container[ModelPath]) -> Iterator[tuple[Family, str, Json, str]]:
    for family in FAMILIES:
        table = data.get(family)
        for name, value in table.items() if isinstance(table, dict) else ():
            match family:
                case "clients":
                    yield family, name, value, _client(value)
                case "authentications":
                    yield family, name, value, _authentication(data, name, value, missing)
                case "incoming":
                    yield family, name, value, _incoming(value)
                case "outgoing":
                    yield family, name, value, _outgoing(value)


def _client(value: Json) -> str:
    plugins, names = value_at(value, ("plugins",)), value_at(value, ("authentications",))
    plugins = plugins if isinstance(plugins, list) else []
    base = next((value_at(each, ("uri",)) for each in plugins if value_at(each, ("kind",)) == "base-uri"), None)
    authentication = ", ".join(map(str, names)) if isinstance(names, list) and names else "no authentication"
    return f"{base or 'no address'} · {len(plugins)} plugin{'' if len(plugins) == 1 else 's'} · {authentication}"


def _authentication(data: Mapping[str, Json], name: str, value: Json, missing: Container[ModelPath]) -> str:
    kind = str(value_at(value, ("kind",)) or "no kind")
    found = [(source_place(each), path) for path, each in sources(data) if path[:2] == ("authentications", name)]
    places = [place for place, _ in found]
    unset = [place for place, path in found if path in missing]
    counted = [_secrets(place, places.count(place), unset.count(place)) for place in dict.fromkeys(places)]
    secrets = f" · {', '.join(counted)}" if counted else ""
    return f"{kind_schemas.authentication_title(kind)}{secrets}"


def _secrets(place: SecretPlace, number: int, unset: int) -> str:
    """How many secrets are in a place, and how many of them are not there."""
    words = f"{number} {SOURCE_PLACES[place]}"
    if not unset:
        return words
    state = "not set" if place is SecretPlace.ENVIRONMENT else "missing"
    return f"{words}, {state}" if unset == number else f"{words}, {unset} {state}"


def fitted(summary: str, width: int) -> str:
    """A summary of a part in this width: its first piece, and its last, such as where it writes, stay longest.

    Of conditions between them, as much as has room is shown: parts with the same entity often differ in them alone.
    """
    pieces, conditions = summary.split(" · "), ""
    if len(summary) > width:
        pieces[0], _, _ = pieces[0].partition(" (")
    while _joined_width(pieces) > width and len(pieces) > 2:
        conditions = pieces.pop(-2)
    if conditions and _joined_width(pieces) <= width and (with_them := _with_conditions(pieces, conditions, width)):
        return with_them
    if _joined_width(pieces) > width:
        pieces[-1] = _without_folders(pieces[-1])
    left = width - len(pieces[0]) - 3
    if _joined_width(pieces) > width and len(pieces) == 2 and left >= _LEAST_END:
        return f"{shown_line(pieces[0])} · {shown_middle(pieces[1], left)}"
    return shown_middle(" · ".join(pieces), width)


def _with_conditions(pieces: Sequence[str], conditions: str, width: int) -> str:
    """The pieces with the beginning of the conditions before the last one; "" where there is no room for it.

    A path at the end leaves its folders out where that makes room for the first condition.
    """
    words, (*before, last) = conditions.split(" "), pieces
    if len(words) < _WORDS or not (words[1] in CONDITION_TYPES or words[1][:1] in "=<>≤≥!≠"):
        return ""  # "3 plugins" says nothing once it is cut
    first = " ".join(words[:_WORDS])
    for end, least in ((last, len(first) + 2), (_without_folders(last), _LEAST_END)):
        left = width - _joined_width([*before, end]) - 3
        if left >= least:
            return " · ".join([*before, _beginning(conditions, left), end])
    return ""


def _beginning(conditions: str, width: int) -> str:
    """As many whole words of conditions as fit, but at least what fits of the first condition."""
    if len(conditions) <= width:
        return shown_line(conditions)
    cut = shown_line(conditions, width)
    words = cut.rpartition(" ")[0].split(" ")
    while words[-1] in ("and", "or"):
        del words[-1]
    return f"{' '.join(words)} …" if len(words) >= _WORDS else cut


def _without_folders(end: str) -> str:
    """The last piece of a summary, with only the name of the file where it is a path."""
    mark, path = end[:2], end[2:]
    return f"{mark}…/{path.rpartition('/')[2]}" if mark in ("→ ", "← ") and "/" in path else end


def _joined_width(pieces: Sequence[str]) -> int:
    return len(" · ".join(pieces))


def _file(path: Json) -> Json:
    """The end of a path, which tells files apart: its last folder and its name."""
    folders = path.split("/") if isinstance(path, str) else []
    return "/".join(["…", *folders[-2:]]) if len(folders) > 3 else path


def _incoming(value: Json) -> str:
    pages = value_at(value, ("pagination", "kind"))
    sink = _file(value_at(value, ("sink", "path"))) or value_at(value, ("sink", "kind"))
    since = value_at(value, ("incremental", "field"))
    more = [pages, f"changes by {since}" if since else None, f"→ {sink or 'no file'}"]
    return " · ".join([*_list_request(value), *(str(each) for each in more if each)])


def _outgoing(value: Json) -> str:
    steps = value_at(value, ("steps",))
    if isinstance(steps, list) and steps:
        names = " → ".join(str(value_at(each, ("name",)) or "no name") for each in steps)
        sent = f"{len(steps)} step{'s' if len(steps) > 1 else ''}: {names}"
    else:
        sent = _request(value)
    batch = value_at(value, ("batch",))
    source = _file(value_at(value, ("source", "path"))) or value_at(value, ("source", "kind"))
    more = [f"{batch} at a time" if batch else None, f"← {source}" if source else None]
    return " · ".join([sent, *(str(each) for each in more if each)])


def _request(value: Json) -> str:
    method = str(value_at(value, ("request", "method")) or "get").upper()
    return f"{method} {value_at(value, ('request', 'uri')) or 'no URI'}"


def _list_request(value: Json) -> list[str]:
    """The request of an incoming, and what distinguishes it from others of the same list: decoded, and in pieces."""
    request = _request(value)
    if not request.startswith("GET "):
        return [request]
    table, where = value_at(value, ("request", "parameters")), value_at(value, ("request", "where"))
    parameters = [f"{quote(name)}={quote(text)}" for name, text in _flat(table, "")]
    path, _, query = request.partition("?")
    uri, rows = filters_as_rows(f"?{'&'.join(filter(None, [query, *parameters]))}")
    rows = [*(map(str, where) if isinstance(where, list) else ()), *rows]
    parts = [(each, Parameter.decoded(each, ())) for each in uri[1:].split("&") if each]
    kept = [text for text, each in parts if text in query.split("&") and each.name != PARAMETER]
    named = [each for text, each in parts if text not in kept]
    path = f"{path}?{'&'.join(kept)}" if kept else path
    return [path, *([" and ".join(rows)] if rows else []), *(f"{each.name} {each.value}".strip() for each in named)]


def _flat(value: Json, name: str) -> Iterator[tuple[str, str]]:
    """The parameters in tables and lists, named as they are sent."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _flat(each, f"{name}[{key}]" if name else key)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _flat(each, f"{name}[{index}]")
    elif name and value is not None:
        yield name, _value(value)
