"""The names of headers, parameters and fields that contain secrets: the one list for masks, profiles and importers.

It covers Magento's own names (SID, form_key, frontend, adminhtml, rp_token, oauth_verifier), the default session
parameters of PHP, Java, ASP and ColdFusion, OAuth 1 and 2, OpenID Connect and SAML, signed links of Amazon, Google and
Azure, and the usual names of passwords, keys and one-time codes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import unquote_plus

WORDS = (
    *("pass", "pwd", "secret", "token", "credential", "signature", "sess", "assertion", "oauth", "jwt", "bearer"),
    *("auth", "cookie", "srf", "card", "cc_", "cvv", "cvc", "otp", "tfa", "sid=", 'sid"', "hmac", "verifier", "saml"),
)
"""Every name of a secret in a text contains one of these, or "key"; they are searched for first."""
KEYS = (
    *("api", "access", "private", "consumer", "form", "client", "encryption", "subscription", "functions", "master"),
    *("account", "shared", "signing", "license", "service", "app", "auth", "admin", "security", "webhook", "crypt"),
)
"""Words before "key" in the names of secrets; `url_key` and `public_key` are not secret."""

_SECRET_NAME = re.compile(
    r"passw(?:or)?d|passphrase|passcode|passkey|pwd|secret|token|credential|signature|session|sessid|assertion"
    r"|oauth_\w|jwt|bearer|authorization|cookie|[cx]srf|card[-_]?number|cc_(?:number|cid)|cvv|hmac|saml_?response"
    rf"|(?:(?<![a-z])app|{'|'.join(each for each in KEYS if each != 'app')})[-_. ]?key"
    r"|(?<![a-z])(?:sid|otp|totp|tfa|pass|auth|cvc|(?:code|oauth)?_?verifier)(?![a-z])"
    # the same short words within a name like userPass or sendOtp
    r"|(?-i:(?<=[a-z0-9])(?:Otp|Tfa|Pass|Auth|Verifier)(?![a-z]))",
    re.IGNORECASE,
)
_SECRET_PARAMETERS = frozenset(
    {
        *("pin", "pat", "sig", "sas", "mfa", "mac", "crumb", "viewstate", "zenid", "oscsid", "xtcsid", "cfid"),
        *("awsaccesskeyid", "relaystate", "samlrequest", "authcode", "onetimecode", "verificationcode", "devicecode"),
        *("usercode", "authorizationcode", "passwd", "secretkey", "hashkey", "sessionkey", "sharedaccesskey"),
    }
)
"""Without separators, in lower case. Outside of URIs, forms and headers these words mean other things."""
_IF_RANDOM = frozenset({"code", "state", "nonce", "ticket", "hash", "key", "frontend", "adminhtml", "sso"})
"""Names of sign-in codes and session ids that are also names of ordinary parameters: the value decides."""
_PHP_SESSION = frozenset({"SID", "___SID", "PHPSESSID"})
_NOT_SECRET = frozenset(
    {
        *("oauth_signature_method", "oauth_timestamp", "oauth_version", "oauth_callback_confirmed", "oauth_problem"),
        *("oauth_problem_advice", "access-control-allow-credentials", "x-amz-signedheaders", "session.name"),
    }
)
_METADATA_SUFFIX = re.compile(
    r"(?:[-_. ]|(?<=[a-z])(?=[A-Z]))(?:(?i:counts?|types?|status|expires?(?:[-_ ]?(?:in|at|on))?|expiry|expiration|ttl"
    r"|lifetime|length|method|algorithm|version|enabled|required|policy|format|limit))\Z"
)
"""The endings of names that describe a secret: token_type, passwordLength, customer_token_count."""
_ESCAPE = re.compile("%[0-9A-Fa-f]{2}")
_WORD = re.compile(r"[-_. ]|(?<=[a-z])(?=[A-Z])")
_MAX_WORD_CODE = 5
_SEPARATORS = re.compile(r"[-_. ]")
_ORDINARY_VALUE = re.compile(r"[A-Z]?[a-z]+(?:[-_ .][a-z]+)*|[A-Z][A-Z_-]*|\d{1,5}|.{0,5}", re.DOTALL)
_LAST_KEY = re.compile(r"\[([^\[\]]*)\]\Z")
_PARAMETER = re.compile(r"[?&;#]([^\s?&;#=\"'<>/\\]{1,60})=([^\s&;#\"'<>\\]+)")
_MATRIX = re.compile(r";(\w*sess\w*|sid)=([^;/?#\s\"'<>]+)", re.IGNORECASE)
_USER = re.compile(r"//([^/?#@\s\"'<>\\]+)@")
_PATH_KEY = re.compile(r"/(?:key|form_key|token|rp_token|resetLinkToken)/([0-9A-Za-z_-]{16,})(?=[/?#\s\"'<>\\]|\Z)")
"""Magento puts the key of an admin session into its paths: /admin/dashboard/index/key/<64 digits>/."""


@lru_cache(maxsize=1_000)
def is_secret_name(name: str) -> bool:
    """Whether a value under this name, anywhere in a text or a body, is a secret."""
    return (
        name.lower() not in _NOT_SECRET
        and _SECRET_NAME.search(_ESCAPE.sub(".", name)) is not None
        and _METADATA_SUFFIX.search(name) is None
    )


def is_secret_parameter(name: str, value: str | None = None) -> bool:
    """Whether a header, or a parameter of a URI, a form or a login, is a secret.

    Names such as `code` and `key` are secret if their value is passed and looks random.
    """
    if _is_secret_parameter(name):
        return True
    return value is not None and _normalized(name) in _IF_RANDOM and not _ORDINARY_VALUE.fullmatch(unquote_plus(value))


@lru_cache(maxsize=1_000)
def _is_secret_parameter(name: str) -> bool:
    plain = unquote_plus(name)
    last_word = _WORD.split(plain)[-1].lower()
    return is_secret_name(plain) or not _SECRET_PARAMETERS.isdisjoint((_normalized(plain), last_word))


def _normalized(name: str) -> str:
    """`login[userCode]` and `user-code` both become `usercode`."""
    last = _LAST_KEY.search(name)
    return _SEPARATORS.sub("", last[1] if last and not name.startswith(("search", "filter")) else name).lower()


def strip_query_and_keys(uri: str) -> str:
    """The part of a redirect that is shown: without user, password and query, and session ids and keys in its path."""
    return _USER.sub("//", re.split(r"[?#;]|/(?:key|form_key|SID)/", uri, maxsplit=1)[0])


def strip_session_id(uri: str) -> str:
    """A URI without the id of a PHP session: like cookies, it is not stored, and is not needed to resume."""
    path, mark, query = uri.partition("?")
    kept = [pair for pair in query.split("&") if pair.partition("=")[0] not in _PHP_SESSION]
    return path + (mark if kept else "") + "&".join(kept)


def secrets_in_address(text: str) -> Iterator[tuple[int, int, str]]:
    """The start, end and name of each secret in a URI, or in a text that contains URIs; unordered, may overlap."""
    pairs = list(_PARAMETER.finditer(text)) if "=" in text else []
    names = {match[1].lower() for match in pairs}
    for match in pairs:
        name = match[1]
        # a sign-in page returns both (RFC 6749 §4.1.2)
        signs_in = name.lower() in ("code", "state") and {"code", "state"} <= names and len(match[2]) > _MAX_WORD_CODE
        if signs_in or is_secret_parameter(name, match[2]):
            yield (*match.span(2), name)
    for pattern, name in ((_USER, "user and password"), (_PATH_KEY, "key")):
        for match in pattern.finditer(text) if "/" in text else ():
            yield (*match.span(1), name)
    for match in _MATRIX.finditer(text) if ";" in text else ():
        yield (*match.span(2), match[1])
