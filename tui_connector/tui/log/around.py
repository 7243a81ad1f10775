"""What belongs to an exchange and stands elsewhere in the log: its other attempts, and the login before it."""

from __future__ import annotations

from itertools import islice

from ...client.exchange import Exchange, Exchanges
from ...client.message import header_of
from ...client.uri import BadUri, origin_of
from .exchange_text import Around

_FAR = 5_000
"""Exchanges looked through, from the newest back: a search at every move of the cursor must cost nothing."""


def around(exchange: Exchange, exchanges: Exchanges) -> Around:
    """All attempts of its call, oldest first, and the login whose token it most likely carries."""
    attempts, logins = [], []
    for each in islice(reversed(exchanges), _FAR):
        if each.call == exchange.call:
            attempts.append(each)
        elif each.purpose == "login":
            logins.append(each)
    if not exchange.call:  # a log of elsewhere has no calls
        attempts = [exchange]
    login = None
    if (header_of(exchange.request_headers, "Authorization") or "").startswith("Bearer"):
        before = (each for each in logins if each.status == 200 and each.at <= exchange.at)
        login = next((each for each in before if _origin(each) == _origin(exchange)), None)
    return Around(tuple(sorted(attempts, key=lambda each: each.number)), login)


def was_accepted(exchange: Exchange, exchanges: Exchanges) -> bool | None:
    """Whether the store took what the same client sent with an authentication; None where the log does not say."""
    taken = any(
        each.client == exchange.client
        and each.status is not None
        and each.status < 300
        and header_of(each.request_headers, "Authorization") is not None
        for each in islice(reversed(exchanges), _FAR)
    )
    return True if taken else None


def _origin(exchange: Exchange) -> str:
    try:
        return origin_of(exchange.uri)
    except BadUri:
        return ""
