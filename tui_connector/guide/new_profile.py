"""What a profile begins with that the guide makes."""

from __future__ import annotations

from ..placeholder import Json
from ..profile.document import Document

CLIENT = "magento"
"""The name of the client that the guide makes."""

UNNAMED = "New store"
"""The title of a profile before its store is known."""


def new_document(title: str = UNNAMED, description: str = "") -> Document:
    """What a new profile begins with: a client with the guide's three plugins."""
    plugins: list[Json] = [
        {"kind": "base-uri"},
        {"kind": "log-requests", "formatter": "long"},
        {"kind": "content-type"},
    ]
    document = Document.new({})
    document.draft = {"format": 1, "name": title, "clients": {CLIENT: {"plugins": plugins}}}
    if description:
        document.draft["description"] = description
    return document
