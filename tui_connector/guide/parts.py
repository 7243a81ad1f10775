"""A profile's parts, each in one line: what a page lists of it, whatever else may be wrong with the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from ..placeholder import Json
from .by_path import at
from .secret_sources import SecretPlace, place_of, sources
from .words import WAYS

Family = Literal["clients", "authentications", "incoming", "outgoing"]

FAMILIES: Mapping[Family, str] = {
    "clients": "HTTP clients",
    "authentications": "HTTP authentications",
    "incoming": "Incoming (read from the store)",
    "outgoing": "Outgoing (send to the store)",
}
"""The families of named parts, as a page calls them."""

_PLACES = {
    SecretPlace.KEYRING: "in the keyring",
    SecretPlace.ENVIRONMENT: "from the environment",
    SecretPlace.COMMAND: "from a command",
    SecretPlace.ASK: "asked for",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A named part of a profile."""

    family: Family
    name: str
    words: str
    disabled: bool = False


def parts(data: Mapping[str, Json]) -> list[Part]:
    """All parts, in the order of the profile."""
    return [Part(family, name, words, bool(at(value, ("disabled",)))) for family, name, value, words in _each(data)]


def _each(data: Mapping[str, Json]) -> Iterator[tuple[Family, str, Json, str]]:
    for family in FAMILIES:
        table = data.get(family)
        for name, value in table.items() if isinstance(table, dict) else ():
            match family:
                case "clients":
                    yield family, name, value, _client(value)
                case "authentications":
                    yield family, name, value, _authentication(data, name, value)
                case "incoming":
                    yield family, name, value, _incoming(value)
                case "outgoing":
                    yield family, name, value, _outgoing(value)


def _client(value: Json) -> str:
    plugins, names = at(value, ("plugins",)), at(value, ("authentications",))
    plugins = plugins if isinstance(plugins, list) else []
    base = next((at(each, ("uri",)) for each in plugins if at(each, ("kind",)) == "base-uri"), None)
    by = ", ".join(map(str, names)) if isinstance(names, list) and names else "no authentication"
    return f"{base or 'no address'} · {len(plugins)} plugin{'' if len(plugins) == 1 else 's'} · {by}"


def _authentication(data: Mapping[str, Json], name: str, value: Json) -> str:
    kind = str(at(value, ("kind",)) or "no kind")
    title = WAYS[kind].title if kind in WAYS else kind
    places = [place_of(each) for path, each in sources(data) if path[:2] == ("authentications", name)]
    counted = [f"{places.count(place)} {_PLACES[place]}" for place in dict.fromkeys(places)]
    return " · ".join([title, *(["secrets: " + ", ".join(counted)] if counted else [])])


def _incoming(value: Json) -> str:
    method, uri = str(at(value, ("request", "method")) or "get").upper(), at(value, ("request", "uri")) or "no URI"
    pages, sink = at(value, ("pagination", "kind")), at(value, ("sink", "path")) or at(value, ("sink", "kind"))
    since = at(value, ("incremental", "field"))
    more = [pages, f"changes by {since}" if since else None, f"→ {sink}" if sink else None]
    return " · ".join([f"{method} {uri}", *(str(each) for each in more if each)])


def _outgoing(value: Json) -> str:
    steps = at(value, ("steps",))
    if isinstance(steps, list) and steps:
        names = " → ".join(str(at(each, ("name",)) or "no name") for each in steps)
        sent = f"{len(steps)} step{'s' if len(steps) > 1 else ''}: {names}"
    else:
        method, uri = str(at(value, ("request", "method")) or "get").upper(), at(value, ("request", "uri")) or "no URI"
        sent = f"{method} {uri}"
    batch, source = at(value, ("batch",)), at(value, ("source", "path")) or at(value, ("source", "kind"))
    more = [f"{batch} at a time" if batch else None, f"← {source}" if source else None]
    return " · ".join([sent, *(str(each) for each in more if each)])
