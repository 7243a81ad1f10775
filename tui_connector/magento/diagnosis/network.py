"""The finding for a request that got no response that can be used."""

from __future__ import annotations

import re

from ...client.authentication.login import said
from ...client.authentication.login_lockouts import is_magento_login
from ...client.message import Failure, InvalidRequest, LoginRefused, NoResponse, Request, RequestFailed, Response
from .finding import Finding, Fix
from .sign_in import sign_in
from .store_message import StoreMessage

_SAID = re.compile(r"\((.*)\)", re.DOTALL)
_ADDRESS = re.compile(r"https?://([^\s?]+?)(?:/index\.php)?(?:/rest(?:/\S*)?)?(?=[\s?]|$)")
_TEST_AGAIN = "Test again; if it stays so, ask who runs the store's web server."
_REMEDIES = {
    Failure.DNS: "Check the spelling, or the VPN this host needs.",
    Failure.REFUSED: "Check the address and the port; is the store running?",
    Failure.TIMEOUT_CONNECT: "May this computer reach it (firewall, VPN)?",
    Failure.TIMEOUT: "Raise the client's timeout, or ask for less at a time.",
    Failure.TOO_LARGE: "Ask for less at a time (pageSize, fields).",
    Failure.PROXY: "Ask who runs the proxy, or name another one in the client's proxy.",
    Failure.TLS_UNTRUSTED: "Name the authority's file in the client's tls.ca-file.",
    Failure.TLS_SELF_SIGNED: "Name the certificate's file in the client's tls.ca-file.",
}
"""For failures from the log, which keeps what happened and not the hint."""
_ADMIN = "/integration/admin/token"


def of_failure(failure: RequestFailed, what: str) -> Finding:
    """`what` names the request in the evidence."""
    number = f"#{failure.exchange} " if failure.exchange else ""
    evidence = (f"{number}{what}: {failure.message}",)
    if isinstance(failure, NoResponse):
        fix = _other_scheme(failure.failure, what)
        remedy = failure.hint or _REMEDIES.get(failure.failure, _TEST_AGAIN)
        return Finding(f"unreachable-{failure.failure}", failure.message, evidence, remedy, "address", fix)
    if isinstance(failure, LoginRefused):
        return _login_refused(failure, evidence)
    if isinstance(failure, InvalidRequest):
        remedy = failure.hint or "Correct the part of the profile that it names."
        return Finding("not-sent", failure.message, evidence, remedy)
    return Finding("request-failed", failure.message, evidence, failure.hint or _TEST_AGAIN)


def refused_elsewhere(request: Request, response: Response) -> Finding:
    """A recorded login that an endpoint other than Magento's did not accept, in its own words."""
    reason = said(response)
    evidence = (f"#{response.exchange} {request.method} {request.uri.partition('?')[0]} → {response.status} {reason}",)
    summary = f"The login was answered with {response.status} ({reason})"
    if response.status >= 500 or response.status in (408, 429):
        return Finding("login-failed", summary, evidence, "Try again later, or check the address of the login.")
    remedy = "Correct the settings of the authentication that sends it, or its secret."
    return Finding("login-refused", summary, evidence, remedy)


def _other_scheme(failure: Failure, what: str) -> Fix | None:
    """The same address with the scheme that its port speaks."""
    address = _ADDRESS.search(what)
    if address is None or failure not in (Failure.TLS_TO_PLAIN, Failure.PLAIN_TO_TLS):
        return None
    scheme = "http" if failure is Failure.TLS_TO_PLAIN else "https"
    other = f"{scheme}://{address[1]}"
    return Fix("address", other, f"Use {other}{' (not encrypted)' if scheme == 'http' else ''}")


def _login_refused(failure: LoginRefused, evidence: tuple[str, ...]) -> Finding:
    """From the words that the failure repeats: the exchange itself says more, where it is at hand."""
    if failure.status is not None and 200 <= failure.status < 300:
        field = failure.field or "template"
        return Finding("template" if field == "template" else "token", failure.message, evidence, failure.hint, field)
    if failure.exchange is None and (failure.status in (401, 403) or failure.uri):  # refused before, not sent again
        again = Fix("login", "again", "Log in once more")
        field = failure.field or "password"
        return Finding("login-refused", failure.message, evidence, failure.hint, field, again)
    if failure.uri and not is_magento_login(failure.uri):
        return Finding("login-refused", failure.message, evidence, failure.hint, failure.field)
    words = _SAID.search(failure.message)
    said = StoreMessage("json", words[1] if words else failure.message)
    if failure.status == 400 and said.has("provider-specific"):
        return Finding(
            "two-factor",
            "This store asks admin users for a one-time code",
            evidence,
            "Give the code's secret, or type the code when it is asked for. One-time codes do not apply to "
            "integrations: "
            "the other way is to use one.",
            "way",
            Fix("one-time-code", "google", "Log in with a one-time code"),
        )
    found = sign_in(_ADMIN, failure.status or 401, said, evidence)
    return found or Finding("login-refused", failure.message, evidence, failure.hint, "password")
