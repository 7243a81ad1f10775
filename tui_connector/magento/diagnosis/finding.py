"""A finding: what is wrong, how we know, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...client.message import Failure
from ...secrets.places import without_any_secret

Way = Literal["oauth1", "oauth2", "bearer", "request", ""]
"""How a request was authenticated, by the kind's name; empty: not at all, or in some other way."""

What = Literal[
    "address", "way", "store-view", "one-time-code", "signed-origin", "dialect", "page-size", "batch", "login"
]


@dataclass(frozen=True, slots=True)
class Fix:
    """What the program itself can mend by one key: `value` is put in force for `what`, `words` say so on the key.

    - `address`: the store's address to search from
    - `way`: the kind of authentication to use instead, "oauth1" or "request"
    - `store-view`: the store view to use, "default" or "all"
    - `one-time-code`: the provider whose token endpoint wants a code, such as "google"; empty: no code
    - `signed-origin`: the origin to sign as; empty: the address's own
    - `dialect`: the dialect to sign in
    - `login`: to forget that this login was refused before, "again"
    - `page-size`, `batch`: how many the store takes at most
    """

    what: What
    value: str
    words: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong; `evidence` names exchanges by number, `remedy` says what to do in Magento's words.

    `field` is the setting it points at, by its name in the profile, where there is one.
    """

    id: str
    summary: str
    evidence: tuple[str, ...] = ()
    remedy: str = ""
    field: str = ""
    fix: Fix | None = None
    failure: Failure | None = None
    """Why the store could not be reached; None where it was, or nothing was sent."""

    def __post_init__(self) -> None:
        """No secret is in it, whatever the store has said and whatever address is named."""
        object.__setattr__(self, "summary", without_any_secret(self.summary))
        object.__setattr__(self, "evidence", tuple(map(without_any_secret, self.evidence)))
        object.__setattr__(self, "remedy", without_any_secret(self.remedy))

    def as_json(self) -> dict[str, object]:
        """What `check --json` prints of it."""
        return {
            "id": self.id,
            "summary": self.summary,
            "evidence": list(self.evidence),
            "remedy": self.remedy,
        }
