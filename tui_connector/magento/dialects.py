"""OAuth 1.0a base strings and signatures, as three generations of Magento build them.

RFC 5849 §3.4.1 with the deviations of each generation (lib/internal/Magento/Framework/Oauth/Helper/Request.php):

- `rfc5849`, up to 2.4.5 (Zend_Oauth): names are sorted in PHP's natural order, `[2]` before `[10]`; a parameter
  without exactly one `=` is left out; of parameters with the same name the last one counts.
- `laminas`, 2.4.6 and 2.4.7 (laminas-oauth): the same, and the path is decoded first (magento/magento2#37278).
- `m248`, 2.4.8 (its own code, measured on a 2.4.8-p1): names are sorted decoded, byte by byte, `[10]` before `[2]`.
  Single values as parsed by PHP's parse_str replace those found as before: there `+` is a space, `.` and space in a
  name become `_`, and a value may be missing or contain `=`.
"""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Final, Literal, get_args
from urllib.parse import quote, unquote_to_bytes, urlsplit

from ..client.uri import DEFAULT_PORTS
from ..errors import InvalidValue

Dialect = Literal["rfc5849", "laminas", "m248"]
DIALECTS: Final[tuple[Dialect, ...]] = get_args(Dialect)


_PROTOCOL = re.compile(r"oauth_[a-z_-]+")
_IN_PHP_NAMES = bytes.maketrans(b" .[", b"___")
_INTEGER = re.compile(rb"0|-?[1-9][0-9]{0,18}")
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_DECODED_IN_PATHS = re.compile(rb"[A-Za-z0-9_\-.~:@&=+$,/;%]")
_KEPT_IN_PATHS = r"A-Za-z0-9_\-.~)(:@&=+$,/;"
_NOT_KEPT_IN_PATHS = re.compile(rf"[^{_KEPT_IN_PATHS}%]|%(?![A-Fa-f0-9]{{2}})")


def signature(
    method: str, uri: str, parameters: Mapping[str, str], consumer_secret: str, token_secret: str, dialect: Dialect
) -> str:
    """The HMAC-SHA256 signature of a request, in base64; Magento refuses SHA-1 since 2.4.4."""
    key = f"{encoded(consumer_secret)}&{encoded(token_secret)}".encode()
    text = base_string(method, uri, parameters, dialect).encode()
    return b64encode(hmac.digest(key, text, sha256)).decode()


def base_string(method: str, uri: str, parameters: Mapping[str, str], dialect: Dialect) -> str:
    """The text that is signed (RFC 5849 §3.4.1). `parameters` are those of the header; `uri` is absolute, as sent.

    The body is not signed: Magento signs form bodies only, and this program sends none. Raises ValueError if `uri`
    has no scheme, no host or an invalid port, and `InvalidValue` if stores of this dialect refuse every signature.
    """
    address = urlsplit(uri)
    if not address.scheme or not address.hostname:
        raise ValueError("only an absolute URI can be signed")
    host = address.netloc.rpartition("@")[2].lower()
    if address.port is None or address.port == DEFAULT_PORTS.get(address.scheme):
        host = host.removesuffix(f":{address.port or ''}")
    path = _laminas_path(address.path) if dialect == "laminas" else address.path
    found = {name.encode(): value.encode() for name, value in parameters.items()}
    found |= _query_parameters(address.query, dialect)
    listed = "&".join(f"{name}={value}" for name, value in _sorted(found, dialect))
    return "&".join((method.upper(), encoded(f"{address.scheme}://{host}{path or '/'}"), encoded(listed)))


def encoded(text: str | bytes) -> str:
    """Percent-encoded as RFC 5849 §3.6 says: everything but letters, digits, `-`, `.`, `_` and `~`."""
    return quote(text, safe="")


def _query_parameters(query: str, dialect: Dialect) -> dict[bytes, bytes]:
    found = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if part.count("=") == 1 and not _PROTOCOL.search(name):
            found[unquote_to_bytes(name)] = unquote_to_bytes(value)
    return _as_php_reads(query, found) if dialect == "m248" else found


def _as_php_reads(query: str, found: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """`found`, updated with the single values that PHP's parse_str reads from `query` (main/php_variables.c)."""
    read: dict[bytes, bytes | None] = {}
    for part in query.replace("+", " ").split("&"):
        sent_name, _, value = part.partition("=")
        name, bracket, rest = unquote_to_bytes(sent_name).lstrip(b" ").partition(b"\0")[0].partition(b"[")
        if not name:
            continue
        is_list = b"]" in rest
        whole = (name if is_list else name + bracket + rest).translate(_IN_PHP_NAMES)
        if not _PROTOCOL.search(whole.decode("latin-1")):
            read[whole] = None if is_list else unquote_to_bytes(value)
    if twice := next((name for name, value in read.items() if value is None and name in found), None):
        shown = twice.decode(errors="replace")
        raise InvalidValue(
            "signature",
            f"the parameter {shown!r} has a value of its own and values in brackets ({shown}[…]); remove one of them",
        )
    found = found | {name: value for name, value in read.items() if value is not None}
    # PHP makes such a name an integer, and 2.4.8 encodes only text: 500
    if number := next((name for name in found if _INTEGER.fullmatch(name) and abs(int(name)) < 2**63), None):
        raise InvalidValue("signature", f"the name of the parameter {number.decode()!r} is a number; use another name")
    return found


def _sorted(parameters: Mapping[bytes, bytes], dialect: Dialect) -> list[tuple[str, str]]:
    pairs = sorted(parameters.items()) if dialect == "m248" else parameters.items()
    written = [(encoded(name), encoded(value)) for name, value in pairs]
    return written if dialect == "m248" else sorted(written, key=_natural)


def _natural(parameter: tuple[str, str]) -> tuple[tuple[int, int, str], ...]:
    """PHP's strnatcmp as a sort key: runs of digits by size, unless one starts with 0 (ext/standard/strnatcmp.c)."""
    runs = re.findall(r"[0-9]+|[^0-9]", re.sub(r"^0+(?=[0-9])", "", parameter[0]))
    return tuple(
        (ord("0"), 0 if run[0] == "0" else len(run), run) if run[0].isdigit() else (ord(run), 0, "") for run in runs
    )


def _laminas_path(path: str) -> str:
    """laminas-uri, Uri::normalizePath: decodes characters that a path may contain, even `/` and `%`; encodes others."""

    def decoded(match: re.Match[str]) -> str:
        letter = unquote_to_bytes(match.group())
        return letter.decode() if _DECODED_IN_PATHS.fullmatch(letter) else match.group().upper()

    return _NOT_KEPT_IN_PATHS.sub(lambda match: encoded(match.group()), _ENCODED.sub(decoded, path))
