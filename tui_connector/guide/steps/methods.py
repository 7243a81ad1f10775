"""The steps of the guide, the methods of authentication that it offers, and what to click in Magento for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from ...magento.diagnosis.menus import permissions_menu
from ...text import PublicText
from ..part_families import Family


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

STEP_OF: Mapping[Family, GuideStep] = {
    "clients": GuideStep.BASICS,
    "authentications": GuideStep.AUTHENTICATION,
    "incoming": GuideStep.INCOMING,
    "outgoing": GuideStep.OUTGOING,
}
"""The step that sets up the parts of a family."""

INTEGRATION, BEARER, ADMIN, OAUTH2 = "oauth1", "bearer", "request", "oauth2"
"""Kinds of authentication."""


@dataclass(frozen=True, slots=True)
class GuideField:
    """A field that step 2 asks for. Its title and description are those of the model."""

    path: tuple[str, ...]
    """Where it is in the authentication."""
    secret: bool = True

    @property
    def name(self) -> str:
        return self.path[-1]


@dataclass(frozen=True, slots=True)
class GuideMethod:
    """A method of authentication that the guide offers."""

    name: str
    """Name of a new authentication of this kind."""
    fields: tuple[GuideField, ...]
    in_magento: tuple[str, ...]
    """What to click to get the values, one step a line."""
    afterwards: str
    """What can be done there once it is saved."""


METHODS: Mapping[str, GuideMethod] = {
    INTEGRATION: GuideMethod(
        "integration",
        (
            GuideField(("consumer-key",)),
            GuideField(("consumer-secret",)),
            GuideField(("access-token",)),
            GuideField(("access-token-secret",)),
        ),
        (
            "System › Extensions › Integrations › Add New Integration: give it a name.",
            "API tab: tick what it may access (or All), then Save.",
            "In its row: Activate › Allow. A window shows the four values: paste each of them here, or all at once.",
            "You can see them again later: Edit › Integration Details.",
        ),
        "You can see the four values again under Edit › Integration Details.",
    ),
    BEARER: GuideMethod(
        "integration",
        (GuideField(("token",)),),
        (
            "Stores › Configuration › Services › OAuth › Consumer Settings: "
            "Allow OAuth Access Tokens to be used as standalone Bearer tokens = Yes (No by default since 2.4.4).",
            "System › Extensions › Integrations › your row › Edit › Integration Details: Access Token, the third.",
        ),
        "You can see the token again under Edit › Integration Details: Access Token.",
    ),
    ADMIN: GuideMethod(
        "admin",
        (GuideField(("parameters", "username"), secret=False), GuideField(("parameters", "password"))),
        (
            "System › Permissions › All Users: add a dedicated user, with a role that grants only what it needs.",
            "Log in with it in a browser once. Six wrong passwords lock it for 30 minutes.",
            "If admin users need a one-time code (2FA), use an integration instead.",
            "For a customer: More fields › Request URI = /rest/V1/integration/customer/token.",
        ),
        "You can change the user's permissions later, in its role.",
    ),
    OAUTH2: GuideMethod(
        "ims",
        (
            GuideField(("token-uri",), secret=False),
            GuideField(("client-id",), secret=False),
            GuideField(("client-secret",)),
        ),
        (
            "Adobe Developer Console (developer.adobe.com/console): create a project with the Adobe Commerce API.",
            "Open its OAuth Server-to-Server credential. Copy Client ID, then Retrieve client secret.",
            "Choose the product profile that has access to this Commerce instance.",
            "If the store responds with 403, add the plugin set-headers with x-gw-ims-org-id, your organization ID.",
        ),
        "You can retrieve the client secret again in the Adobe Developer Console.",
    ),
}
"""The methods by kind of authentication."""

MAGENTO_METHODS = (INTEGRATION, BEARER, ADMIN)
"""In the order in which they are offered."""
CLOUD_METHODS = (OAUTH2, *MAGENTO_METHODS)
"""The same for Adobe Commerce as a Cloud Service, which accepts only tokens of Adobe IMS."""


_ANY_ADDRESS = """\
Nothing to do here. The store's address is enough; the guide finds the REST API. Any of these will do:
  shop.example
  shop.example/admin
  https://shop.example/rest

The test sends a few requests without authentication: it tries several forms of the address, and finds out the \
version of Magento and whether admin users need a one-time code."""


def in_magento(step: GuideStep, kind: str) -> list[PublicText]:
    """What to click in Magento at this step with this kind of authentication, one line each."""
    return [*map(PublicText, _in_magento(step, kind))]


def _in_magento(step: GuideStep, kind: str) -> list[str]:
    admin = kind == ADMIN
    if step is GuideStep.BASICS:
        return [_ANY_ADDRESS]
    if step is GuideStep.AUTHENTICATION:
        return [f"{n}. {line}" for n, line in enumerate(METHODS[kind].in_magento if kind in METHODS else (), 1)]
    if step is GuideStep.INCOMING:
        user = "an admin user" if admin else "an integration"
        return [f"What {user} may read is ticked under {permissions_menu(kind)}."]
    if step is GuideStep.OUTGOING:
        place = "Role Resources" if admin else "API"
        return [f"Writing needs its own ticks under {place}. Store view “all” writes global values."]
    return [f"Nothing more. {METHODS[kind].afterwards}" if kind in METHODS else "Nothing more."]
