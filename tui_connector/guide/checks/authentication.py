"""Tests the authentication of step 2: whether the store accepts it, and what it permits."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from ...client.exchange import Exchange, Exchanges
from ...client.layer import Send
from ...client.message import ANONYMOUS, InvalidRequest, RequestFailed
from ...magento.diagnosis import AuthKind, Finding, Fix, diagnose_failure
from ...profile.problems import find_problems
from ...templates import Json, PlaceholderError, Scope, Template, as_data
from ...text import listed
from ..rest_api import keep_paths
from ..secret_sources import takes_typed
from ..steps.methods import INTEGRATION
from ..steps.setup import Setup
from ..steps.store_views import store_views
from ..workbench import Workbench, profile_of
from .check import CheckResult, auth_kind, check_authentication
from .permissions import UNKNOWN_PERMISSIONS, Permissions, RouteAccess, permissions
from .signing import find_dialect
from .token_order import FIELDS, MISPLACEMENT_FINDINGS, reorder_typed_tokens

_NAMED = 3
"""Entities named after a successful test; the steps Incoming and Outgoing mark all of them."""


@dataclass(frozen=True, slots=True)
class AuthenticationTest:
    """The result of a test, and what the store permits."""

    result: CheckResult
    permissions: Permissions = UNKNOWN_PERMISSIONS
    dialect: str = ""
    correction: str = ""
    """How the order of the tokens was corrected, or ""."""
    views: tuple[str, ...] = ()
    """The codes of the store views, if the token may list them."""

    def access_lines(self) -> list[str]:
        """What the token may do, and what not, one line each; "" if unknown."""
        lines = []
        for verb, known in (("read", self.permissions.read), ("send", self.permissions.send)):
            for can, allowed in (("Can", True), ("Cannot", False)):
                if names := [name for name, access in known.items() if (access is RouteAccess.YES) is allowed]:
                    lines.append(f"  {can} {verb}: {listed(names, _NAMED)}")
        return lines


async def try_authentication(setup: Setup, workbench: Workbench, data: dict[str, Json]) -> AuthenticationTest:
    """Tests the authentication that the setup shows; `data` is that of the profile to use."""
    allowed = UNKNOWN_PERMISSIONS
    dialect, correction, client = "", "", setup.client
    views: tuple[str, ...] = ()
    try:
        profile = profile_of(data, [("clients", client)])
        async with workbench.session(profile) as session:
            send = session.client(client)
            result = await check_authentication(profile, session, client)
            if result.finding is not None and result.finding.id in MISPLACEMENT_FINDINGS:
                correction = await _correct_order(setup, workbench, session.client(client, ANONYMOUS))
                if correction:
                    result = await check_authentication(profile, session, client)
            if result.ok:
                anonymous = session.client(client, ANONYMOUS)
                allowed = await permissions(send, anonymous, setup.base_uri, result.modules)
                await keep_paths(workbench.machine, setup.base_uri, allowed.api)
                views = await _views(setup, send, allowed, auth_kind(profile, client))
                signing = await find_dialect(profile, session, client)
                dialect = (signing and signing.dialect) or ""
    except InvalidRequest as failure:
        result = CheckResult("", False, not_sent(setup, failure, client))
    except RequestFailed as failure:
        result = CheckResult("", False, diagnose_failure(failure, "the setup"))
    return AuthenticationTest(result, allowed, dialect, correction, views)


def not_sent(setup: Setup, failure: InvalidRequest, client: object) -> Finding:
    """Why this client sent nothing, with the way out where its authentications cannot be applied together.

    Only for the client that the setup shows: the fix is about that one.
    """
    finding = diagnose_failure(failure, "the setup")
    place = ("clients", setup.client, "authentications")
    _, found = find_problems(setup.draft)
    setting = next((each.setting for each in found if each.setting and each.setting.place == place), None)
    if setting is None or not isinstance(setting.value, tuple) or client != setup.client:
        return finding
    fix = Fix("applied", ",".join(map(str, setting.value)), setting.title)
    remedy = "Change what the client applies: nothing is deleted from the profile."
    return replace(finding, remedy=remedy, fix=fix)


async def _views(setup: Setup, send: Send, allowed: Permissions, way: AuthKind) -> tuple[str, ...]:
    if setup.store is None or allowed.read.get("store-views") is not RouteAccess.YES:
        return ()
    return tuple(view.code for view in (await store_views(send, setup.store.address, way)).views)


async def _correct_order(setup: Setup, workbench: Workbench, send: Send) -> str:
    """Puts four typed tokens into the right order in the vault; returns what was corrected, or ""."""
    places = {str(path[-1]): path for path in map(setup.path_of, setup.fields())}
    if setup.auth_kind != INTEGRATION or set(places) != set(FIELDS):
        return ""
    if not all(takes_typed(setup.table(*path), workbench.machine.environ) for path in places.values()):
        return ""  # what was typed is not all that was sent
    names = [setup.secret_name(places[field]) for field in FIELDS]  # whatever the order of the form
    found = await reorder_typed_tokens(workbench.vault, names, setup.origin, send, setup.base_uri, workbench.machine)
    return found.message


_MASKED, _PLAIN = "•", "*"
"""The mark of a masked secret in the log, and its replacement while the template is rendered, valid in a header."""


def last_login(exchanges: Exchanges) -> Exchange | None:
    """The newest login that the store accepted."""
    good = (each for each in reversed(list(exchanges)) if each.purpose == "login" and each.status is not None)
    return next((each for each in good if each.status is not None and 200 <= each.status < 300), None)


def preview(template: str, source: str, login: Exchange | None) -> str:
    """The header's value as rendered from the login's response, secrets masked, or why there is none."""
    try:
        parsed = Template.parse(template)
        if login is None:
            return "shown after a login"
        headers: Json = {name.lower(): value.replace(_MASKED, _PLAIN) for name, value in login.headers}
        data = as_data(headers if source == "headers" else _body(login))
        return parsed.header(Scope(data)).replace(_PLAIN, _MASKED)
    except PlaceholderError as error:
        return f"✘ {error}"


def _body(login: Exchange) -> Json:
    text = login.body.data.decode("utf-8", "replace").replace(_MASKED, _PLAIN)
    if not text or text.startswith(f'"{_PLAIN}'):
        return _PLAIN * 3  # a bare token, of which the log keeps no more than its length
    try:
        found: Json = json.loads(text)
    except ValueError:
        return text
    return found
