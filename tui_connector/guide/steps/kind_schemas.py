"""The kinds offered by the guide, including those of other packages, and the schemas of their forms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Literal

from ...client.authentication.one_time_code import OneTimeCode
from ...client.layer import Authentication, Plugin
from ...client.model import HttpClient
from ...incoming.model import Incoming
from ...incoming.pagination import Pagination
from ...kinds import Kind, Named, json_schema
from ...outgoing.chain import ChainStep
from ...outgoing.model import Outgoing
from ...profile.model import DEFAULT_CLIENT
from ...templates import Json
from ...text import PublicText

Schema = dict[str, Any]


def load() -> None:
    """Makes the schemas of forms; takes a tenth of a second."""
    configuration("incoming")
    configuration("outgoing")
    client()


def plugins() -> dict[str, str]:
    """The titles of plugins by kind, in alphabetical order of the titles."""
    return _titles(Plugin)


def plugin_details() -> dict[str, str]:
    """What each kind of plugin does and takes: its description, and the names and descriptions of its fields."""
    return {kind: _details(found) for kind in Plugin.all_kinds() if (found := plugin(kind)) is not None}


def connection_details() -> str:
    """The names and descriptions of the fields of a connection."""
    return _details(client())


def authentications() -> dict[str, str]:
    """The titles of authentications by kind, in alphabetical order of the titles."""
    return _titles(Authentication)


def authentication_words() -> dict[str, str]:
    """The words besides its title by which each kind of authentication is found, with blanks between them."""
    return {name: " ".join(kind.search_words) for name, kind in Authentication.all_kinds().items()}


def authentication_title(kind: str) -> str:
    """The title of this kind of authentication; the kind itself if unknown."""
    found = Authentication.find(kind)
    return _title(found) if found is not None else kind


def plugin(kind: str) -> Schema | None:
    """The schema of this kind of plugin; None if unknown."""
    return _schema(Plugin, kind)


def authentication(kind: str) -> Schema | None:
    """The schema of this kind of authentication; None if unknown."""
    return _schema(Authentication, kind)


def pagination(kind: str) -> Schema | None:
    """The schema of this kind of pagination; None if unknown."""
    return _schema(Pagination, kind)


@cache
def one_time_code() -> Schema:
    """The schema of a one-time code, as a parameter of a login."""
    return json_schema(OneTimeCode)


_SELDOM = ("parent",)
"""Groups that few configurations have, which come after the others."""


@cache
def configuration(family: Literal["incoming", "outgoing"]) -> Schema:
    """The schema of an incoming or an outgoing without its steps; what few need, title and description last."""
    schema = json_schema(Incoming if family == "incoming" else Outgoing)
    own = {key: each for key, each in schema["properties"].items() if key not in ("steps", *_SELDOM)}
    own |= {key: schema["properties"][key] for key in _SELDOM if key in schema["properties"]}
    return _titles_last({**schema, "properties": own})


_COMPARED = ("preset", "fields", "can-undo")
"""What a comparison with a preset needs."""


def outgoing(*, with_comparison: Iterable[str]) -> Schema:
    """The schema of an outgoing whose comparison has the fields of a preset, and those that are named.

    A comparison without a preset has more than fifty fields, which few need, and which are written as text.
    """
    schema = configuration("outgoing")
    comparison = schema["properties"]["compare"]
    fields = schema["definitions"]["Comparison"]["properties"]
    few = {key: each for key, each in fields.items() if key in (*_COMPARED, *with_comparison)}
    kept = {key: comparison[key] for key in ("title", "description")}
    return {**schema, "properties": {**schema["properties"], "compare": {**kept, "type": "object", "properties": few}}}


@cache
def step() -> Schema:
    """The schema of a step of a chain."""
    return json_schema(ChainStep)


@cache
def client() -> Schema:
    """The schema of a client without the fields that are edited elsewhere: title, timeouts, TLS and proxy remain."""
    schema = json_schema(HttpClient)
    own = {key: value for key, value in schema["properties"].items() if key not in ("plugins", "authentications")}
    return {**schema, "properties": own}


def named(schema: Schema, draft: Mapping[str, Json]) -> Schema:
    """The schema with the draft's clients as the choices of fields that name one."""
    there = draft.get("clients")
    clients = list(dict.fromkeys([*(there if isinstance(there, dict) else {}), DEFAULT_CLIENT]))
    fields = {
        name: {**field, "enum": clients} if field.get("format") == "client" else field
        for name, field in schema["properties"].items()
    }
    return {**schema, "properties": fields}


def _titles(family: type[Kind]) -> dict[str, str]:
    """The titles by kind, in alphabetical order of the titles, which are what is shown."""
    found = {name: _title(kind) for name, kind in family.all_kinds().items()}
    return dict(sorted(found.items(), key=lambda each: each[1].casefold()))


@cache
def _title(kind: type[Kind]) -> PublicText:
    return PublicText(json_schema(kind)["title"])


def _details(schema: Schema) -> str:
    own = {name: field for name, field in schema["properties"].items() if name not in ("kind", *Named.model_fields)}
    fields = [f"{name} {field.get('title', '')} {field.get('description', '')}" for name, field in own.items()]
    return " ".join([str(schema.get("description", "")), *fields])


@cache
def _schema(family: type[Kind], kind: str) -> Schema | None:
    found = family.find(kind)
    return _titles_last(json_schema(found)) if found is not None else None


def _titles_last(schema: Schema) -> Schema:
    """The schema with the fields common to all parts, such as title, last."""
    own = schema["properties"]
    return {**schema, "properties": {**{key: own[key] for key in own if key not in Named.model_fields}, **own}}
