"""Splits the address of a request into base URI, path and query."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from ...client.uri import origin_of
from ...text import listed
from .model import FoundRequest, as_written, has_unknown, short, unknown, unknowns

REST_PATH = re.compile(
    r"(?P<base>.*?/rest(?:/[^/]+)??)(?P<queue>/async(?:/bulk)?)?(?P<version>/V\d+)(?:/(?P<rest>.*))?", re.DOTALL
)
_VERSIONED = re.compile(r"(?P<base>.*?/V\d+)(?:/(?P<rest>.*))?", re.DOTALL)


@dataclass(slots=True)
class Address:
    """An address in three parts: the base URI, the path below it, and the query."""

    base: str
    path: str
    query: str
    queue: str = ""
    """ "async" or "bulk" where the path goes through Magento's queue."""
    is_magento: bool = False


class CannotImport(Exception):
    """Why one request cannot be carried over."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(reason)
        self.what, self.reason = what, reason


def split_address(request: FoundRequest) -> Address:
    """The parts of its address; a user in it becomes the request's authentication.

    Raises `CannotImport`, and `InvalidValue` for an address that is none.
    """
    what = f"{request.method} {path_of(request.uri)}"
    scheme, _, rest = request.uri.partition("://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    path = rest[len(authority) :]
    user, _, host = authority.rpartition("@")
    if has_unknown(scheme + host):
        raise CannotImport(what, f"{listed([short(each) for each in unknowns(scheme + host)])} has no value")
    if user:
        name, _, password = unquote(user).partition(":")
        request.authentication = request.authentication or {
            "kind": "basic", "username": as_written(name), "password": password or unknown("password"),
        }  # fmt: skip
    origin = origin_of(f"{scheme}://{host}/")
    is_cloud_service = origin.endswith(".api.commerce.adobe.com")  # Adobe Commerce as a Cloud Service, without /rest
    path, _, query = path.partition("#")[0].partition("?")
    for pattern in (REST_PATH, *([] if request.base else [_VERSIONED])):
        if found := pattern.fullmatch(path):
            groups = found.groupdict()
            base = f"{origin}{groups['base']}{groups.get('version') or ''}"
            if has_unknown(base):
                raise CannotImport(what, f"{listed([short(each) for each in unknowns(base)])} has no value")
            queue = {"/async": "async", "/async/bulk": "bulk"}.get(groups.get("queue") or "", "")
            return Address(base, groups["rest"] or "", query, queue, pattern is REST_PATH or is_cloud_service)
    known = request.base.rstrip("/").removeprefix(origin)
    if known and known != request.base.rstrip("/") and path.startswith(f"{known}/") and not has_unknown(known):
        return Address(f"{origin}{known}", path.removeprefix(f"{known}/"), query)
    return Address(origin, path.lstrip("/"), query)


def path_of(uri: str) -> str:
    """The path of an address, for messages: its query and its user may be secret."""
    path = re.sub(r"^[^/?#]*://[^/?#]*", "", uri).partition("?")[0].partition("#")[0]
    return as_written(path) or "/"
