"""What is valid in a profile, and probably not meant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..client.layer import Plugin
from ..client.uri import is_absolute, is_unencrypted, origin_of
from ..errors import InvalidValue
from ..incoming.output_path import refusal_of_name
from ..templates.expression import is_expression
from ..templates.expression_mistakes import fields_for_values
from ..text import listed
from .assistance import type_at
from .file_endings import End, named_like_other_kind
from .misspelt_fields import misspelt_fields
from .model import PAGED_BY_CRITERIA, ModelPath
from .positions import value_at

_REST = re.compile(r"(?P<root>.*?/rest)(?P<view>/(?!async/)\w+)?/V1(?:/(?P<route>.+))?")

_PATH = re.compile(r"/?(?:(?:index\.php/)?rest/(?:(?!async/)\w+/)?)?V1/(?P<route>.+)")
"""A path of Magento's documentation."""


class Remark(NamedTuple):
    """What is valid and probably not meant."""

    path: ModelPath
    message: str
    code: str
    value: str | None = None
    """The value to write instead, where there is one."""


def remarks(data: Mapping[str, Any]) -> Iterator[Remark]:
    """What is probably not meant in a profile's data."""
    yield from _bypassed_base_uris(data)
    yield from _repeated_plugins(data)
    yield from _unencrypted_stores(data)
    yield from _refused_files(data)
    yield from _misnamed_files(data)
    yield from _misspelt_fields(data)
    yield from _fields_for_values(data)


def _fields_for_values(data: Mapping[str, Any]) -> Iterator[Remark]:
    """The expressions, also of environments, that compare with a field where a value was probably meant."""
    for path, text in _texts(data, ()):
        if _MAY_NAME_FIELDS.search(text) and (found := fields_for_values(text)) is not None:
            field = type_at(data, path)[1]
            if field is not None and is_expression(field):
                are = "is a field" if len(found.fields) == 1 else "are fields"
                message = f"{listed(found.fields, 3)} {are} here: did you mean {found.meant}?"
                yield Remark(path, message, "field-for-value", found.meant)


_MAY_NAME_FIELDS = re.compile(r"\"|\b(?:true|false|null)\b")


def _texts(value: object, path: ModelPath) -> Iterator[tuple[ModelPath, str]]:
    """Each text in a value, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _texts(each, (*path, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _texts(each, (*path, index))


def _misspelt_fields(data: Mapping[str, Any]) -> Iterator[Remark]:
    """The fields of Magento's lists that incomings name, also in environments, and that are nearly known ones."""
    for table in _base_and_environments(data):
        incomings = value_at(data, (*table, "incoming"))
        for name in incomings if isinstance(incomings, dict) else ():
            incoming = value_at(data, ("incoming", name))
            if not isinstance(incoming, dict) or "parent" in incoming:
                continue  # whose date is one of its parent's
            uri = value_at(incomings[name], ("request", "uri")) or value_at(incoming, ("request", "uri"))
            if not isinstance(uri, str) or not _is_of_magento(data, incoming):
                continue
            for each in misspelt_fields(incomings[name], relative_path(uri, _base_uri(data, incoming.get("client")))):
                yield Remark((*table, "incoming", name, *each.place), str(each), "misspelt-field", each.value)


def _is_of_magento(data: Mapping[str, Any], incoming: Mapping[str, Any]) -> bool:
    """Whether the client's address is one of Magento's REST API, or the pagination one that only Magento has."""
    is_paged = value_at(incoming, ("pagination", "kind")) in PAGED_BY_CRITERIA
    return is_paged or _REST.fullmatch(_base_uri(data, incoming.get("client"))) is not None


def _misnamed_files(data: Mapping[str, Any]) -> Iterator[Remark]:
    """The files of sinks and sources, also of environments, that are named like those of another kind."""
    ends: tuple[tuple[str, End], ...] = (("incoming", "sink"), ("outgoing", "source"))
    for table in _base_and_environments(data):
        for family, end in ends:
            parts = value_at(data, (*table, family))
            for name in parts if isinstance(parts, dict) else ():
                base = (family, name, end)
                kind = value_at(data, (*table, *base, "kind")) or value_at(data, (*base, "kind"))
                file = value_at(data, (*table, *base, "path"))
                if not isinstance(kind, str) or not isinstance(file, str):
                    continue
                if other := named_like_other_kind(end, kind, file):
                    words = f"the kind of the {end} is {kind}, and this name ends like one of {other.kind}"
                    message = f"{words}: did you mean {other.name!r}?"
                    yield Remark((*table, *base, "path"), message, "file-ending", other.name)


def _refused_files(data: Mapping[str, Any]) -> Iterator[Remark]:
    """The files of sinks, also of environments, that no run writes because of their names."""
    for table in _base_and_environments(data):
        incomings = value_at(data, (*table, "incoming"))
        for name in incomings if isinstance(incomings, dict) else ():
            path = (*table, "incoming", name, "sink", "path")
            if isinstance(file := value_at(data, path), str) and (reason := refusal_of_name(file)):
                yield Remark(path, f"no run writes this file: {reason}; choose another name", "path-refused")


def _unencrypted_stores(data: Mapping[str, Any]) -> Iterator[Remark]:
    """The base URIs of other computers, also of environments, to which requests are not encrypted."""
    for table in _base_and_environments(data):
        clients = value_at(data, (*table, "clients"))
        for name in clients if isinstance(clients, dict) else ():
            plugins = value_at(data, (*table, "clients", name, "plugins"))
            keys = range(len(plugins)) if isinstance(plugins, list) else plugins if isinstance(plugins, dict) else ()
            for key in keys:
                path = (*table, "clients", name, "plugins", key, "uri")
                if isinstance(uri := value_at(data, path), str) and is_unencrypted(uri):
                    yield Remark(path, "not encrypted: secrets can be intercepted; use https", "unencrypted")


def _base_and_environments(data: Mapping[str, Any]) -> list[ModelPath]:
    environments = value_at(data, ("environments",))
    return [(), *(("environments", each) for each in environments or ())]


def _repeated_plugins(data: Mapping[str, Any]) -> Iterator[Remark]:
    """Plugins that a client has more than once, and whose kind says what happens then."""
    clients = value_at(data, ("clients",))
    for name in clients if isinstance(clients, dict) else ():
        plugins, found = value_at(data, ("clients", name, "plugins")), set[str]()
        for index, plugin in enumerate(plugins if isinstance(plugins, list) else ()):
            kind = value_at(plugin, ("kind",))
            saved = Plugin.find(kind) if isinstance(kind, str) else None
            if isinstance(kind, str) and kind in found and saved is not None and issubclass(saved, Plugin):
                if saved.if_repeated:
                    message = f"more than one {kind}: {saved.if_repeated}"
                    yield Remark(("clients", name, "plugins", index), message, "repeated-plugin")
            elif isinstance(kind, str):
                found.add(kind)


def _bypassed_base_uris(data: Mapping[str, Any]) -> Iterator[Remark]:
    """The URIs that name the client's store in full, and so bypass its base URI."""
    for family in ("incoming", "outgoing"):
        parts = value_at(data, (family,))
        for name in parts if isinstance(parts, dict) else ():
            base = _base_uri(data, value_at(data, (family, name, "client")))
            requests = value_at(data, (family, name, "requests"))
            paths: list[ModelPath] = [(family, name, "request", "uri")]
            paths += (
                [(family, name, "requests", each, "uri") for each in requests] if isinstance(requests, dict) else []
            )
            for path in paths:
                uri = value_at(data, path)
                if isinstance(uri, str) and base and (relative := _relative(uri, base)):
                    message = f"bypasses the client's base URI and its store view, {base}: write {relative!r}"
                    yield Remark(path, message, "bypasses-base-uri", relative)


def _base_uri(data: Mapping[str, Any], client: object) -> str:
    plugins = value_at(data, ("clients", client, "plugins")) if isinstance(client, str) else None
    for plugin in plugins if isinstance(plugins, list) else ():
        if value_at(plugin, ("kind",)) == "base-uri" and isinstance(uri := value_at(plugin, ("uri",)), str):
            return uri.rstrip("/")
    return ""


def relative_path(typed: str, base: str) -> str:
    """The path relative to the base URI of the address or path that was typed, such as `orders` of `/rest/V1/orders`.

    An address of something else is returned as it is.
    """
    text = typed.strip()
    if is_absolute(text):
        inside = text.removeprefix(f"{base.rstrip('/')}/") if base else text
        return inside if inside != text else _relative(text, base) or text
    found = _PATH.fullmatch(text)
    return found["route"] if found is not None else text.lstrip("/")


def _relative(uri: str, base: str) -> str:
    """The URI relative to the base URI; empty unless it is a full one of the same REST API with another store view."""
    there, here = _REST.fullmatch(uri), _REST.fullmatch(base)
    if not is_absolute(uri) or there is None or here is None or there["view"] == here["view"]:
        return ""
    try:
        is_same = origin_of(there["root"]) == origin_of(here["root"]) and _path(there["root"]) == _path(here["root"])
    except InvalidValue:
        return ""
    return there["route"] or "" if is_same else ""


def _path(uri: str) -> str:
    return uri.partition("//")[2].partition("/")[2]
