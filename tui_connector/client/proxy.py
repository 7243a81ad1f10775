"""Which proxy a request goes through: the client's own, or the one that the environment names."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from .message import NotSent
from .uri import BadUri, origin_of


@dataclass(frozen=True, slots=True)
class Route:
    """A proxy on the way to a store."""

    uri: str
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    named_by: str = "the client"
    """Who named it: the client, or a variable of the environment."""


def from_environment(uri: str, environ: Mapping[str, str]) -> Route | None:
    """The proxy for this address, by HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, as curl reads them.

    The small letters of each come first. Raises `NotSent` where what is named is no proxy that can be used.
    """
    parts = urlsplit(uri)
    name = next((one for one in _names(parts.scheme) if environ.get(one, "").strip()), None)
    if name is None:
        return None
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if _is_excepted(parts.hostname or "", port, environ.get("no_proxy") or environ.get("NO_PROXY") or ""):
        return None
    return _route(environ[name].strip(), name)


def _names(scheme: str) -> tuple[str, ...]:
    return (f"{scheme}_proxy", f"{scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY")


def _route(value: str, name: str) -> Route:
    if "://" not in value:
        value = f"http://{value}"
    scheme, _, rest = value.partition("://")
    credentials, _, place = rest.rpartition("@")
    username, _, password = credentials.partition(":")
    try:
        address = origin_of(f"{scheme}://{place}")
    except BadUri as error:
        # the whole value may hold a password
        raise NotSent(
            f"The proxy that {name} names cannot be used: {scheme}://{place} is no http:// or https:// address",
            hint=f'Correct {name}, or write `proxy = {{ uri = "direct" }}` for the client.',
        ) from error
    return Route(address, unquote(username), unquote(password), name)


def _is_excepted(host: str, port: int, exceptions: str) -> bool:
    """Whether NO_PROXY names this host: by name, by the end of its name, by address, by network, or by *."""
    for entry in exceptions.lower().split(","):
        entry = entry.strip()
        name, colon, its_port = entry.rpartition(":")
        if colon and its_port.isdecimal() and ":" not in name.strip("[]"):
            if int(its_port) != port:
                continue
            entry = name
        entry = entry.removeprefix("*.").lstrip(".").strip("[]")
        if entry == "*" or (entry and _is_in(host, entry)):
            return True
    return False


def _is_in(host: str, entry: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == entry or host.endswith(f".{entry}")
    try:
        return address in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False
