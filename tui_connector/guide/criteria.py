"""Search criteria of an incoming while they are edited: the fields that there are, and how many items match."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from ..client.message import RequestFailed
from ..client.session import Session
from ..errors import UserError
from ..incoming.model import Incoming, first_items
from ..magento.entities import READABLE
from ..profile.model import Profile
from ..templates import Json
from ..text import count
from .checks.permissions import schema_of
from .rest_api import fields_in_schema


async def filter_fields(profile: Profile, session: Session, name: str, run: dict[str, Json]) -> list[str]:
    """The fields that the list of this incoming can be filtered by, as far as the store says.

    From the store's schema; where that does not describe the list, from its first items.
    """
    incoming = profile.incoming[name]
    known = next((each for each in READABLE.values() if each.is_read_by(incoming.request.uri)), None)
    first = [known.filter, known.cursor] if known else []
    send = session.client(incoming.client)
    schema, _ = await schema_of(send, profile.base_uri(incoming.client) or "")
    found = await asyncio.to_thread(fields_in_schema, schema, incoming.request.uri)
    if not found:
        try:
            items = (await first_items(_with_rows(incoming, ()), send, run)).items
        except (RequestFailed, UserError):
            items = []
        found = [key for item in items if isinstance(item, dict) for key, value in item.items() if _is_simple(value)]
    if known is not None and known.filter and known.field != known.filter:
        found = [each for each in found if each != known.field]  # the store has another name for it in a search
    return list(dict.fromkeys([*(each for each in first if each), *found]))


def _is_simple(value: Json) -> bool:
    return not isinstance(value, (dict, list))


async def matching(profile: Profile, session: Session, name: str, rows: Sequence[str], run: dict[str, Json]) -> str:
    """How many items the store has for these rows, in words, such as "1,321 items match".

    Raises `RequestFailed` and `UserError`.
    """
    incoming = profile.incoming[name]
    total = (await first_items(_with_rows(incoming, rows), session.client(incoming.client), run)).total
    return (
        "The store does not say how many items match"
        if total is None
        else f"{count(total, 'item matches', 'items match')}"
    )


def _with_rows(incoming: Incoming, rows: Iterable[str]) -> Incoming:
    request = incoming.request.model_copy(update={"where": list(rows)})
    return incoming.model_copy(update={"request": request})
