"""Search criteria of an incoming while they are edited: the fields that there are, and how many items match."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from ...client.message import RequestFailed
from ...client.session import Session
from ...errors import UserError
from ...incoming.model import Incoming, first_items
from ...magento.entities.search_fields import listed_by, usual_fields, with_own
from ...profile.model import Profile
from ...profile.positions import value_at
from ...templates import Json
from ..rest_api import fields_in_schema
from ..workbench import profile_of
from .permissions import schema_of

_READS = ("client", "request", "items", "pagination")
"""The fields of an incoming that decide which list is read, and how."""


def list_profile(data: Mapping[str, Json], name: str, *, whole: bool = True) -> Profile:
    """The profile with nothing of this incoming but what reads its list: the rest may be invalid meanwhile.

    Without `whole`, with nothing of it but its client and path. Raises `InvalidRequest` with the problems of the rest.
    """
    given = value_at(data, ("incoming", name))
    incoming = {key: each for key, each in given.items() if key in _READS} if isinstance(given, dict) else {}
    if not whole:
        request: Json = {"uri": value_at(given, ("request", "uri"))}
        incoming |= {"request": request, "pagination": {"kind": "search-criteria"}}
    return profile_of({**data, "incoming": {name: incoming}}, [("incoming", name)])


async def filter_fields(profile: Profile, session: Session, name: str, run: dict[str, Json]) -> list[str]:
    """The fields that the list of this incoming can be filtered by, as far as the store says.

    From the store's schema; where that does not describe the list, from its first items.
    """
    incoming = profile.incoming[name]
    known = listed_by(incoming.request.uri)
    send = session.client(incoming.client)
    schema, _ = await schema_of(send, profile.base_uri(incoming.client) or "")
    found = await asyncio.to_thread(fields_in_schema, schema, incoming.request.uri)
    if not found:
        try:
            items = (await first_items(_with_rows(incoming, ()), send, run)).items
        except (RequestFailed, UserError):
            items = []
        found = [key for item in items if isinstance(item, dict) for key, value in item.items() if _is_simple(value)]
    return list(dict.fromkeys(found if known is None else with_own(known, found)))


async def known_fields(profile: Profile, session: Session, name: str, run: dict[str, Json]) -> list[str]:
    """The fields that the list of this incoming can be filtered by: `filter_fields`, and those of Magento itself."""
    found = await filter_fields(profile, session, name, run)
    return list(dict.fromkeys([*found, *usual_fields(profile.incoming[name].request.uri)]))


def _is_simple(value: Json) -> bool:
    return not isinstance(value, (dict, list))


async def matching(
    profile: Profile, session: Session, name: str, rows: Sequence[str], run: dict[str, Json]
) -> int | None:
    """How many items the store has for these rows; None where it does not say.

    Raises `RequestFailed` and `UserError`.
    """
    incoming = profile.incoming[name]
    return (await first_items(_with_rows(incoming, rows), session.client(incoming.client), run)).total


def _with_rows(incoming: Incoming, rows: Iterable[str]) -> Incoming:
    request = incoming.request.model_copy(update={"where": list(rows)})
    return incoming.model_copy(update={"request": request})
