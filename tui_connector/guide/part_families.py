"""The families of named parts in a profile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Family = Literal["clients", "authentications", "incoming", "outgoing"]

FAMILIES: Mapping[Family, str] = {
    "clients": "HTTP clients",
    "authentications": "HTTP authentications",
    "incoming": "Incoming (read from the store)",
    "outgoing": "Outgoing (send to the store)",
}
"""The titles of the families."""

WITH_FORMS = frozenset({*FAMILIES, "environments"})
"""The tables of a profile whose parts can be edited outside the text."""
