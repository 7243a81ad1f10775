"""Where the entities of an outgoing come from: the family of its sources."""

from __future__ import annotations

from collections.abc import Sequence

from ..kinds import Kind


class Source(Kind):
    """Source of the entities."""

    def reads(self) -> Sequence[str]:
        """The paths of the files that it reads, as the profile has them."""
        path = getattr(self, "path", None)
        return [path] if isinstance(path, str) else []
