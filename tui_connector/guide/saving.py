"""Saves a setup: secrets into their place first, then the profile, then the schema beside it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Any

from ..files import digest, write_atomic
from ..profile.document import Document
from ..profile.model import schema
from ..secrets.vault import Vault
from .secret_sources import sources
from .setup import Setup

SCHEMA_FILE = "tui-connector.schema.json"
_ORDER = ("format", "name", "description", "authentications", "clients", "incoming", "outgoing")


@dataclass(frozen=True, slots=True)
class Saved:
    """What was written, and what is to be given by whoever runs the profile."""

    profile: Path
    schema: Path
    keyring: tuple[str, ...]
    environment: tuple[str, ...]


async def save(setup: Setup, path: Path, vault: Vault, *, overwrite: bool = False) -> Saved:
    """Writes all of it. The secrets go first: a profile never names one that is not there.

    Raises `SecretError` where the keyring does not take them, `ChangedOnDisk`, `CannotSplice`, `NotToml` or `OSError`.
    """
    if not overwrite:  # the secrets that this file names would be replaced before it is found not to be ours
        await asyncio.to_thread(setup.document.check_unchanged, path)
    named = [each for _, each in sources(setup.draft)]
    stored = await vault.store_held([str(each["keyring"]) for each in named if "keyring" in each])
    await asyncio.to_thread(_write, setup, path, overwrite)
    environment = tuple(str(each["env"]) for each in named if "env" in each)
    return Saved(path, path.parent / SCHEMA_FILE, tuple(stored), environment)


def _write(setup: Setup, path: Path, overwrite: bool) -> None:
    if not setup.saved:
        setup.document.draft = in_order(setup.draft)
    setup.document.save(path, overwrite=overwrite)
    write_schema(path.parent / SCHEMA_FILE)


def in_order(draft: Mapping[str, Any]) -> dict[str, Any]:
    """A new profile's parts in the order in which people read them."""
    return {key: draft[key] for key in (*_ORDER, *draft) if key in draft}


def preview(setup: Setup) -> str:
    """What saving would write: a new profile whole, of a saved one the lines that change.

    Raises `CannotSplice` or `NotToml`.
    """
    if not setup.saved:
        return Document.new(in_order(setup.draft)).text()
    document = setup.document
    return difference(document.text_as_read, document.text()) or "Nothing has changed since it was saved."


def difference(before: str, after: str) -> str:
    """The lines that differ, each with what stands around it; empty where none does."""
    lines = list(unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2))
    return "\n".join(lines[2:])


def write_schema(path: Path) -> None:
    """Writes the JSON Schema for editors, where it is not there already as it is. Raises OSError."""
    text = json.dumps(schema(), indent=1, ensure_ascii=False).encode() + b"\n"
    there = path.read_bytes() if path.exists() else None
    if there != text:
        write_atomic(path, text, expect=None if there is None else digest(there))
