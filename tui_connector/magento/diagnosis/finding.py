"""A finding: what is wrong, the evidence, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...client.message import Failure
from ...secrets.named_values import mask_message

AuthKind = Literal["oauth1", "oauth2", "bearer", "request", ""]
"""The kind of authentication of a request; empty: none, or another one."""

FixTarget = Literal[
    "address",
    "authentication",
    "applied",
    "store-view",
    "one-time-code",
    "signed-origin",
    "dialect",
    "page-size",
    "batch",
    "login",
]


@dataclass(frozen=True, slots=True)
class Fix:
    """A fix that the program can apply by itself: set `target` to `value`; `label` is the text of its button.

    - `address`: the store's address
    - `authentication`: the kind of authentication to use instead, "oauth1" or "request"
    - `applied`: the authentications that the client applies, by name, in order, separated by commas
    - `store-view`: the store view to use, "default" or "all"
    - `one-time-code`: the provider whose token endpoint to use, such as "google"; empty: the one without a code
    - `signed-origin`: the origin to sign as; empty: that of the address
    - `dialect`: the dialect to sign in
    - `login`: "again", to allow a login that was refused before
    - `page-size`, `batch`: the most that the store accepts

    `command`: what does the same where there is no such button; empty if nothing does.
    """

    target: FixTarget
    value: str
    label: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong. `evidence` names exchanges by number, `remedy` uses the names of Magento's own menus.

    `field` is the setting to correct, by its name in the profile, if there is one.
    """

    id: str
    summary: str
    evidence: tuple[str, ...] = ()
    remedy: str = ""
    field: str = ""
    fix: Fix | None = None
    failure: Failure | None = None
    """Why there was no response; None if there was one, or nothing was sent."""
    named: str = ""
    """The field of the search that the store refuses, as the request names it."""

    def __post_init__(self) -> None:
        """Masks secrets: a store's message or an address may contain one."""
        object.__setattr__(self, "summary", mask_message(self.summary))
        object.__setattr__(self, "evidence", tuple(map(mask_message, self.evidence)))
        object.__setattr__(self, "remedy", mask_message(self.remedy))

    @property
    def remedy_by_command(self) -> str:
        """What to do where the fix has no button."""
        command = self.fix.command if self.fix is not None else ""
        return f"{self.remedy} To retry deliberately: `{command}`." if command else self.remedy

    def as_json(self) -> dict[str, object]:
        """As `check --json` prints it."""
        return {
            "id": self.id,
            "summary": self.summary,
            "evidence": list(self.evidence),
            "remedy": self.remedy_by_command,
        }
