"""The guide's words: its steps, the ways to authenticate, their fields, and what to click in Magento for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from ..magento.diagnosis.rules import permissions_menu


class GuideStep(IntEnum):
    """A step of the guide."""

    BASICS = 1
    AUTHENTICATION = 2
    INCOMING = 3
    OUTGOING = 4
    SAVE = 5


TITLES: Mapping[GuideStep, str] = {
    GuideStep.BASICS: "Basics and plugins",
    GuideStep.AUTHENTICATION: "Authentication",
    GuideStep.INCOMING: "Incoming (read from the store)",
    GuideStep.OUTGOING: "Outgoing (send to the store)",
    GuideStep.SAVE: "Save",
}

NOT_RUN_YET = "This version saves outgoing configurations, including chains of steps, but does not run them yet."
"""Said wherever somebody may expect that they are run."""

INTEGRATION, BEARER, ADMIN, OAUTH2 = "oauth1", "bearer", "request", "oauth2"
"""The guide's ways, by the kind of authentication that each of them makes."""


@dataclass(frozen=True, slots=True)
class FieldTexts:
    """A field that a way asks for, and where it is in the authentication."""

    path: tuple[str, ...]
    title: str
    about: str
    secret: bool = True

    @property
    def name(self) -> str:
        return self.path[-1]


@dataclass(frozen=True, slots=True)
class MethodTexts:
    """How a way is called, what it asks for, and what to click in Magento for it."""

    title: str
    name: str
    fields: tuple[FieldTexts, ...]
    in_magento: tuple[str, ...]


WAYS: Mapping[str, MethodTexts] = {
    INTEGRATION: MethodTexts(
        "Integration, 4 tokens (signed, OAuth 1.0a)",
        "integration",
        (
            FieldTexts(("consumer-key",), "Consumer key", "The first of the four values in Magento's window."),
            FieldTexts(("consumer-secret",), "Consumer secret", "The second of the four values."),
            FieldTexts(("access-token",), "Access token", "The third of the four values."),
            FieldTexts(("access-token-secret",), "Access token secret", "The fourth of the four values."),
        ),
        (
            "System › Extensions › Integrations › Add New Integration: give it a name.",
            "API tab: tick what it may access (or All), then Save.",
            "In its row: Activate › Allow. A window shows the four values; copy and paste them here one by one.",
            "You can see them again later: Edit › Integration Details.",
        ),
    ),
    BEARER: MethodTexts(
        "Integration, access token only (Bearer token)",
        "integration",
        (FieldTexts(("token",), "Access token", "The third of the integration's four values."),),
        (
            "Stores › Configuration › Services › OAuth › Consumer Settings: "
            "Allow OAuth Access Tokens to be used as standalone Bearer tokens = Yes (No by default since 2.4.4).",
            "System › Extensions › Integrations › your row › Edit › Integration Details: Access Token, the third.",
        ),
    ),
    ADMIN: MethodTexts(
        "Admin user and password (Request authentication)",
        "admin",
        (
            FieldTexts(("parameters", "username"), "User name", "Use a dedicated admin user.", False),
            FieldTexts(("parameters", "password"), "Password", "Sent only to this store, to get a token."),
        ),
        (
            "System › Permissions › All Users: add a dedicated user, with a role that grants only what it needs.",
            "Log in with it in a browser once. Six wrong passwords lock it for 30 minutes.",
            "If admin users need a one-time code (2FA), use an integration instead.",
        ),
    ),
    OAUTH2: MethodTexts(
        "OAuth 2 client credentials (Adobe IMS)",
        "ims",
        (
            FieldTexts(("token-uri",), "Token URI", "The token endpoint; Adobe IMS for the Cloud Service.", False),
            FieldTexts(("client-id",), "Client ID", "From the OAuth Server-to-Server credential.", False),
            FieldTexts(("client-secret",), "Client secret", "Sent only to the token endpoint."),
        ),
        (
            "Adobe Developer Console (developer.adobe.com/console): create a project with the Adobe Commerce API.",
            "Open its OAuth Server-to-Server credential. Copy Client ID, then Retrieve client secret.",
            "Choose the product profile that has access to this Commerce instance.",
            "If the store responds with 403, add the plugin set-headers with x-gw-ims-org-id, your organization ID.",
        ),
    ),
}
MAGENTO_WAYS = (INTEGRATION, BEARER, ADMIN)
CLOUD_WAYS = (OAUTH2, *MAGENTO_WAYS)
"""What is offered for Adobe Commerce as a Cloud Service, which accepts tokens of Adobe IMS only."""
"""The guide's ways, in the order in which they are offered."""


# What there is to click in Magento at each step, for the way in that was chosen.


def in_magento(step: GuideStep, way: str) -> list[str]:
    """Lines of text. An admin user has a role, and no integration with ticks and values of its own."""
    admin = way == ADMIN
    if step is GuideStep.BASICS:
        return ["Nothing to do yet. The store's address is enough; the guide finds the REST API."]
    if step is GuideStep.AUTHENTICATION:
        return [f"{n}. {line}" for n, line in enumerate(WAYS[way].in_magento if way in WAYS else (), 1)]
    if step is GuideStep.INCOMING:
        return [
            f"What {'an admin user' if admin else 'an integration'} may read is ticked under {permissions_menu(way)}."
        ]
    if step is GuideStep.OUTGOING:
        place = "Role Resources" if admin else "API"
        return [f"Writing needs its own ticks under {place}. Store view “all” writes global values."]
    if admin:
        return ["Nothing more. You can change the user's permissions later, in its role."]
    return ["Nothing more. You can see the four values again under Edit › Integration Details."]
