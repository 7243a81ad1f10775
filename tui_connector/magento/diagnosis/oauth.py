"""What Magento says of a signed request: its messages name the value that is wrong.

Magento\\Framework\\Oauth\\Oauth and Magento_Integration, Oauth\\Token\\Provider; the same words from 2.3 to 2.4.8. A
store may translate them; then `guide/probes` compares what it says of a value that is wrong for certain.
"""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Literal

from ...client.message import Request, Response
from ...client.uri import is_absolute
from ..dialects import DIALECTS, CannotSign, base_string
from .finding import Finding
from .store_message import StoreMessage

About = Literal[
    "consumer-key", "access-token", "revoked", "pair", "nonce-used", "nonce", "clock", "signature", "method", "other"
]

_DETAILS = "Integrations › Edit › Integration Details"
_TIMESTAMP = re.compile(r'oauth_timestamp="(\d{1,12})"')
_MOST_AHEAD = 590
"""Seconds; Magento takes requests from ten minutes ahead at most, and the request took a moment."""


def about(said: StoreMessage) -> About:
    """The part of a signed request that this refusal (400 or 401) is about."""
    if said.has("signature method", "oauth version"):
        return "method"
    if said.listed and said.has("nonce"):
        return "nonce-used"
    if said.has("nonce", "timestamp"):
        return "nonce"
    if said.has("revoked"):
        return "revoked"
    if said.has("not associated"):
        return "pair"
    if said.has("consumer"):
        return "consumer-key"
    if said.has("token"):
        return "access-token"
    return "signature" if said.has("signature") else "other"


def of_signed(request: Request, response: Response, said: StoreMessage, evidence: tuple[str, ...]) -> Finding:
    """The finding for a signed request that was refused for its signature."""
    part = about(said)
    stamp = _TIMESTAMP.search(request.header("Authorization") or "")
    if part == "nonce" and stamp is not None and _beyond(float(stamp[1]), response):
        part = "clock"
    if part == "signature" and signed_differently(request):
        return dialect(request, evidence)
    return oauth(part, said.message, evidence)


def signed_differently(request: Request) -> bool:
    """Whether Magento's versions sign this request differently, so that its refusal says nothing of the secrets."""
    uri = request.uri if is_absolute(request.uri) else f"https://shop.example/{request.uri}"
    query = request.uri.partition("?")[2]
    try:
        return "+" in query or len({base_string(request.method, uri, {}, each) for each in DIALECTS}) > 1
    except CannotSign:
        return True


def unsignable(request: Request) -> str | None:
    """Why Magento 2.4.8 refuses this request however it is signed, if it does."""
    uri = request.uri if is_absolute(request.uri) else f"https://shop.example/{request.uri}"
    try:
        base_string(request.method, uri, {}, "m248")
    except CannotSign as error:
        return str(error)
    return None


def dialect(request: Request, evidence: tuple[str, ...]) -> Finding:
    """A request that Magento's versions sign differently was refused."""
    query = request.uri.partition("?")[2]
    if (reason := unsignable(request)) is not None:
        remedy = f"Change the request: Magento 2.4.8 refuses every signature of it, because {reason}."
    elif any("=" not in part for part in query.split("&") if part):
        remedy = (
            "Write each parameter with =, such as searchCriteria=: the store leaves the others out of what it signs."
        )
    elif "+" in query:
        remedy = "Write a space as %20: the store takes + for a plus."
    else:
        remedy = (
            "Test `modules`: where that is taken, the secrets are right; then set the authentication's dialect to "
            "auto, "
            "which finds out how this version signs."
        )
    return Finding(
        "oauth-dialect",
        "The signature is refused, and Magento's versions put together differently what is signed of such a request",
        evidence,
        remedy,
        "dialect",
    )


def is_ahead(now: datetime | None, response: Response) -> bool:
    """Whether this computer's clock is further ahead of the store's than Magento allows."""
    return now is not None and _beyond(now.timestamp(), response)


def _beyond(here: float, response: Response) -> bool:
    try:
        there = parsedate_to_datetime(response.header("Date") or "").timestamp()
    except ValueError:
        return False
    return here - there > _MOST_AHEAD


def oauth(part: About, message: str, evidence: tuple[str, ...]) -> Finding:
    """The finding for the part that is wrong."""
    if part == "other":
        remedy = f"Compare the four values with those under {_DETAILS}."
        return Finding(
            "oauth-refused", f"Magento refuses the signed request: {message}", evidence, remedy, "consumer-key"
        )
    name, summary, remedy, field = _WORDS[part]
    return Finding(name, summary, evidence, remedy, field)


_WORDS: dict[str, tuple[str, str, str, str]] = {
    "consumer-key": (
        "oauth-consumer-key",
        "Magento does not know this consumer key",
        f'Copy "Consumer Key", the first value ({_DETAILS}). Is it of this store?',
        "consumer-key",
    ),
    "access-token": (
        "oauth-access-token",
        "Magento knows the consumer key, but not this access token",
        f'Copy "Access Token", the third value ({_DETAILS}).',
        "access-token",
    ),
    "pair": (
        "oauth-pair",
        "The consumer key and the access token are of two integrations",
        f"Copy all four values from one row ({_DETAILS}).",
        "access-token",
    ),
    "revoked": (
        "oauth-revoked",
        "This access token has been revoked",
        "In Magento: System › Extensions › Integrations › your row › Reauthorize; then copy all four values anew.",
        "access-token",
    ),
    "nonce-used": (
        "oauth-nonce-used",
        "Magento has seen this very request before: something on the way sends requests twice",
        "Test again. If it stays so, look for a proxy between here and the store that repeats requests.",
        "",
    ),
    "nonce": (
        "oauth-nonce",
        "Magento cannot accept this nonce: the clock here is fast, or the store's database failed",
        "Compare the clock here with the response's Date header: it may be ten minutes fast at most. Otherwise, look "
        "for that time in the store's var/log/exception.log.",
        "",
    ),
    "clock": (
        "clock",
        "This computer's clock is fast: Magento takes requests from at most ten minutes ahead",
        "Set the clock (timedatectl set-ntp true), then test again.",
        "",
    ),
    "signature": (
        "oauth-signature",
        "Magento knows the key and the token, but one of the two secrets is wrong",
        f'Copy "Consumer Secret" and "Access Token Secret" again: the second and the fourth value ({_DETAILS}).',
        "consumer-secret",
    ),
    "method": (
        "oauth-method",
        "The store does not take this signature method: HMAC-SHA1 is refused since Magento 2.4.4",
        "Sign with HMAC-SHA256, as the authentication oauth1 does.",
        "",
    ),
}
