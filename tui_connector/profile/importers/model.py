"""What an importer finds: requests as written elsewhere, and the parts of a profile that they become."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ...errors import UserError
from ...templates import Json
from ...text import beginning, shown_line

UNKNOWN = "\0"
"""Around what has no value in an imported text, such as $TOKEN or {{token}}."""
_UNKNOWN = re.compile("\0([^\0]*)\0")

MAX_TEXT = 64 * 1024 * 1024
"""Bytes of a text that is imported."""
MAX_CONFIGURATIONS = 200
"""Incoming and outgoing configurations that one import creates; a profile has at most 1 MiB."""

PartPath = tuple[str, ...]


class InvalidImport(UserError):
    """A text that cannot be imported at all."""

    def __init__(self, code: str, message: str, hint: str = "", place: str = "") -> None:
        super().__init__(code, shown_line(message, 500), hint, shown_line(place, 200))


@dataclass(frozen=True, slots=True)
class NotImported:
    """Something that is not carried over: where it is, what it is, and why."""

    place: str
    what: str
    reason: str

    def __str__(self) -> str:
        place = f"{self.place}: " if self.place else ""
        return f"{shown_line(place, 120)}{shown_line(self.what, 160)}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Import:
    """The parts of a profile that were found, as plain data without secrets.

    Keyring entries in it are named without the profile's name: {"keyring": "admin/password"}.
    """

    format: str
    """What the text is, such as "curl command"."""
    title: str
    parts: Mapping[str, Mapping[str, Json]]
    """authentications, clients, incoming and outgoing, by name."""
    secrets: Mapping[PartPath, str] = field(default_factory=dict, repr=False)
    """The values of secrets by the path of their sources in `parts`; a source without one is to be set."""
    samples: Mapping[str, list[Json]] = field(default_factory=dict, repr=False)
    """Entities from the bodies of requests, by the name of the outgoing that sends them."""
    not_imported: tuple[NotImported, ...] = ()


Files = Callable[[str], bytes]
"""Reads a file that an imported command names. Raises `InvalidImport` for one that must not or cannot be read."""


def no_files(name: str) -> bytes:
    """For texts from elsewhere, which cannot name files of this computer."""
    raise InvalidImport("import-file", f"the file {name!r} is not read here")


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a text is imported."""

    only: tuple[str, ...] = ()
    """Names of the configurations to create; empty: all, or those that are known where there are too many."""
    environment: str | None = None
    """The text of a Postman environment."""
    files: Files = no_files


@dataclass(slots=True)
class FoundRequest:
    """A request as another tool describes it."""

    place: str
    method: str
    uri: str
    """Absolute."""
    base: str = ""
    """The start of the address that many requests share, if that is known."""
    name: str = ""
    description: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: str | None = None
    """The body as text."""
    form: list[tuple[str, str]] | None = None
    """The fields of a form, in place of a body."""
    not_a_body: str = ""
    """Why the body cannot be carried over, if it has one that cannot."""
    authentication: Mapping[str, Json] | None = None
    """An authentication as in a profile, with literal values in place of secrets."""
    client: dict[str, Json] = field(default_factory=dict)
    """Further settings of the client, as in a profile, with literal values in place of secrets."""
    values: Mapping[str, Json] = field(default_factory=dict)
    """Known values of placeholders in the path."""
    items: str = ""
    """Where the items are in the response (JMESPath), if that is known."""
    pagination: Mapping[str, Json] = field(default_factory=dict)
    """As in a profile, if it is known."""
    template: Json = None
    """The parameters with placeholders, in place of a body."""
    uses_presets: bool = True
    """Whether what is known about Magento's entities completes it."""
    key: str = ""
    """Identifies it for others that read its items."""
    reads: str = ""
    """The key of the request whose items are the entities that this one sends; empty if that is not known."""


def unknown(written: str) -> str:
    """The mark for something without a value."""
    return f"{UNKNOWN}{written.replace(UNKNOWN, '')}{UNKNOWN}"


def has_unknown(text: str) -> bool:
    return UNKNOWN in text


def unknowns(text: str) -> list[str]:
    """What has no value, as written."""
    return _UNKNOWN.findall(text)


def with_names(text: str, rename: Callable[[str], str]) -> str:
    """`text` with `rename(name)` in place of what has no value; the name of `{{Sku}}` and `$Sku` is Sku."""
    return _UNKNOWN.sub(lambda found: rename(variable_name(found[1])), text)


def variable_name(written: str) -> str:
    """The name in `$NAME`, `${NAME}`, `%NAME%`, `{{name}}` or `:name`, as an identifier."""
    return re.sub(r"\W+", "_", written).strip("_") or "value"


def as_written(text: str) -> str:
    """`text` without the marks."""
    return text.replace(UNKNOWN, "")


def slug(text: str, otherwise: str = "request", longest: int = 56) -> str:
    """A name of a part, in lower case with dashes."""
    words = re.findall(r"[a-z0-9]+", as_written(text).lower()[:300])
    return "-".join(words)[:longest].strip("-") or otherwise


def short(text: str) -> str:
    """An external text as part of a message."""
    return shown_line(as_written(beginning(text, 100)), 100)
