"""Where in Magento's admin something is set."""

from __future__ import annotations

ROLE_MENU = "System › Permissions › User Roles › the user's role › Role Resources"
"""Where the permissions of an admin user are ticked."""
INTEGRATION_MENU = "System › Extensions › Integrations › Edit › API"
"""Where the permissions of an integration are ticked."""
INTEGRATION_ROW = "System › Extensions › Integrations › your row"
"""Where an integration is activated and changed."""
INTEGRATION_DETAILS = "Integrations › Edit › Integration Details"
"""Where the four values of an integration are shown."""


def permissions_menu(auth: str) -> str:
    """Where in Magento the permissions of a caller that authenticates this way are ticked."""
    return ROLE_MENU if auth == "request" else INTEGRATION_MENU
