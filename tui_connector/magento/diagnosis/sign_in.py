"""What the token endpoints say of a login: Magento_Integration, Magento_TwoFactorAuth, Magento_AdminAdobeIms."""

from __future__ import annotations

import re

from ...client.authentication.login_lockouts import MAGENTO_LOGIN
from .finding import Finding, Fix
from .store_message import StoreMessage

_INTEGRATION_IS_FREE = "One-time codes do not apply to integrations: the other way is to use one."
_SET_UP = "Log in to the admin with this user in a browser once, and set up the authenticator app there."


def sign_in(path: str, status: int, said: StoreMessage, evidence: tuple[str, ...]) -> Finding | None:
    """The finding for a login that was answered with 400, 401 or 404."""
    endpoint = MAGENTO_LOGIN.search("/" + path.lstrip("/"))
    if endpoint is None or status not in (400, 401, 404):
        return None
    if status == 404:
        return _no_second_factor(path, evidence) if endpoint[3] and said.by_magento else None
    if status == 401:
        return _refused(endpoint, said, evidence)
    return _second_factor(said, evidence) or _incomplete(said, evidence)


def wrong_totp_secret(finding: Finding) -> Finding:
    """What is said in place of `one-time-code-wrong` where nobody typed the code."""
    return Finding(
        "totp-secret-wrong",
        "The store refuses the one-time code that was made from the TOTP secret",
        finding.evidence,
        "Compare the secret with the one that this user's authenticator app was set up with (the letters under the QR "
        "code). If it is right, compare this computer's clock: 29 seconds off are too much.",
        "totp",
    )


def _no_second_factor(path: str, evidence: tuple[str, ...]) -> Finding:
    """The endpoints for codes exist only where their module is enabled."""
    usual = f"{path.partition('/tfa/')[0]}/integration/admin/token"
    return Finding(
        "two-factor-off",
        "This store asks for no one-time codes: its module Magento_TwoFactorAuth is disabled or removed",
        evidence,
        f'Log in at {usual} (the authentication\'s uri) and remove the code ("otp") from its parameters.',
        "uri",
        Fix("one-time-code", "", "Log in without a code"),
    )


def _refused(endpoint: re.Match[str], said: StoreMessage, evidence: tuple[str, ...]) -> Finding:
    if endpoint[3] and said.has("code"):
        remedy = (
            "Type the code that the app shows now; a code is good for about a minute. Is this computer's clock right?"
        )
        return Finding("one-time-code-wrong", "The one-time code is wrong or too old", evidence, remedy, "otp")
    if said.has("ims"):
        remedy = "Use an integration: it does not need a login."
        fix = Fix("way", "oauth1", "Use an integration")
        return Finding("ims", "Admin users of this store log in with Adobe's IMS only", evidence, remedy, "way", fix)
    if said.has("permissions are needed"):
        remedy = "In Magento: System › Permissions › All Users › the user › User Role: give it a role."
        return Finding("user-without-role", "The user has no role", evidence, remedy, "username")
    if endpoint[2] == "customer":
        return Finding(
            "customer-login-refused",
            "The store did not accept the customer's e-mail address or the password, or locks the customer for now",
            evidence,
            "Correct them. The address must be that of a store view of the customer's website.",
            "password",
        )
    return Finding(
        "login-refused",
        "The store did not accept the user name or the password, or the account is locked or inactive",
        evidence,
        "Correct them; no further login is sent by itself. After six failures Magento locks the user for 30 minutes: "
        "then wait, or have the row in the table oauth_token_request_log removed. Does the user get into the admin?",
        "password",
    )


def _second_factor(said: StoreMessage, evidence: tuple[str, ...]) -> Finding | None:
    provider = said.parameter("active_providers").partition(",")[0]
    named = said.named or {}
    if "providers" in named or said.has("configure personal", "provider is not configured"):
        return Finding(
            "two-factor-user",
            "This store asks for a one-time code, and the user has not set that up yet",
            evidence,
            f"{_SET_UP} {_INTEGRATION_IS_FREE}",
            "username",
        )
    if provider:
        return Finding(
            "two-factor",
            f"This store asks admin users for a one-time code ({said.parameter('active_providers')})",
            evidence,
            f"Give the code's secret, or type the code when it is asked for. {_INTEGRATION_IS_FREE}",
            "way",
            Fix("one-time-code", provider, "Log in with a one-time code"),
        )
    if said.has("provider is not allowed"):
        remedy = "Ask which provider the store uses (Stores › Configuration › Security › 2FA). " + _INTEGRATION_IS_FREE
        return Finding("two-factor-provider", "The store does not use this provider of codes", evidence, remedy, "uri")
    if said.has("2fa", "two-factor"):
        return Finding(
            "two-factor-store",
            "This store asks for a one-time code, and no provider of codes has been chosen yet",
            evidence,
            "In Magento: Stores › Configuration › Security › 2FA: choose the providers (bin/magento config:set "
            f"twofactorauth/general/force_providers google). {_INTEGRATION_IS_FREE}",
            "way",
        )
    if said.has("failed to send"):
        return Finding(
            "two-factor-mail",
            "The user has not set up one-time codes yet, and the store cannot send the e-mail with which that begins",
            evidence,
            f"{_SET_UP} (bin/magento security:tfa:google:set-secret USER SECRET does it without e-mail.) "
            f"{_INTEGRATION_IS_FREE}",
            "username",
        )
    return None


def _incomplete(said: StoreMessage, evidence: tuple[str, ...]) -> Finding | None:
    name = said.parameter("fieldName")
    if not name:
        return None
    if name == "otp":
        remedy = "Give the secret of the authenticator app, or have the code asked for."
        return Finding("one-time-code-missing", "The login lacks the one-time code", evidence, remedy, "otp")
    remedy = f"Give {name} among the parameters of the login, which goes as JSON (Content-Type: application/json)."
    return Finding("login-fields", f"The login lacks {name}", evidence, remedy, name)
