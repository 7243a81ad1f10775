"""Add content-type headers to requests."""

from __future__ import annotations

import json
from typing import ClassVar, Literal

from ..layer import Plugin
from ..message import Request


class ContentType(Plugin):
    """Add content-type headers to requests."""

    if_repeated: ClassVar[str] = "only the first one has an effect"

    kind: Literal["content-type"] = "content-type"

    def prepare(self, request: Request) -> Request:
        """Adds the body's media type if it is missing: Magento responds to a body without one with 400."""
        if not request.body or request.header("Content-Type") is not None:
            return request
        media_type = _media_type(request.body)
        return request.with_header("Content-Type", media_type) if media_type else request


def _media_type(body: bytes) -> str | None:
    start = body.lstrip()[:1]
    if start == b"<":
        return "application/xml"
    if start in (b"{", b"["):  # even if it is invalid: the store reports that
        return "application/json"
    try:
        json.loads(body)
    except ValueError:
        return None
    return "application/json"
