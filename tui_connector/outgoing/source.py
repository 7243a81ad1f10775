"""The base class of sources of entities."""

from __future__ import annotations

from collections.abc import Sequence

from ..kinds import Kind


class Source(Kind):
    """Source of the entities."""

    def reads(self) -> Sequence[str]:
        """The paths of the files that it reads, as in the profile."""
        path = getattr(self, "path", None)
        return [path] if isinstance(path, str) else []
