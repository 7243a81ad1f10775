"""A saved profile as the profile page shows it: its parts and problems."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..profile.document import Document
from ..profile.library import ProfileError
from ..profile.model import Profile
from ..profile.problems import Problem, check
from .summaries import ProfilePart, parts


@dataclass(frozen=True, slots=True)
class OpenedProfile:
    """A profile that was read. `document` is None if the file is not TOML, `profile` if it has problems."""

    path: Path
    document: Document | None = None
    profile: Profile | None = None
    problems: list[Problem] = field(default_factory=list)
    hint: str = ""

    @property
    def title(self) -> str:
        name = self.document.draft.get("name") if self.document else None
        return name if isinstance(name, str) else self.path.stem

    @property
    def parts(self) -> list[ProfilePart]:
        return parts(self.document.draft) if self.document else []

    @property
    def line(self) -> int | None:
        """Where the first problem is."""
        return self.problems[0].line if self.problems else None


def open_profile(path: Path) -> OpenedProfile:
    """Reads and checks a profile. Errors are returned as problems."""
    try:
        document = Document.read(path)
    except ProfileError as error:
        problem = Problem(error.line or 1, error.column or 1, "", error.message)
        return OpenedProfile(path, problems=[problem], hint=error.hint)
    profile, problems = check(document.text_as_read)
    return OpenedProfile(path, document, profile, problems)
