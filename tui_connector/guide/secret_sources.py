"""The sources of secrets in a setup's data, and the names of their keyring entries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING

from ..client.uri import is_absolute, origin_of
from ..errors import InvalidValue
from ..profile.library import base_uris
from ..secrets.backends import override_name

if TYPE_CHECKING:  # home imports this module before the first paint
    from ..profile.model import ModelPath
    from ..templates import Json

_KEYS = frozenset({"keyring", "env", "command", "ask"})
_PARTS = ("authentications", "clients")
_NAMED_BY_USERS = frozenset({"parameters"})
"""Tables whose keys are chosen by users, so that a key named `env` is a value."""

ONE_TIME_CODES = ("otp", "passcode")
"""Parameters of a login that are generated or typed each time, and never stored in the keyring."""


class SecretPlace(StrEnum):
    """The kind of a secret's source."""

    KEYRING = "keyring"
    ENVIRONMENT = "environment"
    COMMAND = "command"
    ASK = "ask"


SOURCE_PLACES = {
    SecretPlace.KEYRING: "in the keyring",
    SecretPlace.ENVIRONMENT: "from the environment",
    SecretPlace.COMMAND: "from a command",
    SecretPlace.ASK: "prompted for",
}
"""The place of a secret, to follow a number of secrets."""


def is_source(value: Json) -> bool:
    """Whether this is the source of a secret, such as `{ keyring = "acme/admin/password" }`."""
    return (
        isinstance(value, dict)
        and len(value.keys() - {"environment"}) == 1
        and value.keys() <= _KEYS | ({"environment"} if "command" in value else set())
    )


def sources(data: Mapping[str, Json]) -> Iterator[tuple[ModelPath, dict[str, Json]]]:
    """The path and the source of each secret."""
    for part in _PARTS:
        yield from _inside(data.get(part), (part,))


def _inside(value: Json, path: ModelPath) -> Iterator[tuple[ModelPath, dict[str, Json]]]:
    if not isinstance(value, dict):
        return
    if is_source(value) and len(path) > 2 and path[-1] not in _NAMED_BY_USERS:
        yield path, value
        return
    for key, item in value.items():
        yield from _inside(item, (*path, key))


def secret_origins(data: Mapping[str, Json], path: ModelPath) -> tuple[str, ...]:
    """The origins that the secret at this path is sent to, as far as the data, which may be invalid, name them."""
    part, clients = _table(_table(data, path[0]), path[1]), _table(data, "clients")
    login = part.get("token-uri") or part.get("uri")
    if path[0] == "clients":
        uris = [_table(part, "proxy").get("uri")] if path[2] == "proxy" else [*base_uris({"clients": {"": part}})]
    elif isinstance(login, str) and is_absolute(login):
        uris = [login]
    else:
        users = {name: _table(clients, name) for name in clients}
        uris = [*base_uris({"clients": {name: each for name, each in users.items() if _applies(each, path[1])}})]
    found: dict[str, None] = {}
    for uri in uris:
        with suppress(InvalidValue):  # nothing can be sent there
            found[origin_of(str(uri))] = None
    return tuple(found)


def _table(data: Mapping[str, Json], key: str | int) -> Mapping[str, Json]:
    found = data.get(str(key))
    return found if isinstance(found, dict) else {}


def _applies(client: Mapping[str, Json], authentication: str | int) -> bool:
    applied = client.get("authentications")
    return isinstance(applied, list) and authentication in applied


def secret_name(profile: str, path: ModelPath) -> str:
    """The name of the keyring entry for the secret at this path; a bearer token shares that of an access token."""
    last = "access-token" if path[-1] == "token" else path[-1]
    return f"{profile}/{path[1]}/{last}"


def source(place: SecretPlace, name: str, command: Sequence[str] = ()) -> dict[str, Json]:
    """A source of this kind for the secret whose keyring entry would be `name`; a command has it for `{name}`."""
    if place is SecretPlace.COMMAND:
        return {"command": [each.replace("{name}", name) for each in command]}
    if place is SecretPlace.ENVIRONMENT:
        return {"env": override_name(name)}
    return {"ask": True} if place is SecretPlace.ASK else {"keyring": name}


def takes_typed(source: Mapping[str, Json], environ: Mapping[str, str]) -> bool:
    """Whether a value that was typed in this session is used for this source: not for a command or a set variable."""
    return "command" not in source and not environ.get(str(source.get("env", "")))


def source_place(source: Mapping[str, Json]) -> SecretPlace:
    """The kind of this source."""
    if "env" in source:
        return SecretPlace.ENVIRONMENT
    if "command" in source:
        return SecretPlace.COMMAND
    return SecretPlace.ASK if "ask" in source else SecretPlace.KEYRING
