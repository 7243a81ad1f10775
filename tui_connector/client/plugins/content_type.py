"""Add content-type headers to requests."""

from __future__ import annotations

import json
from typing import Literal

from ..layer import Plugin
from ..message import Request


class ContentType(Plugin):
    """Add content-type headers to requests."""

    kind: Literal["content-type"] = "content-type"

    def prepare(self, request: Request) -> Request:
        """Names the body's type where nobody has: Magento answers 400 to a body without one."""
        if not request.body or request.header("Content-Type") is not None:
            return request
        media_type = _media_type(request.body)
        return request.with_header("Content-Type", media_type) if media_type else request


def _media_type(body: bytes) -> str | None:
    start = body.lstrip()[:1]
    if start == b"<":
        return "application/xml"
    if start in (b"{", b"["):  # what starts like this is meant as JSON, even where it is broken: the store will say so
        return "application/json"
    try:
        json.loads(body)
    except ValueError:
        return None
    return "application/json"
