"""Hides secrets in what is recorded: by place, where secrets stand, and by value, wherever a known one turns up."""

from __future__ import annotations

import base64
import json
import re
from urllib.parse import quote, quote_plus

MARK = "•••"
SHORTEST = 6
"""Characters; a shorter value would mask half of an answer."""

_NAME = (
    r"pass(?:word|wd|phrase)?|pwd|secret|token|otp|tfa|api[-_]?key|credential|private[-_]?key|cc_(?:number|cid)|cvv"
    r"|signature|session|assertion|oauth_\w+|authorization|cookie"
)
_SECRET_NAME = re.compile(_NAME, re.IGNORECASE)
_HARMLESS_NAMES = frozenset({"oauth_signature_method", "oauth_timestamp", "oauth_version"})
# a JSON key that may name a secret, or a JWT: only then is a body looked at closely
_SUSPECT = re.compile(
    rb'"[^"\\\n]{0,40}(?:pass|pwd|secret|token|otp|tfa|api[-_]?key|credential|private|cc_|cvv|signature|session|assertion'
    rb'|oauth_|authorization|cookie)[^"\\\n]{0,40}"\s*:|eyJ[A-Za-z0-9_-]{8,}\.',
    re.IGNORECASE,
)
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*)*")
_JSON_TOKEN = re.compile(r'"(?:\\.|[^"\\])*(?:"|\Z)|[{}\[\],:]|[^\s{}\[\],:"]+|\s+')
_OAUTH_PAIR = re.compile(r'(\w+)="([^"]*)"')
_URI_HEADERS = frozenset({"location", "referer", "content-location", "link"})


class Mask:
    """Knows the secrets of this run, and the places where secrets stand."""

    def __init__(self) -> None:
        self._labels: dict[str, str] = {}
        self._pattern: re.Pattern[str] | None = None
        self._bytes: re.Pattern[bytes] | None = None

    def learn(self, secret: str, label: str) -> None:
        """From now on this value is hidden, in its quoted and encoded forms too."""
        if len(secret) < SHORTEST or secret in self._labels:
            return
        for form in _forms(secret):
            self._labels.setdefault(form, label)
        longest_first = sorted(self._labels, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)))
        self._bytes = re.compile(b"|".join(re.escape(form.encode("utf-8", "replace")) for form in longest_first))

    def text(self, text: str) -> str:
        """`text` without known secrets and without JWTs."""
        if self._pattern is not None:
            text = self._pattern.sub(MARK, text)
        return _JWT.sub(MARK, text) if "eyJ" in text else text

    def header(self, name: str, value: str) -> str:
        """A header's value: scheme, length and the names of cookies and parameters stay."""
        lower = name.lower()
        if lower in ("authorization", "proxy-authorization"):
            return ", ".join(map(_credentials, re.split(r",\s*(?=OAuth )", value)))
        if lower == "set-cookie":
            pair, semicolon, attributes = value.partition(";")
            return self.text(f"{pair.partition('=')[0]}={MARK}{semicolon}{attributes}")
        if lower == "cookie":
            return "; ".join(f"{part.partition('=')[0].strip()}={MARK}" for part in value.split(";"))
        if lower in _URI_HEADERS:
            return self.uri(value)
        return MARK if _SECRET_NAME.search(lower) else self.text(value)

    def uri(self, uri: str) -> str:
        """An address: user and password in it and parameters named like secrets are hidden."""
        uri = re.sub(r"(//)[^/?#@]*@", rf"\1{MARK}@", uri)
        path, mark, query = uri.partition("?")
        return self.text(path + mark + "&".join(map(_parameter, query.split("&"))) if mark else uri)

    def body(self, data: bytes, media_type: str, *, secret_answer: bool = False) -> bytes:
        """A body. One without anything that looks like a secret costs two searches, and is returned as it is."""
        if secret_answer and data:
            return self._token_answer(data)
        if self._bytes is not None:
            data = self._bytes.sub(MARK.encode(), data)
        if "form-urlencoded" in media_type:
            return "&".join(map(_parameter, data.decode("utf-8", "replace").split("&"))).encode()
        if _SUSPECT.search(data) is None:
            return data
        text = data.decode("utf-8", "surrogateescape")
        return _JWT.sub(MARK, _without_secrets(text)).encode("utf-8", "surrogateescape")

    def _token_answer(self, data: bytes) -> bytes:
        """The answer of a token endpoint: a bare string, or an object; its error messages stay readable."""
        text = data.decode("utf-8", "replace").strip()
        if text.startswith(("{", "[")):
            return self.text(_without_secrets(text)).encode()
        return f'"{MARK}" ({len(text)} characters)'.encode()


def _forms(secret: str) -> set[str]:
    quoted = quote(secret, safe="")
    return {
        secret,
        quoted,
        quote(quoted, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        base64.b64encode(secret.encode("utf-8", "replace")).decode(),
        base64.b64encode(secret.encode("utf-8", "replace")).decode().rstrip("="),
    }


def _credentials(value: str) -> str:
    scheme, space, rest = value.partition(" ")
    if not space:
        return MARK
    if scheme.lower() != "oauth":
        return f"{scheme} {MARK}({len(rest)})"
    return f"{scheme} " + _OAUTH_PAIR.sub(
        lambda pair: pair[0] if pair[1] in _HARMLESS_NAMES else f'{pair[1]}="{MARK}"', rest
    )


def _parameter(pair: str) -> str:
    name, equals, value = pair.partition("=")
    hide = equals and value and name.lower() not in _HARMLESS_NAMES and _SECRET_NAME.search(name)
    return f"{name}={MARK}" if hide else pair


def _without_secrets(text: str) -> str:
    """JSON text with the values of secret keys hidden, token by token: a body cut off in the middle works too."""
    out: list[str] = []
    tokens = _JSON_TOKEN.findall(text)
    depth, hidden_from, key, armed = 0, None, "", False
    for index, token in enumerate(tokens):
        first = token[0]
        if first in "{[":
            if armed and hidden_from is None:
                hidden_from = depth
            depth, armed = depth + 1, False
        elif first in "}]":
            depth, armed = depth - 1, False
            if hidden_from is not None and depth <= hidden_from:
                hidden_from = None
        elif first == ":":
            armed = bool(_SECRET_NAME.search(key))
        elif first == ",":
            key, armed = "", False
        elif not first.isspace():
            if first == '"' and _next(tokens, index) == ":":
                key = token
            elif armed or hidden_from is not None:
                token, armed = f'"{MARK}"', False
        out.append(token)
    return "".join(out)


def _next(tokens: list[str], index: int) -> str:
    return next((token for token in tokens[index + 1 : index + 3] if not token.isspace()), "")
