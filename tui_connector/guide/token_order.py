"""Four tokens in the wrong order, put right by a few signed requests.

Magento looks at a signed request in a fixed order, and names what it stumbles over: the consumer key, then the access
token, then the signature (Magento\\Framework\\Oauth\\Oauth). None of these failures locks anybody out. The values go
only to the store that they are for, as they were typed to do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from ..client.layer import Send
from ..client.message import Request, RequestFailed, RequestInfo, Response
from ..machine import Machine
from ..magento.diagnosis import Finding, StoreMessage, diagnose, diagnose_failure
from ..magento.diagnosis.probes import MODULES
from ..magento.diagnosis.rules import explain
from ..magento.oauth1 import Tokens
from ..magento.token_shape import token_shape
from ..secrets.vault import Vault

FIELDS = ("consumer-key", "consumer-secret", "access-token", "access-token-secret")
"""In the order in which Magento shows them."""

MAY_BE_MISPLACED = frozenset({"oauth-consumer-key", "oauth-access-token", "oauth-signature", "oauth-refused"})
"""Findings that four right values in the wrong places give, too."""

MOST_REQUESTS = 9
Order = tuple[int, int, int, int]
Part = Literal["oauth-consumer-key", "oauth-access-token"]
_UNREAD = "?"
"""Before the words of a store that speaks another language."""


@dataclass(frozen=True, slots=True)
class TokenOrder:
    """Which of the given values belongs to which field, or what is wrong with them."""

    order: Order | tuple[()] = ()
    """For each of `FIELDS` the place of its value among those given; empty where it was not found out."""
    finding: Finding | None = None
    requests: int = 0

    @property
    def words(self) -> str:
        """What was put right, such as "1 and 2 were swapped"; nothing where they stood right."""
        moved = [place + 1 for place, index in enumerate(self.order) if place != index]
        if not moved:
            return ""
        if len(moved) == 2:
            return f"{moved[0]} and {moved[1]} were swapped: corrected"
        return f"{', '.join(map(str, moved[:-1]))} and {moved[-1]} were in the wrong fields: corrected"


async def token_order(
    values: Sequence[str], send: Send, base_uri: str, machine: Machine, signed_origin: str | None = None
) -> TokenOrder:
    """Tries at most nine signed requests. `send` adds no authentication; `values` are in the order they were typed."""
    for place, value in enumerate(values):
        if token_shape(value, machine.now()).kind != "integration":
            summary = f"Value {place + 1} is not an integration token, which has 32 lower-case letters and digits"
            return TokenOrder(finding=Finding("token-malformed", summary, remedy="Copy it again.", field=FIELDS[place]))
    trial = _Trial(values, send, base_uri, machine, signed_origin)
    try:
        order = await trial.search()
    except _Stopped as stop:
        return TokenOrder(finding=stop.finding, requests=trial.requests)
    return TokenOrder(order, trial.finding, trial.requests)


async def put_in_order(
    vault: Vault,
    names: Sequence[str],
    origin: str,
    send: Send,
    base_uri: str,
    machine: Machine,
    signed_origin: str | None = None,
) -> TokenOrder:
    """The same for values that were typed in this session: from then on the vault holds them in their right order.

    `names` are those under which it holds them, in the order of `FIELDS`. Values from elsewhere are not touched.
    """
    values = [value for value in (vault.typed(name, origin) for name in names) if value is not None]
    if len(values) != len(names):
        return TokenOrder()
    found = await token_order(values, send, base_uri, machine, signed_origin)
    for name, index in zip(names, found.order, strict=False):
        vault.hold(name, values[index], origin)
    return found


class _Stopped(Exception):
    """The search cannot continue."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.summary)
        self.finding = finding


class _Trial:
    """The requests sent so far, and what each order of the values was answered with."""

    def __init__(
        self, values: Sequence[str], send: Send, base_uri: str, machine: Machine, signed_origin: str | None
    ) -> None:
        self._values, self._send, self._machine, self._origin = values, send, machine, signed_origin
        self._request = Request("GET", f"{base_uri}/{MODULES}", about=RequestInfo(purpose="probe"))
        self._said: dict[Order, str] = {}
        self._evidence: list[str] = []
        self.requests = 0
        self.finding: Finding | None = None
        """Set where the order is right and the store refuses all the same."""

    async def search(self) -> Order:
        key = await self._odd_one(range(4), lambda each: _order(each, 2 if each != 2 else 0), "oauth-consumer-key")
        rest = [each for each in (2, 1, 3, 0) if each != key]  # likeliest first
        token = await self._odd_one(rest, lambda each: _order(key, each), "oauth-access-token")
        for order in (_order(key, token), _swapped(_order(key, token))):
            if await self._ask(order) == "":
                return order
        raise _Stopped(explain("oauth-signature", tuple(self._evidence)))

    async def _odd_one(self, candidates: Sequence[int], order_of: Callable[[int], Order], part: Part) -> int:
        """The candidate that the store does not stumble over: by its words, or by their differing from all others."""
        unread: dict[int, str] = {}
        for each in candidates:
            said = await self._ask(order_of(each))
            if said.startswith(_UNREAD):
                unread[each] = said
            elif said != part:
                return each
        texts = list(unread.values())
        alone = [each for each, said in unread.items() if texts.count(said) == 1]
        if len(alone) == 1 and len(texts) > 2:
            return alone[0]
        raise _Stopped(explain(part, tuple(self._evidence)))

    async def _ask(self, order: Order) -> str:
        """What the store stumbles over with the values in this order; nothing where it takes them."""
        if order not in self._said:
            assert self.requests < MOST_REQUESTS
            self.requests += 1
            self._said[order] = self._read(await self._answer(order))
        return self._said[order]

    async def _answer(self, order: Order) -> Response:
        key, secret, token, token_secret = (self._values[each] for each in order)
        tokens = Tokens(key, secret, token, token_secret)
        request = tokens.signed(self._request, "rfc5849", self._machine, self._origin)
        try:
            return await self._send(request)
        except RequestFailed as failure:
            raise _Stopped(diagnose_failure(failure, f"GET {self._request.uri}")) from failure

    def _read(self, response: Response) -> str:
        said = StoreMessage.of(response)
        self._evidence.append(f"#{response.exchange} GET {MODULES} → {response.status} {said.message}".rstrip())
        finding = diagnose(self._request, response, "oauth1", authenticated=False)
        if finding is None or (response.status == 401 and said.parameter("resources")):
            self.finding = finding
            return ""
        if response.status != 401:
            raise _Stopped(finding)
        if finding.id in ("oauth-consumer-key", "oauth-access-token", "oauth-signature"):
            return finding.id
        if finding.id == "oauth-refused":
            return _UNREAD + said.message
        raise _Stopped(finding)


def _order(key: int, token: int) -> Order:
    """Key and token in these places, the two that are left as the secrets, in the order they were typed."""
    first, second = (each for each in range(4) if each not in (key, token))
    return key, first, token, second


def _swapped(order: Order) -> Order:
    key, first, token, second = order
    return key, second, token, first
