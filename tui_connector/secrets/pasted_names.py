"""Divides what is pasted as the name of a secret, such as a header, where it has the secret with it."""

from __future__ import annotations

import base64
import binascii
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from .cleaning import remove_invisible
from .names import is_secret_parameter
from .token_shape import looks_like_token

_QUOTED = re.compile(r"""(?:-H|--header|-u|--user)[\s=]*(["'])(.*?)\1""")
_HEADER = re.compile(r"""(["']?)([\w!#$%&*+.^|~-]+)\1\s*:(?!//)\s*(\S.*)""")
_UNMARKED_HEADER = re.compile(r"(\w+-[\w-]+)\s+(\S+)")
_USER_INFO = re.compile(r"//([^/?#@\s]+:[^/?#@\s]+)@")
_ENDS = "\"'`,;"
_HARDLY_SECRET = re.compile(r"(?i)accept|content-|user-agent|host|connection|cache-|origin|referer|sec-|pragma|store\Z")
_OWN_METHOD = ("authorization", "cookie")
"""Headers that usually prove the user of the store, for which there are other ways than a header of any name."""


@dataclass(frozen=True, slots=True)
class NamedSecret:
    """A name, "" where there is none, and its secret."""

    name: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NameField:
    """How a name is followed by its secret, and the field of the secret."""

    separator: str
    """Ends a name, of which it is never part."""
    secret: str
    """The field of the secret, beside that of the name."""
    read: Callable[[str], tuple[str, str] | None]


def divide(text: str, names: NameField) -> NamedSecret | None:
    """The name and the secret in this text, also in a curl command; None where it is a name only."""
    text = remove_invisible(text)
    if (found := names.read(text)) is not None and all(found):
        return NamedSecret(*found)
    return NamedSecret("", text.strip()) if looks_like_token(text) else None


def name_before(text: str) -> str:
    """The name at the end of what was typed before its separator: of a curl command, or of an address."""
    found = re.search(r"[^\s?&/\"'`]*\Z", text.rstrip())
    return found[0] if found is not None else ""


def _likeliest(found: Sequence[tuple[str, str]]) -> tuple[str, str] | None:
    """The pair that is most likely the secret; None where there is none."""
    pairs = [each for each in found if not _HARDLY_SECRET.match(each[0])] or found
    secret = [each for each in pairs if is_secret_parameter(*each)] or pairs
    own = [each for each in secret if each[0].lower() not in _OWN_METHOD]
    return next(iter(own or secret), None)


def _words(text: str) -> list[str]:
    """The words of a command; what is in quotes after an option, where its quotes do not match."""
    try:
        return shlex.split(text.replace("\\\n", " "))
    except ValueError:
        return [word for each in _QUOTED.finditer(text) for word in (each[0][:2], each[2])]


def _values_of(words: Sequence[str], short: str, long: str) -> Iterator[str]:
    """The values of an option in the words of a command."""
    for word, following in zip(words, [*words[1:], ""], strict=False):
        if word in (short, long):
            yield following
        elif word.startswith(f"{long}="):
            yield word.removeprefix(f"{long}=")
        elif word.startswith(short) and not word.startswith("--"):
            yield word[len(short) :]


def _headers(text: str) -> Iterator[tuple[str, str]]:
    """The headers of a curl command, or those that are written one per line."""
    for each in [*_values_of(_words(text), "-H", "--header")] or text.splitlines():
        line = each.strip().strip("{}").strip().rstrip(_ENDS)
        if found := _HEADER.fullmatch(line) or _HEADER.fullmatch(line.lstrip(_ENDS)):
            yield found[2], found[3].strip().strip("\"'`")
        elif (named := _UNMARKED_HEADER.fullmatch(line)) and is_secret_parameter(named[1]):
            yield named[1], named[2]


def _header(text: str) -> tuple[str, str] | None:
    return _likeliest([*_headers(text)])


def _parameter(text: str) -> tuple[str, str] | None:
    """A parameter of the addresses in a text, or of a query alone."""
    queries = [each.partition("?")[2] or each for each in _words(text) if not any(map(str.isspace, each))]
    return _likeliest([pair for each in queries for pair in parse_qsl(each.partition("#")[0])])


def _user(text: str) -> tuple[str, str] | None:
    """The user and password of a curl command, of an address, of a header, or written with a colon between them."""
    words = _words(text)
    basic = [value for name, value in _headers(text) if name.lower() == "authorization"]
    given = [*_values_of(words, "-u", "--user"), *(unquote(each) for each in _USER_INFO.findall(text))]
    given += [pair for each in basic if (pair := _decoded(each))]
    if not given and len(text.split()) <= 2 and "://" not in text:
        given = [text.strip()]
    name, _, password = next(iter(given), "").partition(":")
    return name.strip(), password.lstrip(" ")


def _decoded(header: str) -> str:
    """The user and password in a header of Basic authentication; "" in any other."""
    scheme, _, encoded = header.partition(" ")
    try:
        return base64.b64decode(encoded, validate=True).decode() if scheme.lower() == "basic" else ""
    except (binascii.Error, ValueError):
        return ""


NAME_FIELDS: dict[str, NameField] = {
    "header-name": NameField(":", "value", _header),
    "parameter-name": NameField("=", "value", _parameter),
    "user-name": NameField(":", "password", _user),
}
"""By the format of a field that names a secret, in its schema."""
