"""The table of environments in a profile, and the names in it: without the models, for which home does not wait."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TABLE = "environments"

DEFAULT_ENVIRONMENT = "default"
"""The name of the base values, in a profile that has environments."""


def names_of(data: Mapping[str, Any]) -> list[str]:
    """The names of the environments in a profile's data, which may be invalid."""
    found = data.get(TABLE)
    return list(found) if isinstance(found, Mapping) else []
