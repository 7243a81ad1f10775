"""A saved profile as the profile page shows it: its parts and problems."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...profile.document import Document
from ...profile.library import ProfileError
from ...profile.model import Profile
from ...profile.positions import layout
from ...profile.problems import Problem, check, environment_data
from ...profile.text_checker import Checker
from ..steps.summaries import ProfilePart, parts


@dataclass(frozen=True, slots=True)
class OpenedProfile:
    """A profile that was read. `document` is None if the file is not TOML, `profile` if it has problems."""

    path: Path
    document: Document | None = None
    profile: Profile | None = None
    problems: list[Problem] = field(default_factory=list)
    environment: str = ""
    """The environment whose values it has; "" for the base values."""
    data: dict[str, Any] = field(default_factory=dict)
    """The values of the environment, which may be invalid."""

    @property
    def title(self) -> str:
        name = self.document.draft.get("name") if self.document else None
        return name if isinstance(name, str) else self.path.stem

    @property
    def parts(self) -> list[ProfilePart]:
        return parts(self.data)

    @property
    def line(self) -> int | None:
        """Where the first problem is."""
        return self.problems[0].line if self.problems else None

    def text_of(self, part: ProfilePart) -> str:
        """The tables of a part as the file has them; empty for a profile with problems, or with other values."""
        if self.document is None or self.profile is None or self.environment:
            return ""
        text = self.document.text()
        headers = [each for each in layout(text).statements if each.is_header]
        ends = [*(each.start for each in headers[1:]), len(text)]
        tables = [
            text[header.start : end].strip()
            for header, end in zip(headers, ends, strict=True)
            if header.path[:2] == (part.family, part.name)
        ]
        return "\n\n".join(tables)


def open_profile(path: Path, environment: str = "") -> OpenedProfile:
    """Reads and checks a profile, with the values of an environment. Errors are returned as problems."""
    try:
        document = Document.open(path)
    except ProfileError as error:
        problem = Problem(error.line or 1, error.column or 1, "", error.message, error.code, error.hint)
        return OpenedProfile(path, problems=[problem])
    checked = Checker().check(document.text())
    if not checked.is_toml:
        return OpenedProfile(path, problems=checked.problems)
    try:
        profile, _ = check(document.text(), environment)
        data = environment_data(document.draft, environment) if profile is not None else document.draft
    except UserError as error:  # no such environment
        return OpenedProfile(path, document, None, [Problem(1, 1, "environments", error.text, error.code)])
    return OpenedProfile(path, document, profile, checked.problems, environment=environment, data=data)
