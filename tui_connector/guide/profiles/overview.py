"""What home shows of a profile. Reads with the standard library alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...client.uri import public_address
from ...profile.environment_names import DEFAULT_ENVIRONMENT, names_of
from ...profile.library import ProfileSummary, read_with_data, unread_summary
from ...text import PublicText, count
from ..secret_sources import SOURCE_PLACES, SecretPlace, secret_origins, source_place, sources

_AUTHENTICATIONS = {
    "oauth1": "OAuth 1.0a",
    "oauth2": "OAuth 2.0",
    "bearer": "Bearer token",
    "request": "Login",
    "basic": "Basic",
    "header": "Header",
    "query": "Query",
}
"""Kinds of authentication in a word or two; those of other packages are shown by their name."""


@dataclass(frozen=True, slots=True)
class ProfileOverview:
    """A profile in a few words. Its texts come from the file: sanitise them before they are shown."""

    summary: ProfileSummary
    read: bool = True
    """False while only its name is known."""
    description: str = ""
    clients: tuple[str, ...] = ()
    authentication: str = ""
    secrets: Mapping[SecretPlace, int] = field(default_factory=dict)
    """How many secrets it names, by where they are."""
    unset: int = 0
    """How many of them are environment variables that are not set."""
    shares_ledger: bool = False
    """Whether its runs are in a ledger on a server, which home does not ask."""
    is_demo: bool = False
    """Whether it is for the demo store, which opening it starts, and whose secrets are filled in."""
    incoming: tuple[str, ...] = ()
    outgoing: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    """With the base values, whose address the summary has; empty where there are no others."""

    @property
    def name(self) -> str:
        """The name that commands use for it."""
        return self.summary.name

    @property
    def path(self) -> Path:
        """Its file."""
        return self.summary.path

    @property
    def secret_words(self) -> str:
        """How many secrets are where, such as "4 variables, 4 not set"; empty where it names none."""
        if self.is_demo:
            return f"{sum(self.secrets.values())}, filled in by the demo" if self.secrets else ""
        words = {place: f"{number} {SOURCE_PLACES[place]}" for place, number in self.secrets.items()}
        if self.unset:
            variables = count(self.secrets[SecretPlace.ENVIRONMENT], "variable")
            words[SecretPlace.ENVIRONMENT] = f"{variables}, {self.unset} not set"
        return ", ".join(words.values())

    @property
    def store(self) -> str:
        """The store's address without what every Magento store has in it."""
        return short_address(public_address(self.summary.base_uri or ""))


def short_address(address: str) -> str:
    """An address without "https://" and without the path of the REST API; "http://" stays, because it is unusual."""
    short = address.removeprefix("https://").partition("/rest/")[0].removesuffix("/rest").removesuffix("/")
    return PublicText(short) if isinstance(address, PublicText) else short


def unread_overview(path: Path) -> ProfileOverview:
    """The overview of a file of which only the name is known."""
    return ProfileOverview(unread_summary(path), read=False)


def read_overview(
    path: Path,
    environ: Mapping[str, str],
    typed: Callable[[str, Collection[str]], bool],
    is_demo: Callable[[Mapping[str, object]], bool],
) -> ProfileOverview:
    """The overview of this file, whose data may be invalid. Blocks.

    `typed` tells whether a value was typed in this session for the key of a source and one of these origins.
    """
    summary, data = read_with_data(path)
    description = data.get("description")
    kinds = dict.fromkeys(_applied_kinds(data))
    found = [*sources(data)]
    places = [source_place(source) for _, source in found]
    return ProfileOverview(
        summary,
        description=description if isinstance(description, str) else "",
        clients=tuple(_table(data, "clients")),
        authentication=", ".join(kinds),
        secrets={place: places.count(place) for place in dict.fromkeys(places)},
        unset=sum(
            "env" in each
            and not (environ.get(str(each["env"])) or typed(f"env:{each['env']}", secret_origins(data, place)))
            for place, each in found
        ),
        shares_ledger=has_shared_ledger(data),
        is_demo=is_demo(data),
        incoming=tuple(_table(data, "incoming")),
        outgoing=tuple(_table(data, "outgoing")),
        environments=(DEFAULT_ENVIRONMENT, *names) if (names := names_of(data)) else (),
    )


def has_shared_ledger(data: Mapping[str, object]) -> bool:
    """Whether a profile with this data, which may be invalid, has its ledgers on a server in any environment."""
    return any("ledger" in each for each in (data, *_tables(_table(data, "environments"))))


def _tables(table: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    yield from (each for each in table.values() if isinstance(each, dict))


def _table(data: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = data.get(name)
    return found if isinstance(found, dict) else {}


def _applied_kinds(data: Mapping[str, object]) -> Iterator[str]:
    """The kinds of the authentications that clients apply; others may be there from an earlier choice."""
    authentications, clients = _table(data, "authentications"), _tables(_table(data, "clients"))
    lists = [each.get("authentications") for each in clients]
    applied = [name for names in lists if isinstance(names, list) for name in names]
    for name, each in authentications.items():
        kind = each.get("kind") if isinstance(each, dict) and name in applied else None
        if isinstance(kind, str):
            yield _AUTHENTICATIONS.get(kind, kind)
