"""Prepares a profile for somebody else: without what belongs to this computer, and with a list of its secrets."""

from __future__ import annotations

import ntpath
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from ...client.file_path import file_paths
from ...machine import Machine
from ...profile.document import UNSET, Document
from ...profile.model import ModelPath, Profile
from ...profile.on_failure import NAME as ON_FAILURE
from ...profile.positions import value_at
from ...profile.problems import check_data
from ...secrets.source import SecretSource
from ...templates import Json
from ...text import shown_line

_FILES_OF_TLS = ("ca-file", "client-certificate", "client-key", "client-key-password")
_OTHER_PROFILE = ("source", "profile")


@dataclass(slots=True)
class ExportedProfile:
    """A profile as text, what was changed in it, and the secrets that its recipient sets."""

    text: str
    changes: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)


def export_profile(path: Path, document: Document, profile: Profile, machine: Machine) -> ExportedProfile:
    """The profile without what belongs to this computer; comments are kept. Raises `ProfileError`.

    Absolute paths become relative ones, commands of secrets become keyring entries. The files of TLS and the commands
    of alerts are left out.
    """
    environments = document.draft.get("environments")
    names = environments if isinstance(environments, dict) else ()
    models = [profile, *(model for each in names if (model := check_data(document.draft, each)[0]) is not None)]
    # by key and value, because an environment may address the elements of a list by their names
    files = {(place[-1], file) for model in models for place, file in file_paths(model)}
    copy = Document(document.text(), path)
    made = ExportedProfile("")
    removed: list[ModelPath] = []
    for place, value in [*_places(copy.draft)]:
        key, where = place[-1], ".".join(map(str, place))
        if key in _FILES_OF_TLS and place[-2:-1] == ("tls",):
            removed.append(place)
            made.changes.append(f"{where} is left out: a file of this computer")
        elif key == ON_FAILURE and isinstance(value, dict) and "command" in value:
            removed.append(place)
            made.changes.append(f"{where} is left out: a command of this computer")
        elif isinstance(value, dict) and "command" in value and value.keys() <= {"command", "environment"}:
            entry = f"{path.stem}/{place[1]}/{key}"
            copy.set(place, {"keyring": entry})
            made.changes.append(f"{where} is the keyring entry {entry} instead of a command of this computer")
        elif (
            isinstance(value, str)
            and (place[-2:] == _OTHER_PROFILE or (key, value) in files)
            and (portable := _portable(value, key, path, machine)) != value
        ):
            copy.set(place, portable)
            made.changes.append(f"{where} is {portable!r} instead of a path of this computer")
    for place in removed:
        copy.set(place, UNSET)
        if value_at(copy.draft, place[:-1]) == {}:
            copy.set(place[:-1], UNSET)
    made.text = copy.text()
    origins: dict[str, dict[str, None]] = {}
    """Of each secret, in all environments."""
    for model in models:
        for secret in model.secrets():
            if "tls/" not in secret.name:
                found = origins.setdefault(f"{secret.name}: {_source(secret.source, path.stem)}", {})
                found.update(dict.fromkeys(secret.origins))
    for described, sent_to in origins.items():
        made.secrets.append(shown_line(f"{described}, sent to {', '.join(sent_to)}" if sent_to else described))
    made.changes = [shown_line(each) for each in made.changes]
    return made


def _places(value: Json, place: ModelPath = ()) -> Iterator[tuple[ModelPath, Json]]:
    """Every value in the profile with its path, outer ones first."""
    if place:
        yield place, value
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _places(each, (*place, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _places(each, (*place, index))


def _portable(value: str, key: str | int, path: Path, machine: Machine) -> str:
    """A path that means the same on another computer."""
    if not (os.path.isabs(value) or value.startswith("~") or ntpath.splitdrive(value)[0]):
        return value
    if key == "profile":
        return PurePath(value).stem
    for folder in (path.parent, machine.directories.data):
        if folder is not None and PurePath(value).is_relative_to(folder):
            return str(PurePath(value).relative_to(folder))
    return ntpath.basename(value)


def _source(source: SecretSource, profile: str) -> str:
    if source.env is not None:
        return f"environment variable {source.env}"
    if source.command is not None:
        return f"keyring entry of {profile}, in place of a command"
    return "typed when prompted" if source.ask else f"keyring entry {source.keyring}"
