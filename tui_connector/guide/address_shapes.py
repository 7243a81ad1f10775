"""The ways to read an address that somebody has at hand: where the shop is, and where its REST interface would be."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..client.uri import BadUri, canonical, is_loopback, origin_of

MOST_SHAPES = 4
_LONGEST = 2_000
"""Characters; an address of a shop is far shorter, and a paste of something else may be far longer."""
_REST = re.compile(r"(?:^|/)(?:index\.php/)?rest(?:/|$)")
_CODE = re.compile(r"(?!(?:rest|graphql|admin)$)[a-z][a-z0-9_]{0,31}")
"""A store view's code (Magento\\Store\\Model\\Validation\\StoreCodeValidator), but for paths that every shop has."""
_VERSION = re.compile(r"[Vv]\d+|async|schema")
_MISTYPED = re.compile(r"(https?)[:;]?/{1,2}(?!/)", re.IGNORECASE)
"""A scheme of which a sign is missing or another."""
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?!\d)")
_BARE = re.compile(r"(?P<root>.*?)/V\d+(?:/|$)")
_CLOUD_SERVICE = ".api.commerce.adobe.com"
_NUMBERS = re.compile(r"(?:0x[0-9a-fA-F]+|\d+)(?:\.(?:0x[0-9a-fA-F]+|\d+)){0,3}")


@dataclass(frozen=True, slots=True)
class Shape:
    """One way to read what was typed: where the shop is, and where its REST interface would be."""

    root: str
    index: bool = False
    store_view: str | None = None
    other_scheme: bool = False
    """Not the scheme that was typed, or is usual: to be tried where nothing answers there."""
    bare: bool = False
    """Without /rest; the store view is named by the header Store. So it is in Adobe Commerce as a Cloud Service."""

    @property
    def is_cloud_service(self) -> bool:
        return is_cloud_service(self.root)

    def base_uri(self, store_view: str = "") -> str:
        if self.bare:
            return f"{self.root}/V1"
        code = f"/{store_view}" if store_view else ""
        return f"{self.root}{'/index.php' if self.index else ''}/rest{code}/V1"


def shapes(typed: str) -> list[Shape]:
    """The ways to read an address, the likeliest first. Raises `BadUri` where there is none.

    "shop.example", "https://shop.example/admin_x1/…", "https://shop.example/rest/nl/V1/products" all name a shop.
    """
    whole, scheme_given = _whole(typed)
    origin, path = origin_of(whole), urlsplit(whole).path.rstrip("/")
    if is_cloud_service(origin):
        return [Shape(f"{origin}/{_tenant(path)}", bare=True)]
    rest = _REST.search(path)
    store_view, index = None, False
    bare = _BARE.match(path) if rest is None else None
    if rest is not None:
        following = path[rest.end() :].split("/")[0]
        store_view = following if following and not _VERSION.fullmatch(following) else None
        index = "index.php" in rest[0]
        path = path[: rest.start()]
        roots = [path, ""]
    else:
        path = path.partition("/index.php")[0]
        roots = _roots([segment for segment in path.split("/") if segment])
    found = [Shape(f"{origin}{bare['root']}", bare=True)] if bare else []
    found += [Shape(f"{origin}{root}", way, store_view) for root, way in _ways(_unique(roots), index)]
    other = "https" if origin.startswith("http:") else "http"
    if not scheme_given or other == "https":
        found.append(Shape(f"{other}://{origin.partition('://')[2]}{roots[0]}", index, store_view, True))
    return found


def code_in_path(shape: Shape, typed: str) -> str:
    """What may be a store view's code at the beginning of the typed path, given the shape that answers; else nothing.

    A path of which the shop's directory is the only part, or of which none is: /CODE/… or /index.php/CODE/….
    """
    path = urlsplit(_whole(typed)[0]).path.strip("/")
    segments = [segment for segment in path.split("/") if segment]
    if segments and segments[0] == "index.php":
        segments = segments[1:]
    root = urlsplit(shape.root).path.strip("/")
    if shape.store_view is not None or not segments or root not in ("", segments[0]) or "key" in segments:
        return ""
    return segments[0] if _CODE.fullmatch(segments[0]) else ""


def _whole(typed: str) -> tuple[str, bool]:
    """The address in its canonical form, and whether it was typed with its scheme."""
    text = typed.strip().strip("\"'<>").strip()
    if not text:
        raise BadUri("type the store's address, such as shop.example")
    if len(text) > _LONGEST:
        raise BadUri(f"an address of {len(text):,} characters is none of a shop")
    if (mistyped := _MISTYPED.match(text)) is not None:
        text = f"{mistyped[1]}://{text[mistyped.end() :]}"
    scheme_given = _SCHEME.match(text) is not None
    if not scheme_given:
        text = text.lstrip("/")
        text = f"{'http' if _looks_local(text) else 'https'}://{text}"
    elif not re.match(r"https?://", text, re.IGNORECASE):
        raise BadUri(f"{text.partition(':')[0]}: is not the scheme of a shop's address, which is http:// or https://")
    whole = canonical(_real_host(text.partition("?")[0].partition("#")[0]))
    return whole, scheme_given


def is_cloud_service(uri: str) -> bool:
    """Whether this is an address of Adobe Commerce as a Cloud Service: https://REGION.api.commerce.adobe.com/TENANT."""
    try:
        return origin_of(uri).endswith(_CLOUD_SERVICE)
    except BadUri:
        return False


def is_bare(base_uri: str) -> bool:
    """Whether this base URI is that of a REST API without /rest before its version."""
    path = urlsplit(base_uri).path
    return is_cloud_service(base_uri) or (_REST.search(path) is None and _BARE.fullmatch(path) is not None)


def _tenant(path: str) -> str:
    segments = [segment for segment in path.split("/") if segment]
    if not segments or _VERSION.fullmatch(segments[0]) or segments[0] in ("rest", "graphql"):
        raise BadUri(
            "the address of Adobe Commerce as a Cloud Service lacks the tenant's id: write it as in "
            "https://na1.api.commerce.adobe.com/TENANT (Commerce Cloud Manager shows it as REST endpoint)"
        )
    return segments[0]


def _real_host(uri: str) -> str:
    """The address with an IPv4 host as everybody writes it: 127.1 and 0x7f.1 are 127.0.0.1 (inet_aton)."""
    scheme, _, rest = uri.partition("://")
    host, slash, path = rest.partition("/")
    name, colon, port = host.partition(":")
    if not _NUMBERS.fullmatch(name):
        return uri
    try:
        real = socket.inet_ntoa(socket.inet_aton(name))
    except OSError:
        raise BadUri(f"{name} is no IP address") from None
    return f"{scheme}://{real}{colon}{port}{slash}{path}"


def _roots(segments: list[str]) -> list[str]:
    """Where a shop may be installed, given the path of any of its pages."""
    if "key" in segments:  # the admin's, whose secret key is not to be sent around
        return ["", f"/{segments[0]}"]
    if segments and "." in segments[-1]:  # a page, such as bag.html
        segments = segments[:-1]
    whole = "".join(f"/{segment}" for segment in segments)
    if len(segments) < 2:
        return [whole, ""]
    return [whole, "", f"/{segments[0]}"] if len(segments) < 4 else ["", f"/{segments[0]}"]


def _ways(roots: list[str], index: bool) -> Iterator[tuple[str, bool]]:
    """Each root without or with /index.php, then all of them the other way."""
    for way in (index, not index):
        for root in roots:
            yield root, way


def _unique(roots: list[str]) -> list[str]:
    return list(dict.fromkeys(roots))


def _looks_local(text: str) -> bool:
    try:
        return is_loopback(_real_host(f"http://{text}"))
    except BadUri:
        return False
