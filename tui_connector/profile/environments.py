"""Environments of a profile: values that differ from its base values, such as the store's address on staging."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from ..client.uri import origin_of
from ..misspelling import most_similar
from ..secrets.backends import entry_of
from .destinations import destinations
from .environment_names import DEFAULT_ENVIRONMENT, TABLE
from .model import ModelPath, NamedSecret, Profile
from .positions import value_at

_FAMILIES = ("authentications", "clients", "incoming", "outgoing")
_SINGULAR = {"authentications": "authentication", "clients": "client"}
NOT_OVERRIDABLE = ("format", TABLE)
SOURCES = frozenset({"keyring", "env", "command", "ask"})
_ALERTS = frozenset({"command", "request"})
"""What `on-failure` does: one of them."""
_PRODUCTION = "production"


class Misplaced(NamedTuple):
    """A problem with an override, at its path in the profile."""

    path: ModelPath
    message: str
    code: str
    suggestion: str = ""
    """The key that was probably meant."""
    value: dict[str, Any] | None = None
    """What to set the path to."""


@dataclass(slots=True)
class Overridden:
    """A profile's data with the values of one environment."""

    environment: str
    data: dict[str, Any]
    written: dict[ModelPath, ModelPath] = field(default_factory=dict)
    """The path of each override in the profile, by the path of the value that it replaces."""
    problems: list[Misplaced] = field(default_factory=list)

    def place(self, path: ModelPath) -> ModelPath:
        """Where in the profile the value at this path is overridden; the environment itself if it is not."""
        for length in range(len(path), 0, -1):
            if (found := self.written.get(path[:length])) is not None:
                return (*found, *path[length:])
        inside = (written for value, written in self.written.items() if value[: len(path)] == path)
        return next(inside, (TABLE, self.environment))

    def overrides(self, path: ModelPath) -> bool:
        """Whether the environment itself sets the value at this path, or a part of it."""
        prefixes = any(path[:length] in self.written for length in range(1, len(path) + 1))
        return prefixes or any(value[: len(path)] == path for value in self.written)


def with_environment(data: Mapping[str, Any], environment: str) -> Overridden:
    """The data with the overrides of this environment applied; without the table of environments."""
    base = {key: _copied(value) for key, value in data.items() if key != TABLE}
    found = Overridden(environment, base)
    overrides = data[TABLE][environment]
    if not isinstance(overrides, Mapping):
        return found
    _production_of_all_clients(found, overrides)
    rest = {key: value for key, value in overrides.items() if key != _PRODUCTION}
    _merge(found, base, rest, (), (TABLE, environment))
    return found


def _production_of_all_clients(found: Overridden, overrides: Mapping[str, Any]) -> None:
    clients = found.data.get("clients")
    if _PRODUCTION not in overrides or not isinstance(clients, dict):
        return
    for name, client in clients.items():
        if isinstance(client, dict):
            client[_PRODUCTION] = overrides[_PRODUCTION]
            found.written["clients", name, _PRODUCTION] = (TABLE, found.environment, _PRODUCTION)


def _merge(
    found: Overridden, base: dict[str, Any], overrides: Mapping[str, Any], at: ModelPath, written: ModelPath
) -> None:
    for key, value in overrides.items():
        path, place = (*at, key), (*written, key)
        if not at and key in NOT_OVERRIDABLE:
            message = f"an environment cannot override {key}"
            found.problems.append(Misplaced(place, message, "environment-override"))
        elif len(at) == 1 and at[0] in _FAMILIES and key not in base:
            what = _SINGULAR.get(str(at[0]), at[0])
            near = most_similar(key, base)
            hint = f"did you mean {near!r}?" if near else f"the profile has {', '.join(map(repr, base)) or 'none'}"
            message = f"there is no {what} {key!r} to override: {hint}"
            found.problems.append(Misplaced(place, message, "unknown-name", near))
        else:
            default: dict[str, Any] | None = {} if not at and key in _FAMILIES else None
            base[key] = _overridden(found, base.get(key, default), value, path, place)


def _overridden(found: Overridden, old: Any, new: Any, path: ModelPath, place: ModelPath) -> Any:
    """`old` with the override applied: tables merge, elements are addressed, anything else is replaced."""
    if isinstance(new, Mapping) and isinstance(old, list):
        _merge_elements(found, old, new, path, place)
        return old
    if isinstance(new, Mapping) and isinstance(old, dict) and not _replaces(old, new):
        _merge(found, old, new, path, place)
        return old
    found.written[path] = place
    return _copied(new)


def _replaces(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether `new` is a whole kind, secret or other alert, which replaces the old one."""
    if ("kind" in old and "kind" in new) or (old.keys() & SOURCES and new.keys() & SOURCES):
        return True
    return bool(old.keys() & _ALERTS and new.keys() & _ALERTS) and not old.keys() & new.keys() & _ALERTS


def _merge_elements(
    found: Overridden, old: list[Any], new: Mapping[str, Any], path: ModelPath, place: ModelPath
) -> None:
    """Overrides elements of a list, each addressed by its kind, its name or its index (from 0)."""
    for key, value in new.items():
        matching = [index for index, each in enumerate(old) if _is_named(each, key)]
        if key.isascii() and key.isdigit() and int(key) < len(old):
            matching = [int(key)]
        if len(matching) == 1:
            index = matching[0]
            old[index] = _overridden(found, old[index], value, (*path, index), (*place, key))
            continue
        what = ".".join(map(str, path))
        known = list(dict.fromkeys(str(each.get("kind") or each.get("name")) for each in old if isinstance(each, dict)))
        near = ""
        if matching:
            indexes = " or ".join(map(str, matching))
            message = f"{what} has several elements {key!r}: write the index, {indexes}"
        else:
            near = most_similar(key, known)
            hint = f"; did you mean {near!r}?" if near else f"; it has {', '.join(map(repr, known)) or 'none'}"
            message = f"{what} has no element {key!r} to override{hint}"
        found.problems.append(Misplaced((*place, key), message, "unknown-name", near))


def _is_named(element: object, key: str) -> bool:
    return isinstance(element, dict) and key in (element.get("kind"), element.get("name"))


def base_path(data: Mapping[str, Any], path: ModelPath) -> ModelPath:
    """The path of the base value that an override at this path replaces, as far as there is one.

    Both are in the profile's data; elements of lists get their index. The path of any other value is its own.
    """
    if path[:1] != (TABLE,) or len(path) < 2:
        return path
    rest = path[2:]
    if rest[:1] == (_PRODUCTION,):
        return ("clients", "", *rest)
    found: list[str | int] = []
    at: Any = data
    for step in rest:
        if isinstance(at, list) and isinstance(step, str):
            index = int(step) if step.isascii() and step.isdigit() else -1
            matching = [number for number, each in enumerate(at) if _is_named(each, step)]
            index = matching[0] if len(matching) == 1 and not 0 <= index < len(at) else index
            if not 0 <= index < len(at):
                return (*found, *rest[len(found) :])
            step = index
        found.append(step)
        at = value_at(at, (step,))
    return tuple(found)


def overridable(data: Mapping[str, Any], path: ModelPath) -> Iterator[str]:
    """The keys of the base values at the path of an override: names, and what addresses the elements of a list."""
    if len(path) == 2:
        yield from (key for key in data if key not in NOT_OVERRIDABLE)
        yield _PRODUCTION
        return
    base = value_at(data, base_path(data, path))
    if isinstance(base, Mapping):
        yield from base
    elif isinstance(base, list):
        names = [each.get("kind") or each.get("name") if isinstance(each, Mapping) else None for each in base]
        for index, name in enumerate(names):
            yield name if isinstance(name, str) and names.count(name) == 1 else str(index)


def own_secrets(found: Overridden, base: Profile, profile: Profile) -> bool:
    """Gives the environment secrets of its own where it sends them to another store than the base values do.

    A keyring entry gets the environment's name, as in `acme/integration/access-token@staging`. Other sources must be
    overridden, which becomes a problem otherwise. Secrets that the environment itself names are left as they are.
    Returns whether the data changed.
    """
    before, now = destinations(base), destinations(profile)
    sent = {each.path: _reach(base, each, before) for each in base.secrets()}
    changed = False
    for secret in profile.secrets():
        origins = _reach(profile, secret, now)
        if origins <= sent.get(secret.path, origins) or found.overrides(secret.path) or secret.source.ask:
            continue
        if secret.source.keyring is not None:
            _set(found.data, secret.path, {"keyring": entry_of(secret.source.keyring, found.environment)})
            changed = True
            continue
        where = (TABLE, found.environment, *secret.path)
        message = (
            f"the {secret.source.label} would be sent to {', '.join(sorted(origins))}, which the base values do not "
            f"use it for: set {'.'.join(map(str, where))} (to the same value, if that is intended)"
        )
        own = {"env": own_variable(secret.source.env, found.environment)} if secret.source.env is not None else None
        found.problems.append(Misplaced(where, message, "shared-secret", value=own))
    return changed


def own_output(path: str, environment: str, data: Path | None) -> str:
    """The file of an environment, instead of this one of the base values, which no other environment may change.

    `data`: the directory where the files of profiles are, if there is one. In a folder of its own where a run creates
    that.
    """
    file = PurePath(path)
    if ".." in file.parts or (file.is_absolute() and (data is None or not file.is_relative_to(data))):
        name, dot, endings = file.name.partition(".")
        return str(file.with_name(f"{name}-{environment}{dot}{endings}"))
    return str(file.parent / environment / file.name)


def own_variable(name: str, environment: str) -> str:
    """The environment variable of an environment, instead of that of the base values."""
    return f"{name}_{re.sub(r'[^A-Z0-9]', '_', environment.upper())}"


def _reach(profile: Profile, secret: NamedSecret, of_clients: Mapping[str, list[str]]) -> set[str]:
    """The origins that a secret, or the token that it is exchanged for, is sent to."""
    family, name = str(secret.path[0]), str(secret.path[1])
    if family == "authentications":
        clients = [client for client, saved in profile.clients.items() if name in saved.authentications]
    elif family == "clients":
        clients = [] if secret.path[2] == "proxy" else [name]
    else:
        clients = [(profile.incoming if family == "incoming" else profile.outgoing)[name].client]
    return set(secret.origins).union(*(of_clients.get(client, ()) for client in clients))


def _set(data: Any, path: ModelPath, value: object) -> None:
    for step in path[:-1]:
        data = data[step]
    data[path[-1]] = value


def unmarked_production(base: Profile, others: Mapping[str, Profile]) -> Iterator[tuple[str, str, str]]:
    """Clients that are not marked as production, although another environment marks the same store.

    Yields the environment ("" for the base values), the client, and the message.
    """
    profiles = {"": base, **others}
    marked: dict[str, str] = {}
    for environment, profile in profiles.items():
        for origin in _origins(profile, production=True).values():
            marked.setdefault(origin, environment)
    for environment, profile in profiles.items():
        for client, origin in _origins(profile, production=False).items():
            if origin in marked:
                other = marked[origin] or DEFAULT_ENVIRONMENT
                message = f"{origin} is marked as production in {other}, but not here: set production = true"
                yield environment, client, message


def _origins(profile: Profile, *, production: bool) -> dict[str, str]:
    """The origins of the base URIs of clients that are, or are not, in production."""
    found = {
        name: profile.base_uri(name) for name, client in profile.clients.items() if client.production is production
    }
    return {name: origin_of(uri) for name, uri in found.items() if uri}


class Difference(NamedTuple):
    """A value that two environments have differently; None where one has none."""

    path: ModelPath
    first: object
    second: object

    @property
    def dotted(self) -> str:
        """The path as one text."""
        return ".".join(map(str, self.path))


def differences(first: object, second: object, path: ModelPath = ()) -> Iterator[Difference]:
    """Where the data of two environments differ, in the order of the first."""
    if isinstance(first, Mapping) and isinstance(second, Mapping) and first.get("kind") == second.get("kind"):
        for key in {**first, **second}:
            yield from differences(first.get(key), second.get(key), (*path, key))
    elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        for index, (one, other) in enumerate(zip(first, second, strict=True)):
            yield from differences(one, other, (*path, index))
    elif first != second or type(first) is not type(second):
        yield Difference(path, first, second)


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value
