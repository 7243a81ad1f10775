"""The usual values of an environment, for its form: the address of the store, its secrets, and production or not."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from ..errors import InvalidValue
from ..profile.environment_names import DEFAULT_ENVIRONMENT, TABLE, names_of
from ..profile.environments import own_output, own_variable, with_environment
from ..profile.model import ModelPath
from ..profile.part_names import check_name
from ..profile.positions import put, value_at
from ..profile.problem_fixes import inline
from ..secrets.backends import entry_of, override_name
from ..templates import Json
from .secret_sources import secret_name, sources

_BARE = re.compile(r"[\w-]+", re.ASCII)


class OverriddenValue(NamedTuple):
    """A value that an environment may have instead of the base value."""

    path: tuple[str, ...]
    """Where it is in the table of the environment."""
    base: ModelPath
    """Where the base value is in the profile."""


def check_new_name(draft: Mapping[str, Json], name: str) -> str:
    """The name of a new environment. Raises `InvalidValue`."""
    check_name(name)
    if name in names_of(draft) or name == DEFAULT_ENVIRONMENT:
        raise InvalidValue("environment-exists", f"There is an environment {name} already. Choose another name.")
    return name


def is_production(draft: Mapping[str, Json]) -> bool:
    """Whether a client of the base values is in production."""
    return any(value_at(each, ("production",)) is True for each in _clients(draft).values())


def addresses(draft: Mapping[str, Json], environment: str) -> Iterator[OverriddenValue]:
    """The base URI of each client, as the environment addresses it: by the plugin's kind, or its index."""
    for client, data in _clients(draft).items():
        plugins = value_at(data, ("plugins",))
        kinds = [value_at(each, ("kind",)) for each in plugins] if isinstance(plugins, list) else []
        if "base-uri" in kinds and _BARE.fullmatch(client):
            index = kinds.index("base-uri")
            there = value_at(draft, (TABLE, environment, "clients", client, "plugins"))
            by_index = kinds.count("base-uri") > 1 or (isinstance(there, dict) and str(index) in there)
            element = str(index) if by_index else "base-uri"
            base = ("clients", client, "plugins", index, "uri")
            yield OverriddenValue(("clients", client, "plugins", element, "uri"), base)


def secrets(draft: Mapping[str, Json]) -> Iterator[OverriddenValue]:
    """The secrets of authentications and clients."""
    for path, _ in sources(draft):
        names = tuple(map(str, path))
        if all(map(_BARE.fullmatch, names)):
            yield OverriddenValue(names, path)


def outputs(draft: Mapping[str, Json]) -> Iterator[OverriddenValue]:
    """The files that the sinks of incomings write."""
    incomings = draft.get("incoming")
    for name, incoming in incomings.items() if isinstance(incomings, dict) else ():
        if isinstance(value_at(incoming, ("sink", "path")), str) and _BARE.fullmatch(name):
            path = ("incoming", name, "sink", "path")
            yield OverriddenValue(path, path)


def own_values(draft: Mapping[str, Json], environment: str, part: ModelPath) -> dict[ModelPath, str]:
    """What an environment has instead of the base values of a part, in TOML, by the path of the base value."""
    if environment not in names_of(draft):
        return {}
    written = with_environment(draft, environment).written
    own = {path: value_at(draft, place) for path, place in written.items() if path[: len(part)] == part}
    return {path: inline(value) for path, value in own.items()}


def new_environment(
    draft: Mapping[str, Json], profile: str, name: str, data: Path | None = None, *, has_keyring: bool = True
) -> dict[str, Json]:
    """What a new environment has: not production, and secrets and files of its own.

    A keyring entry gets another one by itself, and a prompt needs none. `profile` is the name of the profile, `data` as
    for `own_output`. Without a keyring, a variable is named instead of what a command prints.
    """
    made: dict[str, Json] = {"production": False} if is_production(draft) else {}
    for path, there in sources(draft):
        if "env" in there:
            put(made, [*map(str, path)], {"env": own_variable(str(there["env"]), name)})
        elif "command" in there:
            place = "keyring" if has_keyring else "env"
            put(made, [*map(str, path)], own_source(draft, profile, path, name, place))
    for output in outputs(draft):
        put(made, output.path, own_output(str(value_at(draft, output.base)), name, data))
    return made


def own_outputs(
    draft: Mapping[str, Json], incomings: Collection[str], data: Path | None = None
) -> Iterator[tuple[tuple[str, ...], str]]:
    """The keys that give each environment a file of its own for the items of these incomings; `data` as above."""
    for environment in names_of(draft):
        for output in outputs(draft):
            if output.path[1] in incomings:
                own = own_output(str(value_at(draft, output.base)), environment, data)
                yield (TABLE, environment, *output.path), own


def without_own_output(draft: Mapping[str, Json], incoming: str) -> list[str]:
    """The environments that write the items of this incoming to the file of the base values."""
    return [str(path[1]) for path, _ in own_outputs(draft, (incoming,)) if value_at(draft, path) is None]


def own_source(
    draft: Mapping[str, Json], profile: str, path: ModelPath, environment: str, place: str
) -> dict[str, Json]:
    """The source of the secret whose base value is at `path`, in a place: "keyring", "env" or "ask"."""
    there = value_at(draft, path)
    base = there if isinstance(there, dict) else {}
    entry = str(base.get("keyring") or secret_name(profile, path))
    if place == "env":
        return {"env": own_variable(str(base.get("env") or override_name(entry)), environment)}
    return {"ask": True} if place == "ask" else {"keyring": entry_of(entry, environment)}


def _clients(draft: Mapping[str, Json]) -> Mapping[str, Json]:
    found = draft.get("clients")
    return found if isinstance(found, dict) else {}
