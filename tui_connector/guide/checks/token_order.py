"""Finds the right order of four tokens with a few signed requests.

Magento checks a signed request in a fixed order, and reports the first failure: the consumer key, then the access
token, then the signature (Magento\\Framework\\Oauth\\Oauth). None of these failures locks an account. The values are
sent only to the store for which they were typed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from ...client.layer import Send
from ...client.message import RequestFailed, Response, probe_request
from ...machine import Machine
from ...magento.diagnosis import Finding, StoreMessage, diagnose, diagnose_failure
from ...magento.diagnosis.probes import MODULES
from ...magento.diagnosis.rules import explain
from ...magento.oauth1 import Tokens
from ...secrets.token_shape import token_shape
from ...secrets.vault import Vault

FIELDS = ("consumer-key", "consumer-secret", "access-token", "access-token-secret")
"""In the order of Magento's pop-up."""

MISPLACEMENT_FINDINGS = frozenset({"oauth-consumer-key", "oauth-access-token", "oauth-signature", "oauth-refused"})
"""Findings that may be caused by tokens in the wrong order."""

MAX_REQUESTS = 9
Order = tuple[int, int, int, int]
Part = Literal["oauth-consumer-key", "oauth-access-token"]
_UNRECOGNISED = "?"
"""Prefix of a message that was not recognised, such as one in another language."""


@dataclass(frozen=True, slots=True)
class TokenOrder:
    """The right order of the values, or what is wrong with them."""

    order: Order | tuple[()] = ()
    """The index of the value of each of `FIELDS`; empty if it was not found."""
    finding: Finding | None = None
    requests: int = 0

    @property
    def message(self) -> str:
        """What was corrected, such as "1 and 2 were swapped: corrected"; "" if the order was right."""
        moved = [place + 1 for place, index in enumerate(self.order) if place != index]
        if not moved:
            return ""
        if len(moved) == 2:
            return f"{moved[0]} and {moved[1]} were swapped: corrected"
        return f"{', '.join(map(str, moved[:-1]))} and {moved[-1]} were in the wrong fields: corrected"


async def token_order(values: Sequence[str], send: Send, base_uri: str, machine: Machine) -> TokenOrder:
    """Finds the order with at most nine signed requests. `send` adds no authentication."""
    for place, value in enumerate(values):
        if token_shape(value, machine.now()).kind != "integration":
            summary = f"Value {place + 1} is not an integration token, which has 32 lower-case letters and digits"
            return TokenOrder(finding=Finding("token-malformed", summary, remedy="Copy it again.", field=FIELDS[place]))
    search = _Search(values, send, base_uri, machine)
    try:
        order = await search.search()
    except _SearchStopped as stopped:
        return TokenOrder(finding=stopped.finding, requests=search.requests)
    return TokenOrder(order, search.finding, search.requests)


async def reorder_typed_tokens(
    vault: Vault,
    names: Sequence[str],
    origin: str,
    send: Send,
    base_uri: str,
    machine: Machine,
) -> TokenOrder:
    """Puts values that were typed in this session into the right order in the vault.

    `names` are their names in the vault, in the order of `FIELDS`. Does nothing unless all four were typed.
    """
    values = [value for value in (vault.held_secret(name, origin) for name in names) if value is not None]
    if len(values) != len(names):
        return TokenOrder()
    found = await token_order(values, send, base_uri, machine)
    for name, index in zip(names, found.order, strict=False):
        vault.hold(name, values[index], origin)
    return found


class _SearchStopped(Exception):
    """The search cannot continue."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.summary)
        self.finding = finding


class _Search:
    """The requests sent so far, and the result of each order of the values."""

    def __init__(self, values: Sequence[str], send: Send, base_uri: str, machine: Machine) -> None:
        self._values, self._send, self._machine = values, send, machine
        self._request = probe_request("GET", f"{base_uri}/{MODULES}", "which of the four values is which?")
        self._results: dict[Order, str] = {}
        self._evidence: list[str] = []
        self.requests = 0
        self.finding: Finding | None = None
        """Why the store refuses the request although the order is right, if it does."""

    async def search(self) -> Order:
        key = await self._find_accepted(
            range(4), lambda each: _order_with(each, 2 if each != 2 else 0), "oauth-consumer-key"
        )
        rest = [each for each in (2, 1, 3, 0) if each != key]  # most likely first
        token = await self._find_accepted(rest, lambda each: _order_with(key, each), "oauth-access-token")
        for order in (_order_with(key, token), _swapped(_order_with(key, token))):
            if await self._try_order(order) == "":
                return order
        raise _SearchStopped(explain("oauth-signature", tuple(self._evidence)))

    async def _find_accepted(self, candidates: Sequence[int], order_of: Callable[[int], Order], part: Part) -> int:
        """The candidate that the store accepts as `part`: by its message, or because that differs from all others."""
        unrecognised: dict[int, str] = {}
        for each in candidates:
            result = await self._try_order(order_of(each))
            if result.startswith(_UNRECOGNISED):
                unrecognised[each] = result
            elif result != part:
                return each
        texts = list(unrecognised.values())
        alone = [each for each, result in unrecognised.items() if texts.count(result) == 1]
        if len(alone) == 1 and len(texts) > 2:
            return alone[0]
        raise _SearchStopped(explain(part, tuple(self._evidence)))

    async def _try_order(self, order: Order) -> str:
        """The part that the store refuses with the values in this order; "" if it accepts them."""
        if order not in self._results:
            assert self.requests < MAX_REQUESTS
            self.requests += 1
            self._results[order] = self._classify(await self._send_signed(order))
        return self._results[order]

    async def _send_signed(self, order: Order) -> Response:
        key, secret, token, token_secret = (self._values[each] for each in order)
        tokens = Tokens(key, secret, token, token_secret)
        request = tokens.signed(self._request, "rfc5849", self._machine)
        try:
            return await self._send(request)
        except RequestFailed as failure:
            raise _SearchStopped(diagnose_failure(failure, f"GET {self._request.uri}")) from failure

    def _classify(self, response: Response) -> str:
        result = StoreMessage.of(response)
        self._evidence.append(f"#{response.exchange} GET {MODULES} → {response.status} {result.message}".rstrip())
        finding = diagnose(self._request, response, "oauth1", authenticated=False)
        if finding is None or (response.status == 401 and result.parameter("resources")):
            self.finding = finding
            return ""
        if response.status != 401:
            raise _SearchStopped(finding)
        if finding.id in ("oauth-consumer-key", "oauth-access-token", "oauth-signature"):
            return finding.id
        if finding.id == "oauth-refused":
            return _UNRECOGNISED + result.message
        raise _SearchStopped(finding)


def _order_with(key: int, token: int) -> Order:
    """The order with these indexes of key and token; the other two are the secrets, in the order typed."""
    first, second = (each for each in range(4) if each not in (key, token))
    return key, first, token, second


def _swapped(order: Order) -> Order:
    key, first, token, second = order
    return key, second, token, first
