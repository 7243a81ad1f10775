"""What a store's limit on pages makes of an incoming that asks for more."""

from __future__ import annotations

from ..magento.entities import READABLE
from ..placeholder import Json
from . import offered
from .edited import EditedProfile


def limit_pages(setup: EditedProfile, name: str, size: int) -> None:
    """Has an incoming read pages of so many items.

    One that asked for all in one answer is read page by page from then on, so that nothing of it is left out.
    """
    there = setup.table("incoming", name, "pagination")
    schema = offered.kind("pagination", str(there.get("kind")))
    pages = there if schema and "page-size" in schema["properties"] else _pagination(setup, name)
    setup.edit(("incoming", name, "pagination"), {**pages, "page-size": size})


def _pagination(setup: EditedProfile, name: str) -> dict[str, Json]:
    """How Magento pages what the incoming asks for."""
    path = str(setup.at("incoming", name, "request", "uri")).partition("?")[0]
    known = next((each for each in READABLE.values() if each.path == path), None)
    pages = known.configuration("").get("pagination") if known else None
    return pages if isinstance(pages, dict) else {"kind": "search-criteria"}
