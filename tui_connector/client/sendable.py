"""Whether a finished request can be sent, and the headers that every request carries."""

from __future__ import annotations

import re

from .message import Headers, NotSent, Request
from .uri import BadUri, canonical

_LONGEST_URI = 65_536
"""Characters that httpx takes; nginx takes 8 KB, Apache as many."""
_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A token (RFC 9110 §9.1)."""


def sent_headers(request: Request) -> Headers:
    """What every request carries, unless its profile says otherwise."""
    from .. import __version__

    # Magento answers in XML, or with a 500, to an Accept it does not know; others have a type of their own for JSON,
    # such as application/vnd.api+json, and answer 406 where they may not send it
    ours = (
        ("Accept", "application/json, */*;q=0.5"),
        ("Accept-Encoding", "gzip"),
        ("User-Agent", f"tui-connector/{__version__}"),
    )
    return (*((name, value) for name, value in ours if request.header(name) is None), *request.headers)


def check(request: Request) -> None:
    """Raises `NotSent`, which says why the request cannot be sent."""
    if len(request.uri) > _LONGEST_URI:
        raise NotSent(
            f"The URI has {len(request.uri):,} characters, and no web server takes as many",
            hint="Ask for less at a time; a long list of values is better asked for in parts.",
        )
    if not _METHOD.fullmatch(request.method):
        raise NotSent(f"The method {request.method!r} cannot be sent", hint="Write one such as GET, POST or PUT.")
    try:
        if canonical(request.uri) != request.uri:
            raise NotSent("The URI is not in its canonical form")
    except BadUri as error:
        raise NotSent(f"The URI cannot be used: {error}") from error
    for name, value in request.headers:
        if not value.isascii() or not value.isprintable() or value != value.strip():
            raise NotSent(
                f"The header {name} cannot be sent: it has a line break, a control character, a letter outside ASCII, "
                "or a space at its end"
            )
