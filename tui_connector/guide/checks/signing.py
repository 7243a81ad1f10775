"""Finds the signing dialect of a store with one harmless request, signed in each dialect in turn.

Most requests have the same signature in every dialect, so that a wrong setting may go unnoticed until the first
incremental run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...client.message import ClientVariant, Request, RequestFailed, probe_request
from ...client.session import Session
from ...client.uri import origin_of
from ...magento.diagnosis import Finding, Fix, StoreMessage
from ...magento.dialects import Dialect
from ...magento.oauth1 import (
    LIKELIEST_FIRST,
    KnownDialects,
    OAuth1,
    accepts_signature,
    group_by_signed_text,
    refuses_signature,
)
from ...profile.model import Profile

PROBE_URI = "products/signing%2Btest?fields=sku&test%5B2%5D=0&test%5B10%5D=0"
"""Signed differently in each dialect: laminas decodes `%2B` in the path, m248 sorts `[10]` before `[2]`.

No store has this product: 404 proves a valid signature, as does a 401 that names a missing permission. `%2F` would
also differ, but Apache itself responds to it with 404 (AllowEncodedSlashes).
"""

VERSIONS = {"rfc5849": "Magento 2.4.5 and older", "laminas": "Magento 2.4.6 and 2.4.7", "m248": "Magento 2.4.8"}


@dataclass(frozen=True, slots=True)
class SigningResult:
    """The dialect that the store verifies, None if unknown, and the responses as evidence."""

    authentication: str
    configured: str
    dialect: Dialect | None
    evidence: tuple[str, ...]

    @property
    def summary(self) -> str:
        if self.dialect is None:
            return f"signing dialect unknown ({self.evidence[-1] if self.evidence else 'no response'})"
        return f"signing dialect {self.dialect} ({VERSIONS[self.dialect]})"

    @property
    def finding(self) -> Finding | None:
        """The finding that the profile has another dialect, or None."""
        if self.dialect is None or self.configured in ("auto", self.dialect):
            return None
        return Finding(
            "oauth-dialect",
            f"The profile signs in the dialect {self.configured}, but this store verifies {self.dialect} "
            f"({VERSIONS[self.dialect]}): some requests are refused although the secrets are right",
            self.evidence,
            f'Set dialect = "{self.dialect}" in [authentications.{self.authentication}].',
            "dialect",
            Fix("dialect", self.dialect, f"Sign as {VERSIONS[self.dialect]}"),
        )


async def find_dialect(profile: Profile, session: Session, client: str) -> SigningResult | None:
    """Finds and caches the store's dialect with two or three requests; None if the client does not sign.

    A dialect counts as found only if another one was refused: a store may respond without verifying the signature.
    """
    signing = ((name, profile.authentications[name]) for name in profile.clients[client].authentications)
    name, saved = next(((n, each) for n, each in signing if isinstance(each, OAuth1)), ("", None))
    if saved is None:
        return None
    known = KnownDialects(session.machine.directories.cache)
    origin = origin_of(profile.base_uri(client) or "")
    first = saved.dialect if saved.dialect != "auto" else await asyncio.to_thread(known.find, origin)
    dialect, evidence = await _probe_dialects(session, client, sorted(LIKELIEST_FIRST, key=lambda each: each != first))
    if dialect is not None:
        await asyncio.to_thread(known.keep, origin, dialect)
    return SigningResult(name, saved.dialect, dialect, tuple(evidence))


def is_dialect_guess(profile: Profile, client: str, request: Request, cache: Path) -> bool:
    """Whether the request's signature depends on the dialect, and the store's is not known yet. Reads the cache."""
    signing = (profile.authentications[name] for name in profile.clients[client].authentications)
    saved = next((each for each in signing if isinstance(each, OAuth1)), None)
    if saved is None or saved.dialect != "auto" or KnownDialects(cache).find(origin_of(request.uri)) is not None:
        return False
    return len(group_by_signed_text(request, LIKELIEST_FIRST)) > 1


async def _probe_dialects(
    session: Session, client: str, dialects: Sequence[Dialect]
) -> tuple[Dialect | None, list[str]]:
    request = probe_request("GET", PROBE_URI, "is this signature verified? 404: yes")
    accepted: list[Dialect] = []
    refused = False
    evidence = []
    for dialect in dialects:
        try:
            response = await session.client(client, ClientVariant(dialect=dialect))(request)
        except RequestFailed as failure:
            evidence.append(failure.message)
            break
        message = f" {StoreMessage.of(response).message}".rstrip()
        evidence.append(f"#{response.exchange} GET {PROBE_URI} (signed as {dialect}) → {response.status}{message}")
        if accepts_signature(response):
            accepted.append(dialect)
        elif refuses_signature(response):
            refused = True
        else:
            break
        if accepted and (refused or len(accepted) > 1):
            break
    return (accepted[0] if refused and len(accepted) == 1 else None), evidence
