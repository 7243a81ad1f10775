"""Samples of outgoings that were edited in the guide. Each is kept beside the ledger of the outgoing's tasks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from ...outgoing.task_ledger import tasks_file
from ...profile.library import ProfileError
from ...secrets.plain_text import known_secrets_in
from ..drafts import read_draft, write_draft


def sample_file(state: Path, profile: Path, outgoing: str) -> Path:
    """Where the sample of an outgoing is kept. `state`: the state directory."""
    return tasks_file(state, profile, outgoing).with_suffix(".sample")


def read_samples(state: Path, profile: Path, outgoings: Iterable[str]) -> dict[str, str]:
    """The samples that are kept for these outgoings, as they were typed, by name. Blocks."""
    found = {}
    for name in outgoings:
        try:
            found[name] = read_draft(sample_file(state, profile, name)).decode("utf-8", "replace")
        except ProfileError:  # there is none, or it cannot be read: the default one is as good
            continue
    return found


def keep_samples(state: Path, profile: Path, samples: Mapping[str, str]) -> None:
    """Keeps these samples, by the names of their outgoings, but none with a known secret. Blocks.

    Raises `UserError` for a sample that is too large, and `CannotSave`.
    """
    for name, text in samples.items():
        if not known_secrets_in(text):
            write_draft(sample_file(state, profile, name), text.encode("utf-8", "surrogatepass"))
