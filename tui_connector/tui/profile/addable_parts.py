"""What can be added to a profile on its page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ...guide.part_families import FAMILIES
from ...guide.profiles.saved_profile import OpenedProfile
from ...guide.steps.summaries import ProfilePart
from ...profile.environment_names import TABLE
from ..setup.opening import setup_at

ADDABLE: Mapping[str, str] = {
    "incoming": FAMILIES["incoming"],
    "outgoing": FAMILIES["outgoing"],
    "clients": "HTTP client",
    "authentications": "HTTP authentication",
    TABLE: "Environment (another store)",
}
"""The titles of what can be added, by the table of the profile that has it."""


def titles_to_add(path: Path, opened: OpenedProfile | None, selected: ProfilePart | None) -> dict[str, str]:
    """The same, with the client for which an authentication is added while this part is selected."""
    titles, document = {**ADDABLE}, opened.document if opened is not None else None
    if document is not None and document.draft.get("clients"):
        setup = setup_at(path, document, selected)
        which = "another one for the client" if setup.applied() else "for the client"
        titles["authentications"] += f", {which} {setup.client}"
    return titles
