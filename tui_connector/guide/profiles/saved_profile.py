"""A saved profile as the profile page shows it: its parts and problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from ...profile import line_ends
from ...profile.blocks import parse
from ...profile.document import Document
from ...profile.environment_names import DEFAULT_ENVIRONMENT, TABLE, names_of
from ...profile.library import ProfileError
from ...profile.model import ModelPath, Profile
from ...profile.positions import layout
from ...profile.problems import Problem, check, environment_data
from ...profile.text_checker import Checker
from ...profile.text_secrets import without_literal_secrets
from ...profile.usable_parts import usable_profile
from ..part_families import FAMILIES
from ..steps.summaries import ProfilePart, parts


@dataclass(frozen=True, slots=True)
class OpenedProfile:
    """A profile that was read. `document` is None if the file is not TOML, `profile` if it has problems."""

    path: Path
    document: Document | None = None
    profile: Profile | None = None
    problems: list[Problem] = field(default_factory=list)
    remarks: list[Problem] = field(default_factory=list)
    """What is probably not meant, of a valid profile."""
    environment: str = ""
    """The environment whose values it has; "" for the base values."""
    environment_label: str = ""
    """The environment as it is shown; "" in a profile without environments."""
    data: dict[str, Any] = field(default_factory=dict)
    """The values of the environment, which may be invalid; if the file is not TOML, those that can be read."""
    texts: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """The tables of each part, by its family and name, with the values of the environment; none of invalid TOML."""
    file_data: bytes | None = None
    """The file as it was read; None where it cannot be read as text."""
    is_text: bool = True
    """Whether the file can be read as text; otherwise, its only problem says why not."""

    @property
    def title(self) -> str:
        name = self.data.get("name")
        return name if isinstance(name, str) else self.path.stem

    @property
    def is_missing(self) -> bool:
        """Whether there is no such file."""
        return [each.code for each in self.problems] == ["profile-missing"]

    @property
    def is_editable(self) -> bool:
        """Whether the user's editor may be able to correct it: it is a file of text, if in another encoding."""
        return self.is_text or bool(self.problems[0].line)

    @property
    def parts(self) -> list[ProfilePart]:
        return parts(self.data)

    def problems_of(self, family: str, name: str) -> list[Problem]:
        """The problems of one part, also those of its values in an environment."""
        return [each for each in self.problems if part_of(each.keys) == (family, name)]

    def remarks_of(self, family: str, name: str) -> list[Problem]:
        """The remarks on one part, also on its values in an environment."""
        return [each for each in self.remarks if part_of(each.keys) == (family, name)]

    def is_readable(self, part: ProfilePart) -> bool:
        """Whether the part is valid by itself, whatever the others are."""
        return self.document is not None and not self.problems_of(part.family, part.name)

    def profile_to_test(self, part: ProfilePart) -> Profile | None:
        """The profile for a test of this part; None if the part, or another that it uses, is invalid."""
        if self.profile is not None or not self.is_readable(part):
            return self.profile
        assert self.document is not None
        return usable_profile(self.document.draft, [(part.family, part.name)], self.environment)[0]

    def line_of(self, part: ProfilePart) -> int | None:
        """Where the part begins, also where the file is not TOML; None if it is no text. Blocks for large files."""
        if self.file_data is None:
            return None
        text = line_ends.plain(self.file_data.decode("utf-8-sig", "replace"))
        return parse(text).position((part.family, part.name)).line

    def text_of(self, part: ProfilePart) -> str:
        """The tables of a part, with the values of the environment and without literal secrets; "" if unknown."""
        return self.texts.get((part.family, part.name), "")


def base_keys(keys: ModelPath) -> ModelPath:
    """The keys without the environment whose values they are of."""
    return keys[2:] if keys[:1] == (TABLE,) else keys


def part_of(keys: ModelPath) -> tuple[str, str] | None:
    """The family and the name of the part that a key is in, also in an environment; None if it is in none."""
    own = base_keys(keys)
    return (str(own[0]), str(own[1])) if len(own) > 1 and own[0] in FAMILIES else None


def open_profile(path: Path, environment: str = "") -> OpenedProfile:
    """Reads and checks a profile, with the values of an environment; with the base values where it has no such one.

    Errors are returned as problems.
    """
    try:
        document = Document.open(path)
    except ProfileError as error:
        problem = Problem(error.line or 0, error.column or 0, "", error.message, error.code, error.hint)
        return OpenedProfile(path, problems=[problem], is_text=False)
    read = document.file_data
    checked = Checker().check(document.text())
    if not checked.is_toml:
        label = DEFAULT_ENVIRONMENT if names_of(checked.data) else ""
        return OpenedProfile(
            path, problems=checked.problems, environment_label=label, data=checked.data, file_data=read
        )
    names = names_of(document.draft)
    if environment not in names:
        environment = ""
    label = environment or (DEFAULT_ENVIRONMENT if names else "")
    profile, _ = check(document.text(), environment)
    data = environment_data(document.draft, environment)
    text = _effective_text(document, data) if environment else document.text()
    if profile is None:
        text = without_literal_secrets(text) or ""
    found = checked.problems, checked.remarks
    return OpenedProfile(path, document, profile, *found, environment, label, data, _texts(text), read)


def _effective_text(document: Document, data: Mapping[str, Any]) -> str:
    """The text of the profile with this data of an environment in place of its own; "" where that cannot be written."""
    effective = Document(document.text())
    effective.draft = {**data, TABLE: effective.draft[TABLE]}
    try:
        return effective.text()
    except ProfileError:
        return ""


def _texts(text: str) -> dict[tuple[str, str], str]:
    """The tables below the first two keys of their paths."""
    headers = [each for each in layout(text).statements if each.is_header]
    places = pairwise([*(each.start for each in headers), len(text)])
    found: dict[tuple[str, str], list[str]] = {}
    for header, (start, end) in zip(headers, places, strict=True):
        if len(header.path) > 1:
            family, name = map(str, header.path[:2])
            found.setdefault((family, name), []).append(text[start:end].strip())
    return {part: "\n\n".join(tables) for part, tables in found.items()}
