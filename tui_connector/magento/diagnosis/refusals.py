"""A 401 that names a resource: one body for whoever Magento does not know, and for whoever may not do this.

A bearer token that is no good is never reported as such: the request goes on as a guest's, and is refused as one
(Magento_Webapi, TokenUserContext). So this alone says little; a second request, `modules`, tells the two apart.
"""

from __future__ import annotations

from ..entities import tick
from ..token_shape import TokenShape
from .finding import Finding, Fix, Way

ANY_RESOURCE = "Magento_Backend::admin"
"""What `modules` needs, and what whoever has any resource at all has too (Magento_Authorization, Rules)."""

SIGN_INSTEAD = Fix("way", "oauth1", "Sign with the four tokens instead")
ROLE = "System › Permissions › User Roles › the user's role › Role Resources"
"""Where the boxes of an admin user are."""

_INTEGRATION = "System › Extensions › Integrations › your row"
_BEARER_SETTING = (
    "Stores › Configuration › Services › OAuth › Consumer Settings › Allow OAuth Access Tokens to be used as "
    "standalone "
    "Bearer tokens = Yes (bin/magento config:set oauth/consumer/enable_integration_as_bearer 1, then cache:clean "
    "config)"
)


def refused(
    resource: str, way: Way, evidence: tuple[str, ...], accepted: bool | None = None, shape: TokenShape | None = None
) -> Finding:
    """`accepted`: whether another request has shown that the store knows who asks; None where none was sent."""
    if accepted or (accepted is None and resource == "self"):
        return permission_missing(resource, way, evidence)
    if shape is not None and (found := _by_shape(shape, evidence)) is not None:
        return found
    if not way:
        remedy = "Give the client an HTTP authentication."
        return Finding("not-authenticated", "The store wants to know who asks", evidence, remedy, "way")
    if accepted is False or resource == ANY_RESOURCE:
        return not_known(way, evidence)
    unknown = "the integration is inactive" if way == "oauth1" else "the store does not know this token"
    return Finding(
        "unauthorized",
        f"Either {unknown}, or it may not do this (it needs {resource})",
        evidence,
        f"Test the authentication: that tells which. The box to tick is {tick(resource)}.",
        "permission",
    )


def permission_missing(resource: str, way: Way, evidence: tuple[str, ...]) -> Finding:
    """The token is known; it lacks this resource."""
    if resource == "self":
        remedy = "Use a customer's token for it, or the same route with an id in place of `me` or `mine`."
        return Finding("customers-only", "Only a customer's own token may do this", evidence, remedy, "uri")
    kept = "." if way == "request" else " (not Reauthorize: that makes new tokens)."
    return Finding(
        "permission-missing",
        f"The token may not do this: it lacks {resource}",
        evidence,
        f"In Magento: {ticked_at(way)}: tick {tick(resource)}, then Save{kept}",
        "permission",
    )


def ticked_at(way: str) -> str:
    """Where in Magento the boxes of whoever comes this way are."""
    return ROLE if way == "request" else "System › Extensions › Integrations › Edit › API"


def not_known(way: Way, evidence: tuple[str, ...]) -> Finding:
    """The store does not know who asks; the way it was said decides what the likeliest reason is."""
    if way == "bearer":
        return Finding(
            "bearer-refused",
            "The store does not accept this token alone (Bearer); since Magento 2.4.4 that is switched off",
            evidence,
            f"Sign with the integration's four tokens, or set {_BEARER_SETTING}. Was it copied from this store?",
            "token",
            SIGN_INSTEAD,
        )
    if way == "oauth1":
        return Finding(
            "integration-inactive",
            "The signature is right, but the integration is inactive or has no resource ticked",
            evidence,
            f"In Magento: {_INTEGRATION}: Activate it; Edit › API: tick what it may do, then Save.",
            "way",
        )
    return Finding(
        "login-token-refused",
        "The login worked, but the store does not accept the token it gave: the user's role has no resource ticked",
        evidence,
        f"In Magento: {ROLE}: tick what it may do. A user made a moment ago: bin/magento cache:clean config.",
        "username",
    )


def bearer_unknown(evidence: tuple[str, ...]) -> Finding:
    """A bearer token refused by a store so old that it takes every integration's token alone."""
    return Finding(
        "token-unknown",
        "The store does not know this token: it is no longer valid, or of another store",
        evidence,
        f'In Magento: {_INTEGRATION}: Edit › Integration Details: copy "Access Token", the third value.',
        "token",
    )


def header_lost(evidence: tuple[str, ...]) -> Finding:
    """The web server does not pass on the header Authorization."""
    return Finding(
        "header-lost",
        "The header Authorization does not reach Magento: the web server keeps it",
        evidence,
        'Have it passed on. Apache: SetEnvIf Authorization "(.*)" HTTP_AUTHORIZATION=$1 in the virtual host (or '
        "CGIPassAuth On); nginx: fastcgi_param HTTP_AUTHORIZATION $http_authorization.",
        "way",
    )


def _by_shape(shape: TokenShape, evidence: tuple[str, ...]) -> Finding | None:
    if shape.kind == "odd":
        remedy = 'Copy "Access Token", the third value, again: 32 letters and digits, nothing before or after it.'
        return Finding("token-malformed", "This is no token that Magento gives", evidence, remedy, "token")
    if shape.expired:
        return Finding(
            "token-expired",
            "This token has expired: those of a login live 60 minutes",
            evidence,
            "Log in with user and password (Request authentication), which renews it by itself, or use an integration: "
            "its tokens do not expire. How long: Stores › Configuration › Services › Magento Web API › JWT "
            "Authentication › Admin User JWT Expires In.",
            "token",
            Fix("way", "request", "Log in with user and password instead"),
        )
    if shape.kind == "customer":
        remedy = "Use an integration's tokens, or an admin user's."
        return Finding(
            "customer-token", "This is a customer's token: it may do what that customer may", evidence, remedy
        )
    return None
