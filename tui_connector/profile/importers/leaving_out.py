"""Leaves out of an import what a profile cannot have: invalid parts, and secrets outside of authentications."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from ...templates import Json
from ...text import shown_line
from ..problems import check_data
from .model import InvalidImport

LeaveOut: TypeAlias = Callable[[str, str, str], None]
"""Notes what is not carried over: its place, what it is, and why."""
_Parts: TypeAlias = dict[str, dict[str, Json]]
"""By family and name."""

_LONG_ENOUGH = 8
"""Characters. A shorter secret may be a word that is part of other texts."""


def remove_with_secrets(
    parts: _Parts, samples: Mapping[str, list[Json]], secrets: Iterable[str], leave_out: LeaveOut
) -> None:
    """Removes the parts that contain one of these secrets where a profile keeps plain text.

    `samples`: the entities of outgoings, by the names of these.
    """
    known = {each for each in secrets if len(each) >= _LONG_ENOUGH}
    for family, named in parts.items():
        for name in list(named):
            texts = [named[name], samples.get(name) if family == "outgoing" else None]
            written = json.dumps(texts, ensure_ascii=False)
            if any(json.dumps(secret, ensure_ascii=False)[1:-1] in written for secret in known):
                del named[name]
                leave_out("", f"{family} {name}", "it contains a secret outside of an authentication")


def remove_invalid(parts: _Parts, leave_out: LeaveOut) -> None:
    """Removes what is invalid, with the reason. Raises `InvalidImport` if what remains never becomes valid."""
    for _ in range(50):
        _, problems = check_data({"format": 1, "name": "Imported", **parts})
        if not problems:
            return
        first = {path[:2]: (path, message) for path, message in reversed(problems)}
        for path, message in first.values():
            _remove(parts, path, message, leave_out)
    raise InvalidImport("import-invalid", "it contradicts itself", "Import its parts one by one.")


def _remove(parts: _Parts, path: tuple[str | int, ...], message: str, leave_out: LeaveOut) -> None:
    """Removes the header, plugin, authentication or part that this problem is in."""
    family, name = str(path[0]), str(path[1]) if len(path) > 1 else ""
    part = parts.get(family, {}).get(name)
    if not isinstance(part, dict):
        return
    where = ".".join(map(str, path))
    plugins = part.get("plugins")
    listed_in = part.get("authentications")
    index = path[3] if path[2:3] == ("plugins",) and len(path) > 3 else None
    if isinstance(plugins, list) and isinstance(index, int) and index < len(plugins):
        plugin = plugins[index]
        if isinstance(plugin, dict) and plugin.get("kind") != "base-uri":
            headers = plugin.get("headers")
            if isinstance(headers, dict) and path[4:5] == ("headers",) and len(path) > 5 and len(headers) > 1:
                headers.pop(str(path[5]), None)
            else:
                del plugins[index]
            leave_out(where, "the header" if len(path) > 5 else "the plugin", shown_line(message, 200))
            return
    if path[2:3] == ("authentications",) and isinstance(listed_in, list) and len(path) > 3:
        part["authentications"] = [each for index, each in enumerate(listed_in) if index != path[3]]
        leave_out(where, "the authentication", shown_line(message, 200))
        return
    del parts[family][name]
    leave_out(where, f"{family} {name}", shown_line(message, 200))


def remove_unused_clients(parts: _Parts) -> None:
    """Removes the clients of requests that could not be carried over, unless they have an authentication."""
    named = [part for family in ("authentications", "incoming", "outgoing") for part in parts[family].values()]
    used = {part.get("client") for part in named if isinstance(part, dict)}
    for name, client in list(parts["clients"].items()):
        if name not in used and isinstance(client, dict) and not client.get("authentications"):
            del parts["clients"][name]
