"""Profiles for tests, as plain data."""

from __future__ import annotations

from typing import Any

from tui_connector.profile.model import Profile
from tui_connector.profile.problems import check_data
from tui_connector.sandbox.server import Sandbox

PASSWORD = "shop/admin/password"
TOKEN = "shop/integration/access-token"
FOUR = {
    name: f"shop/integration/{name}"
    for name in ("consumer-key", "consumer-secret", "access-token", "access-token-secret")
}


def profile(
    base_uri: str, authentication: dict[str, Any] | None, *plugins: dict[str, Any], **client: object
) -> Profile:
    """A profile with one client; `client` are more of its fields, with _ for -."""
    data: dict[str, Any] = {
        "format": 1,
        "name": "Shop",
        "authentications": {"a": authentication} if authentication else {},
        "clients": {
            "shop": {
                "authentications": ["a"] if authentication else [],
                **{name.replace("_", "-"): value for name, value in client.items()},
                "plugins": [{"kind": "base-uri", "uri": base_uri}, {"kind": "content-type"}, *plugins],
            }
        },
    }
    found, problems = check_data(data)
    assert found is not None, problems
    return found


def signed() -> dict[str, Any]:
    return {"kind": "oauth1", **{name: {"keyring": entry} for name, entry in FOUR.items()}}


def bearer() -> dict[str, Any]:
    return {"kind": "bearer", "token": {"keyring": TOKEN}}


def login(username: str = "admin") -> dict[str, Any]:
    return {"kind": "request", "parameters": {"username": username, "password": {"keyring": PASSWORD}}}


def full(sandbox: Sandbox, integration: str = "full") -> dict[str, str]:
    """The four values of the sandbox's full integration, or of another one, by field."""
    integrations = sandbox.description()["integrations"]
    assert isinstance(integrations, dict)
    return {name.replace("_", "-"): value for name, value in integrations[integration].items()}


def admin(sandbox: Sandbox) -> dict[str, str]:
    found = sandbox.description()["admin"]
    assert isinstance(found, dict)
    return found


def logins(sandbox: Sandbox) -> int:
    return sum(str(each["path"]).endswith("/integration/admin/token") for each in sandbox.journal())
