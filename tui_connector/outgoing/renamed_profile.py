"""Ledgers of profiles that were renamed or moved: the path of a profile decides where its ledgers are."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..files import FileFault, read_private, write_private

_PROFILE = "profile"
"""The file beside the ledgers of a profile: the name of their directory when it was written, and the profile's path."""


@dataclass(frozen=True, slots=True)
class LeftLedger:
    """The ledger of an outgoing whose profile no longer exists."""

    path: Path
    profile: Path


def remember_profile(ledger: Path, profile: Path) -> None:
    """Records next to the ledger which profile it belongs to. Blocks.

    A failure only means that the ledger does not follow a rename.
    """
    place = ledger.parent / _PROFILE
    data = os.fsencode(f"{ledger.parent.name}\n{os.path.realpath(profile)}")
    with contextlib.suppress(OSError, FileFault):
        if not place.exists() or read_private(place) != data:
            write_private(place, data)


def left_ledgers(ledger: Path) -> Iterator[LeftLedger]:
    """The ledgers of outgoings with the name of this one, whose profiles no longer exist. Blocks."""
    for path in sorted(ledger.parent.parent.glob(f"*/{ledger.name}")):
        if path == ledger:
            continue
        with contextlib.suppress(OSError, FileFault):
            directory, _, profile = os.fsdecode(read_private(path.parent / _PROFILE)).partition("\n")
            # the directory has another name where the program renamed the profile, and moved it along
            if directory == path.parent.name and not os.path.lexists(profile):
                yield LeftLedger(path, Path(profile))
