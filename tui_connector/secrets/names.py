"""The names under which secrets are sent and stored: the one list for masks, profiles and importers.

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
"""One of these, or "key", is in every name that denotes a secret in a text: what is searched for first."""
KEYS = (
    *("api", "access", "private", "consumer", "form", "client", "encryption", "subscription", "functions", "master"),
    *("account", "shared", "signing", "license", "service", "app", "auth", "admin", "security", "webhook", "crypt"),
)
"""What is before "key" in the name of a secret; `url_key` and `public_key` are none."""

_IN_A_TEXT = re.compile(
    r"passw(?:or)?d|passphrase|passcode|passkey|pwd|secret|token|credential|signature|session|sessid|assertion"
    r"|oauth_\w|jwt|bearer|authorization|cookie|[cx]srf|card[-_]?number|cc_(?:number|cid)|cvv|hmac|saml_?response"
    rf"|(?:(?<![a-z])app|{'|'.join(each for each in KEYS if each != 'app')})[-_. ]?key"
    r"|(?<![a-z])(?:sid|otp|totp|tfa|pass|auth|cvc|(?:code|oauth)?_?verifier)(?![a-z])"
    # the same short words within a name like userPass or sendOtp
    r"|(?-i:(?<=[a-z0-9])(?:Otp|Tfa|Pass|Auth|Verifier)(?![a-z]))",
    re.IGNORECASE,
)
_OF_A_PARAMETER = frozenset(
    {
        *("pin", "pat", "sig", "sas", "mfa", "mac", "crumb", "viewstate", "zenid", "oscsid", "xtcsid", "cfid"),
        *("awsaccesskeyid", "relaystate", "samlrequest", "authcode", "onetimecode", "verificationcode", "devicecode"),
        *("usercode", "authorizationcode", "passwd", "secretkey", "hashkey", "sessionkey", "sharedaccesskey"),
    }
)
"""Without separators, in lower case. Outside of addresses, forms and headers these words mean other things."""
_IF_RANDOM = frozenset({"code", "state", "nonce", "ticket", "hash", "key", "frontend", "adminhtml", "sso"})
"""Names of sign-in codes and session ids that are names of ordinary parameters, too: the value decides."""
_PHP_SESSION = frozenset({"SID", "___SID", "PHPSESSID"})
_HARMLESS = frozenset(
    {
        *("oauth_signature_method", "oauth_timestamp", "oauth_version", "oauth_callback_confirmed", "oauth_problem"),
        *("oauth_problem_advice", "access-control-allow-credentials", "x-amz-signedheaders", "session.name"),
    }
)
_ABOUT = re.compile(
    r"(?:[-_. ]|(?<=[a-z])(?=[A-Z]))(?:(?i:counts?|types?|status|expires?(?:[-_ ]?(?:in|at|on))?|expiry|expiration|ttl"
    r"|lifetime|length|method|algorithm|version|enabled|required|policy|format|limit))\Z"
)
"""How names end that say something about a secret: token_type, passwordLength, customer_token_count."""
_ESCAPE = re.compile("%[0-9A-Fa-f]{2}")
_WORD = re.compile(r"[-_. ]|(?<=[a-z])(?=[A-Z])")
_SHORT = 5
_SEPARATORS = re.compile(r"[-_. ]")
_WORD_VALUE = re.compile(r"[A-Z]?[a-z]+(?:[-_ .][a-z]+)*|[A-Z][A-Z_-]*|\d{1,5}|.{0,5}", re.DOTALL)
_LAST_KEY = re.compile(r"\[([^\[\]]*)\]\Z")
_PARAMETER = re.compile(r"[?&;#]([^\s?&;#=\"'<>/\\]{1,60})=([^\s&;#\"'<>\\]+)")
_MATRIX = re.compile(r";(\w*sess\w*|sid)=([^;/?#\s\"'<>]+)", re.IGNORECASE)
_USER = re.compile(r"//([^/?#@\s\"'<>\\]+)@")
_PATH_KEY = re.compile(r"/(?:key|form_key|token|rp_token|resetLinkToken)/([0-9A-Za-z_-]{16,})(?=[/?#\s\"'<>\\]|\Z)")
"""Magento puts the key of an admin session into its paths: /admin/dashboard/index/key/<64 digits>/."""


@lru_cache(maxsize=1_000)
def is_secret_name(name: str) -> bool:
    """Whether a value under this name is a secret, wherever in a text or a body it is."""
    return (
        name.lower() not in _HARMLESS
        and _IN_A_TEXT.search(_ESCAPE.sub(".", name)) is not None
        and _ABOUT.search(name) is None
    )


def is_secret_parameter(name: str, value: str | None = None) -> bool:
    """Whether a header, or a parameter of an address, a form or a login, is a secret.

    With its value, so are names such as `code` and `key`, where the value looks as if it was made at random.
    """
    if _is_secret_parameter(name):
        return True
    return value is not None and _bare(name) in _IF_RANDOM and not _WORD_VALUE.fullmatch(unquote_plus(value))


@lru_cache(maxsize=1_000)
def _is_secret_parameter(name: str) -> bool:
    plain = unquote_plus(name)
    last_word = _WORD.split(plain)[-1].lower()
    return is_secret_name(plain) or _bare(plain) in _OF_A_PARAMETER or last_word in _OF_A_PARAMETER


def _bare(name: str) -> str:
    """`login[userCode]` and `user-code` are one name."""
    last = _LAST_KEY.search(name)
    return _SEPARATORS.sub("", last[1] if last and not name.startswith(("search", "filter")) else name).lower()


def place_of(uri: str) -> str:
    """An address without its query and without session ids and keys in its path: what may be kept of a redirect."""
    return re.split(r"[?#;]|/(?:key|form_key|SID)/", uri, maxsplit=1)[0]


def without_session(uri: str) -> str:
    """An address without the id of a PHP session: cookies are not kept either, and neither is needed to continue."""
    path, mark, query = uri.partition("?")
    kept = [pair for pair in query.split("&") if pair.partition("=")[0] not in _PHP_SESSION]
    return path + (mark if kept else "") + "&".join(kept)


def secrets_of_address(text: str) -> Iterator[tuple[int, int, str]]:
    """Where secrets are in an address, or in a text with addresses in it: start, end, and the name each has.

    They come in no order and may overlap.
    """
    pairs = list(_PARAMETER.finditer(text)) if "=" in text else []
    names = {match[1].lower() for match in pairs}
    for match in pairs:
        name = match[1]
        # the two that come back from a sign-in page (RFC 6749 §4.1.2) are no words that mean something
        signs_in = name.lower() in ("code", "state") and {"code", "state"} <= names and len(match[2]) > _SHORT
        if signs_in or is_secret_parameter(name, match[2]):
            yield (*match.span(2), name)
    for pattern, name in ((_USER, "user and password"), (_PATH_KEY, "key")):
        for match in pattern.finditer(text) if "/" in text else ():
            yield (*match.span(1), name)
    for match in _MATRIX.finditer(text) if ";" in text else ():
        yield (*match.span(2), match[1])
