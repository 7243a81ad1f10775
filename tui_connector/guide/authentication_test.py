"""Step 2 tried on the store: is the authentication accepted, what may it do, and were its values in order."""

from __future__ import annotations

from dataclasses import dataclass

from ..client.layer import Send
from ..client.message import ANONYMOUS, RequestFailed
from ..magento.diagnosis import AuthKind, diagnose_failure
from ..templates import Json
from ..text import listed
from .check import CheckResult, authenticated, way_of
from .permissions import NOTHING_KNOWN, Permissions, RouteAccess, permissions
from .setup import Setup
from .signing import find_dialect
from .store_views import store_views
from .texts import INTEGRATION
from .token_order import FIELDS, MAY_BE_MISPLACED, put_in_order
from .workbench import Workbench, profile_of

_NAMED = 3
"""How many of the entities are named after a green test; the steps that read and send mark all of them."""


@dataclass(frozen=True, slots=True)
class AuthenticationTest:
    """What the store said."""

    tried: CheckResult
    permissions: Permissions = NOTHING_KNOWN
    dialect: str = ""
    put_right: str = ""
    """How the order of the values was corrected."""
    views: tuple[str, ...] = ()
    """The codes of the store views, where the token may ask for them."""

    def may(self) -> list[str]:
        """What the token may do and what it may not, a line each; nothing if that is unknown."""
        lines = []
        for verb, known in (("read", self.permissions.read), ("send", self.permissions.send)):
            for can, allowed in (("Can", True), ("Cannot", False)):
                if names := [name for name, access in known.items() if (access is RouteAccess.YES) is allowed]:
                    lines.append(f"  {can} {verb}: {listed(names, _NAMED)}")
        return lines


async def try_authentication(setup: Setup, bench: Workbench, data: dict[str, Json]) -> AuthenticationTest:
    """Tries the authentication that the setup shows; `data` are the profile's, as a test uses them now."""
    allowed = NOTHING_KNOWN
    dialect, put_right, client = "", "", setup.client
    views: tuple[str, ...] = ()
    try:
        profile = profile_of(data)
        async with bench.session(profile) as session:
            send = session.client(client)
            tried = await authenticated(profile, session, client)
            if tried.finding is not None and tried.finding.id in MAY_BE_MISPLACED:
                put_right = await _put_right(setup, bench, session.client(client, ANONYMOUS))
                if put_right:
                    tried = await authenticated(profile, session, client)
            if tried.ok:
                anonymous = session.client(client, ANONYMOUS)
                allowed = await permissions(send, anonymous, setup.base_uri, tried.modules)
                views = await _views(setup, send, allowed, way_of(profile, client))
                signing = await find_dialect(profile, session, client)
                dialect = (signing and signing.dialect) or ""
    except RequestFailed as failure:
        tried = CheckResult("", False, diagnose_failure(failure, "the setup"))
    return AuthenticationTest(tried, allowed, dialect, put_right, views)


async def _views(setup: Setup, send: Send, allowed: Permissions, way: AuthKind) -> tuple[str, ...]:
    if setup.store is None or allowed.read.get("store-views") is not RouteAccess.YES:
        return ()
    return tuple(view.code for view in (await store_views(send, setup.store.shape, way)).views)


async def _put_right(setup: Setup, bench: Workbench, send: Send) -> str:
    """Puts four values that were typed in the wrong order into the right one; what was changed, in words."""
    places = [setup.path_of(each) for each in setup.fields()]
    if setup.way != INTEGRATION or len(places) != len(FIELDS):
        return ""
    names = [setup.secret_name(place) for place in places]
    found = await put_in_order(bench.vault, names, setup.origin, send, setup.base_uri, bench.machine)
    return found.words
