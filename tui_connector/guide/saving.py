"""Saves a setup: secrets into their place first, then the profile, then the schema beside it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..placeholder import Json
from ..profile.document import UNSET, Document, Unset
from ..profile.files import digest, write_atomic
from ..profile.model import schema
from ..profile.values import Plain
from ..secrets.vault import Vault
from .steps import CLIENT, SecretPlace, Setup, environment_name

SCHEMA_FILE = "tui-connector.schema.json"


@dataclass(frozen=True, slots=True)
class Saved:
    """What was written, and what is to be given by whoever runs the profile."""

    profile: Path
    schema: Path
    keyring: tuple[str, ...]
    environment: tuple[str, ...]


async def save(setup: Setup, document: Document | None, path: Path, vault: Vault, *, overwrite: bool = False) -> Saved:
    """Writes all of it. The secrets go first: a profile never names one that is not there.

    Raises `SecretError` where the keyring does not take them, `ChangedOnDisk`, `CannotSplice` or `OSError`.
    """
    names = [setup.secret_name(field) for field in setup.secret_fields()] if setup.begun else []
    stored: list[str] = []
    if setup.secret_place is SecretPlace.KEYRING:
        stored = await vault.store_held(names)
    await asyncio.to_thread(_write, setup, document, path, overwrite)
    environment = names if setup.secret_place is SecretPlace.ENVIRONMENT else []
    return Saved(path, path.parent / SCHEMA_FILE, tuple(stored), tuple(map(environment_name, environment)))


def _write(setup: Setup, document: Document | None, path: Path, overwrite: bool) -> None:
    data = setup.data()
    if document is None:
        whole = plain(data)
        assert isinstance(whole, dict)
        document = Document.new(whole)
    else:
        merge(document, data)
    document.save(path, overwrite=overwrite)
    write_schema(path.parent / SCHEMA_FILE)


def write_schema(path: Path) -> None:
    """Writes the JSON Schema for editors, where it is not there already as it is. Raises OSError."""
    text = json.dumps(schema(), indent=1, ensure_ascii=False).encode() + b"\n"
    there = path.read_bytes() if path.exists() else None
    if there != text:
        write_atomic(path, text, expect=None if there is None else digest(there))


def merge(document: Document, data: Mapping[str, Json]) -> None:
    """Puts the setup's parts into the draft and leaves what the guide does not know as it is."""
    for part in ("authentications", "clients", "incoming", "outgoing"):
        wanted = data.get(part)
        if not isinstance(wanted, dict):
            continue
        there = document.draft.get(part)
        for name, value in wanted.items():
            if part == "clients" and name == CLIENT and isinstance(there, dict) and isinstance(there.get(name), dict):
                _merge_client(document, name, there[name], value)
            elif not isinstance(there, dict) or there.get(name) != value:
                document.set((part, name), plain(value))
        for name in list(there) if isinstance(there, dict) and part in ("incoming", "outgoing") else []:
            if name not in wanted:
                document.set((part, name), UNSET)


def _merge_client(document: Document, name: str, there: Mapping[str, Json], wanted: Json) -> None:
    assert isinstance(wanted, dict)
    if there.get("authentications") != wanted.get("authentications"):
        document.set(("clients", name, "authentications"), plain(wanted.get("authentications")))
    plugins = there.get("plugins")
    for plugin in wanted["plugins"] if isinstance(wanted["plugins"], list) else []:
        assert isinstance(plugin, dict)
        same = [
            index
            for index, one in enumerate(plugins if isinstance(plugins, list) else [])
            if isinstance(one, dict) and one.get("kind") == plugin["kind"]
        ]
        for key, value in plugin.items():
            if same and key != "kind":
                document.set(("clients", name, "plugins", same[0], key), plain(value))


def plain(value: Json) -> Plain | Unset:
    """The value as a document takes it; null, which TOML does not have, takes the key out."""
    if value is None:
        return UNSET
    if isinstance(value, dict):
        return {key: cleaned for key, item in value.items() if not isinstance(cleaned := plain(item), Unset)}
    if isinstance(value, list):
        return [cleaned for item in value if not isinstance(cleaned := plain(item), Unset)]
    return value
