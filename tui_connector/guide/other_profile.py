"""Another profile, one of whose incomings is the source of an outgoing."""

from __future__ import annotations

from pathlib import Path

from ..errors import UserError
from ..incoming.model import Incoming
from ..misspelling import did_you_mean
from ..outgoing.source import OtherProfile, SourceError
from ..profile.library import Library
from ..profile.model import Profile
from ..profile.problems import InvalidProfile, read_profile
from ..text import listed


def read_other_profile(other: OtherProfile, library: Library, folder: Path) -> tuple[Path, Profile]:
    """The file of another profile that a source reads, and the profile in its environment.

    `folder` is that of the profile with the source. Blocks. Raises `UserError`.
    """
    path = library.find(other.name, folder)
    try:
        return path, read_profile(path, other.environment)[1]
    except InvalidProfile as error:
        message = f"The profile {other.name}, which the source reads, has problems:\n{error.message}"
        raise UserError("source-profile", message, error.hint) from error
    except UserError as error:
        if error.code != "unknown-environment":
            raise
        message = f"The source reads the profile {other.name}, which has no environment {other.environment!r}"
        hint = (
            f"Add [environments.{other.environment}] to that profile, or name in the source the environment to read, "
            'such as environment = "default" for the base values.'
        )
        raise SourceError(message, hint, "source-environment") from error


def source_incoming(profile: Profile, file: Path, name: str) -> Incoming:
    """The incoming of this name, in the profile of this file. Raises `SourceError`."""
    incoming = profile.incoming.get(name)
    if incoming is None:
        raise SourceError(
            f"The source is the incoming {name!r}, and the profile {file.stem} has none of this name",
            f"It has: {listed(list(profile.incoming)) or 'none'}{did_you_mean(name, profile.incoming)}",
            "source-incoming",
        )
    return incoming
