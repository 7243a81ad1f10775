"""Templates and entities from the bodies and paths of requests that write."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import cast
from urllib.parse import unquote

from ...magento.entities import WRITABLE, Writable
from ...outgoing.bulk_routes import variables
from ...templates import Json
from .addresses import Address
from .model import FoundRequest, has_unknown, unknown, unknowns, variable_name, with_names

_ONE_PLACEHOLDER = re.compile(r"&\{(@|[A-Za-z_]\w*)\}")


def templated_path(found: FoundRequest, address: Address) -> tuple[str, dict[str, Json]]:
    """The path with placeholders, and their values in this request."""
    values: dict[str, Json] = {}
    segments = address.path.rstrip("/").split("/")
    if address.queue == "bulk":
        segments = [re.sub(r"^by([A-Z]\w*)$", lambda m: unknown(m[1][0].lower() + m[1][1:]), each) for each in segments]
    plain = [None if has_unknown(each) else unquote(each) for each in segments]
    named = (variables(found.method, plain) or {}) if address.is_magento else {}
    made = []
    for index, segment in enumerate(segments):
        if has_unknown(segment):
            for each in unknowns(segment):
                name = variable_name(each)
                if found.values.get(name) not in (None, ""):
                    values[name] = found.values[name]
                else:
                    values.setdefault(name, unknown(name))
            made.append(with_names(segment, lambda name: f"&{{{name}}}"))
        elif index in named:
            name = _snake(named[index])
            values[name] = unquote(segment)
            made.append(f"&{{{name}}}")
        else:
            made.append(segment)
    return "/".join(made), values


def known_writable(
    method: str, path: str, values: Mapping[str, Json], bodies: list[Json]
) -> tuple[Writable | None, list[Json]]:
    """The entity that this request sends, and the entities in it."""
    for each in WRITABLE.values():
        if each.method.upper() != method:
            continue
        matched = _path_pattern(each.uri).fullmatch(path)
        if matched is None:
            continue
        names = re.findall(r"&\{(\w+)\}", each.uri)
        in_path: dict[str, Json] = {}
        for name, part in zip(names, matched.groups(), strict=False):
            inside = re.fullmatch(r"&\{(\w+)\}", part)
            in_path[name] = values.get(inside[1], unknown(name)) if inside else unquote(part)
        entities: list[Json] = []
        for body in bodies:
            found = _entities(each, body, in_path)
            if found is None:
                break
            entities += found
        else:
            return each, entities
        if bodies == [None]:
            return each, []
    return None, []


@cache
def _path_pattern(uri: str) -> re.Pattern[str]:
    """Matches the paths that this template makes; each placeholder is a group."""
    pieces = re.split(r"&\{\w+\}", uri)
    return re.compile("([^/]+)".join(map(re.escape, pieces)))


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _entities(known: Writable, body: Json, in_path: Mapping[str, Json]) -> list[Json] | None:
    """The entities that make this body with the preset's template; None if no entity does."""
    found: dict[str, Json] = dict(in_path)
    lists: list[list[Json]] = []

    def match(template: Json, value: Json) -> bool:
        if isinstance(template, str) and (placeholder := _ONE_PLACEHOLDER.fullmatch(template)):
            if placeholder[1] != "@":
                known_value = found.setdefault(placeholder[1], value)
                if isinstance(known_value, str) and has_unknown(known_value):
                    found[placeholder[1]] = value
                return str(found[placeholder[1]]) == str(value)
            if known.batch > 1 and isinstance(value, list):
                lists.append(value)
                return True
            if isinstance(value, dict):
                found.update({key: each for key, each in value.items() if key not in in_path or in_path[key] != each})
                return True
            return False
        if isinstance(template, dict):
            return (
                isinstance(value, dict)
                and value.keys() <= template.keys()
                and all(match(template[key], value[key]) for key in value)
            )
        return template == value

    if body is None or not match(known.parameters, body):
        return None
    if lists:
        return [{**in_path, **each} if isinstance(each, dict) else each for each in lists[0]]
    return [found]


def generic_template(values: Mapping[str, Json], bodies: list[Json], *, has_body: bool) -> tuple[Json, list[Json]]:
    """The template of a body and the entities that make these bodies; variables of the path come first."""
    if bodies == [None]:
        entities: list[Json] = [dict(values)] if values else []
        return ("&{@}" if has_body else None), entities
    body = bodies[0]
    if isinstance(body, dict) and not values:
        return "&{@}", list(bodies)
    if not isinstance(body, dict):
        return "&{body}", [{**values, "body": each} for each in bodies]
    keys = {key: key if re.fullmatch(r"[A-Za-z_]\w*", key) and key not in values else None for key in body}
    if None in keys.values() or not all(isinstance(each, dict) and each.keys() == body.keys() for each in bodies):
        return "&{body}", [{**values, "body": each} for each in bodies]
    template: dict[str, Json] = {key: f"&{{{key}}}" for key in body}
    return template, [{**values, **cast("dict[str, Json]", each)} for each in bodies]
