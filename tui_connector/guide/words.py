"""The guide's words: its steps, the ways to authenticate, their fields, and what to click in Magento for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum


class Step(IntEnum):
    """A step of the guide."""

    BASICS = 1
    AUTHENTICATION = 2
    INCOMING = 3
    OUTGOING = 4
    SAVE = 5


TITLES: Mapping[Step, str] = {
    Step.BASICS: "Basics and plugins",
    Step.AUTHENTICATION: "Authentication",
    Step.INCOMING: "Incoming (read from the store)",
    Step.OUTGOING: "Outgoing (send to the store)",
    Step.SAVE: "Save",
}

NOT_RUN_YET = "This version keeps outgoing configurations, and their chains of steps too, but does not run them yet."
"""Said wherever somebody may expect that they are run."""

INTEGRATION, BEARER, ADMIN = "oauth1", "bearer", "request"
"""The guide's three ways, by the kind of authentication that each of them makes."""


@dataclass(frozen=True, slots=True)
class FieldWords:
    """A field that a way asks for, and where it stands in the authentication."""

    path: tuple[str, ...]
    title: str
    about: str
    secret: bool = True

    @property
    def name(self) -> str:
        return self.path[-1]


@dataclass(frozen=True, slots=True)
class WayWords:
    """How a way is called, what it asks for, and what to click in Magento for it."""

    title: str
    name: str
    fields: tuple[FieldWords, ...]
    in_magento: tuple[str, ...]


WAYS: Mapping[str, WayWords] = {
    INTEGRATION: WayWords(
        "Integration, 4 tokens (signed, OAuth 1.0a)",
        "integration",
        (
            FieldWords(("consumer-key",), "Consumer key", "The first of the four values in Magento's window."),
            FieldWords(("consumer-secret",), "Consumer secret", "The second of the four values."),
            FieldWords(("access-token",), "Access token", "The third of the four values."),
            FieldWords(("access-token-secret",), "Access token secret", "The fourth of the four values."),
        ),
        (
            "System › Extensions › Integrations › Add New Integration: give it a name.",
            "Tab API: tick what it may do (or All), then Save.",
            "In its row: Activate › Allow. A window shows the four values; copy one, paste it here, and so on.",
            "They can be read again later: Edit › Integration Details.",
        ),
    ),
    BEARER: WayWords(
        "Integration, access token alone (Bearer token)",
        "integration",
        (FieldWords(("token",), "Access token", "Of the integration: the third of its four values."),),
        (
            "Stores › Configuration › Services › OAuth › Consumer Settings: "
            "Allow OAuth Access Tokens to be used as standalone Bearer tokens = Yes (it is No since 2.4.4).",
            "System › Extensions › Integrations › your row › Edit › Integration Details: Access Token, the third.",
        ),
    ),
    ADMIN: WayWords(
        "Admin user and password (Request authentication)",
        "admin",
        (
            FieldWords(("parameters", "username"), "User name", "Of an admin user made for this connection.", False),
            FieldWords(("parameters", "password"), "Password", "It is sent only to this store, to get a token."),
        ),
        (
            "System › Permissions › All Users: a user of its own, with a role that holds what it may do.",
            "Log in once in the browser with it. Six wrong passwords lock it for 30 minutes.",
            "Where admin users need a one-time code (2FA), use an integration.",
        ),
    ),
}
"""The guide's ways, in the order in which they are offered."""
