"""What is wrong when a store says no: one finding, how we know, and what to do.

Decided by status, parameters and shape first, by text last: Magento translates its messages.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from ..client.error_message import error_message
from ..client.message import Answer, LoginRefused, NotSent, Request, RequestFailed, Unanswered
from .entities import READABLE, WRITABLE

Way = Literal["oauth1", "bearer", "request", ""]
"""How the request was authenticated; empty: not at all, or in some other way."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, how we know, what to do; `field` names the setting that it points at."""

    id: str
    summary: str
    evidence: tuple[str, ...] = ()
    remedy: str = ""
    field: str = ""


def diagnose_failure(failure: RequestFailed, what: str) -> Finding:
    """The finding for a request that got no answer that can be used. `what` names the request."""
    number = f"#{failure.exchange} " if failure.exchange else ""
    evidence = (f"{number}{what}: {failure.message}",)
    if isinstance(failure, Unanswered):
        return Finding(f"unreachable-{failure.failure}", failure.message, evidence, failure.hint, "address")
    if isinstance(failure, LoginRefused):
        return _login_refused(failure, evidence)
    if isinstance(failure, NotSent):
        return Finding("not-sent", failure.message, evidence, failure.hint)
    return Finding("request-failed", failure.message, evidence, failure.hint)


def _login_refused(failure: LoginRefused, evidence: tuple[str, ...]) -> Finding:
    if failure.status == 400 and "2fa" in failure.message.lower():
        return Finding(
            "two-factor",
            "This store asks admin users for a one-time code",
            evidence,
            "Use an integration instead: one-time codes do not apply to it.",
            "way",
        )
    if failure.status == 200:
        return Finding("template", failure.message, evidence, failure.hint, "template")
    return Finding(
        "login-refused",
        "The store did not accept the user name or the password, or the account is locked or inactive",
        evidence,
        failure.hint or "Correct them. Magento locks an account for 30 minutes after six failures.",
        "password",
    )


def diagnose(request: Request, answer: Answer, way: Way = "") -> Finding | None:
    """The finding for an answer, or None where it is a success in JSON."""
    path = request.uri.partition("?")[0]
    evidence = (f"#{answer.exchange} {request.method} {path} → {answer.status} {error_message(answer.body)}".rstrip(),)
    return _by_web_server(answer, evidence) or _by_magento(request, answer, way, evidence)


def _by_web_server(answer: Answer, evidence: tuple[str, ...]) -> Finding | None:
    """What never reached Magento's REST interface."""
    if 300 <= answer.status < 400:
        target = answer.header("Location") or "an unnamed place"
        return Finding(
            "redirect",
            f"The store sends requests on to {target[:200]}",
            evidence,
            "Redirects are not followed, for the token would go with them. Use that address as the store address.",
            "address",
        )
    challenge = (answer.header("WWW-Authenticate") or "").lower()
    if answer.status == 401 and challenge.startswith("basic"):
        return Finding(
            "web-server-password",
            "The web server asks for a password of its own before it lets anybody reach Magento",
            evidence,
            "Have /rest exempted from it or this computer's address allowed; then test again.",
            "address",
        )
    if answer.status == 503 and not _is_json(answer):
        return Finding(
            "maintenance",
            "The store is in maintenance mode, or its web server is overloaded",
            evidence,
            "Wait, or end it with bin/magento maintenance:disable.",
        )
    if not _is_json(answer):
        return Finding(
            "not-rest",
            f"This address answers {answer.status} with a web page, not with Magento's REST interface",
            evidence,
            "Give the address under which the shop is installed; /rest/V1 is added to it.",
            "address",
        )
    return None


def _by_magento(request: Request, answer: Answer, way: Way, evidence: tuple[str, ...]) -> Finding | None:
    if answer.status < 300:
        return None
    if answer.status == 401:
        resource = _resource(answer)
        return _refused(request, resource, way, evidence) if resource else _oauth(answer, evidence)
    if answer.status == 400 and request.method == "GET" and not _parameters(answer) and "?" not in request.uri:
        return Finding(
            "store-code",
            "Magento does not know this path: the store view's code is wrong, or /V1 is missing",
            evidence,
            "Use all, or the code of a store view (Stores › All Stores).",
            "store-view",
        )
    if answer.status == 404 and not _parameters(answer) and "requested" not in error_message(answer.body):
        return Finding(
            "no-route",
            "Magento has no such route: the path is misspelt, the method is wrong, or a module is switched off",
            evidence,
            "Compare the path and the method with the store's schema.",
            "uri",
        )
    if answer.status >= 500:
        return Finding(
            "store-error",
            f"The store failed: {error_message(answer.body) or answer.status}",
            evidence,
            "Give the report id to whoever runs the store: it stands in var/log/exception.log.",
        )
    return Finding(
        "refused", f"The store refused: {error_message(answer.body)}", evidence, "See the answer in the log."
    )


def _refused(request: Request, resource: str, way: Way, evidence: tuple[str, ...]) -> Finding:
    """One body for every way in which Magento does not know a caller, or knows one who may not."""
    if resource != "Magento_Backend::admin":
        ticks = {entity.resource: entity.tick for entity in READABLE.values()}
        ticks |= {entity.resource: entity.tick for entity in WRITABLE.values()}
        tick = ticks.get(resource, "its place in the tree")
        return Finding(
            "permission-missing",
            f"The token may not do this: it lacks {resource}",
            evidence,
            f"In Magento: System › Extensions › Integrations › Edit › API: tick {tick}, then Save (not Reauthorize).",
            "permission",
        )
    if way == "bearer":
        return Finding(
            "bearer-refused",
            "The store does not accept this token alone (Bearer); since Magento 2.4.4 that is switched off",
            evidence,
            "Sign with the integration's four tokens, or set Stores › Configuration › Services › OAuth › Consumer "
            "Settings › Allow OAuth Access Tokens to be used as standalone Bearer tokens to Yes.",
            "token",
        )
    if way == "oauth1":
        return Finding(
            "integration-inactive",
            "The signature is right, but the integration is inactive or has no resource ticked",
            evidence,
            "In Magento: System › Extensions › Integrations › your row: Activate it, and tick its resources under API.",
            "way",
        )
    if way == "request":
        return Finding(
            "user-without-role",
            "The login worked, but the user's token is not accepted: the user has no role, or the header was lost",
            evidence,
            "Give the user a role (System › Permissions), or have the web server pass on the Authorization header.",
            "username",
        )
    return Finding("not-authenticated", "The store wants to know who asks", evidence, "Add an authentication.", "way")


_OAUTH = (
    ("consumer", "consumer-key", "Magento does not know this consumer key", 'Copy "Consumer Key", the first value.'),
    ("nonce", "", "Magento says this request was sent before, or this computer's clock is wrong",
     "Set the clock: it may be at most ten minutes fast. Then test again."),
    ("timestamp", "", "This computer's clock is wrong", "Set the clock: it may be at most ten minutes fast."),
    ("token", "access-token", "Magento does not know this access token", 'Copy "Access Token", the third value.'),
    ("signature", "consumer-secret", "Magento knows the key and the token, but one of the two secrets is wrong",
     'Copy "Consumer Secret" and "Access Token Secret" again: the second and the fourth value.'),
)  # fmt: skip


def _oauth(answer: Answer, evidence: tuple[str, ...]) -> Finding:
    message = error_message(answer.body)
    for word, field, summary, remedy in _OAUTH:
        if word in message.lower():
            return Finding(f"oauth-{field or word}", summary, evidence, remedy, field)
    return Finding(
        "oauth-refused",
        f"Magento refuses the signed request: {message}",
        evidence,
        "Compare the four values with those under Integrations › Edit › Integration Details.",
        "consumer-key",
    )


def _is_json(answer: Answer) -> bool:
    try:
        json.loads(answer.body)
    except (ValueError, RecursionError):
        return False
    return True


def _parameters(answer: Answer) -> object:
    data = json.loads(answer.body)
    return data.get("parameters") if isinstance(data, dict) else None


def _resource(answer: Answer) -> str:
    parameters = _parameters(answer)
    return str(parameters.get("resources", "")) if isinstance(parameters, dict) else ""
