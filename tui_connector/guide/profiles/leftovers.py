"""What runs, the log and trust keep under the path of a profile, which a new profile there must not take over."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from pathlib import Path

from ...log.history import History
from ...outgoing.task_ledger import tasks_file
from ...profile.environment_names import names_of
from ...profile.trust_records import TrustRecords
from ...runs.ledger import ledger_file
from ...templates import Json
from ...text import listed


def state_folders(state: Path, path: Path, environments: Iterable[str]) -> Iterator[Path]:
    """The folders that are named after a profile, in each environment; "" is that without a name."""
    for each in environments:
        yield ledger_file(state, path, "-", "", each).parent
        yield tasks_file(state, path, "-", each).parent
        yield History(state, path, each).directory


def set_aside(state: Path, path: Path, draft: Mapping[str, Json]) -> list[str]:
    """Gives the folders of an earlier profile at this path other names, and ends the trust in it.

    Called before a new profile, with these data, is written there. Otherwise its runs would resume where those of the
    earlier one stopped. Returns notes, in full sentences. Raises `CannotSave` or OSError. Blocks.
    """
    if os.path.lexists(path):
        return []  # the profile is not written
    TrustRecords(state).revoke(path)
    kept = []
    for folder in state_folders(state, path, ["", *names_of(draft)]):
        if folder.is_dir():
            names = (f"{folder.name}.{number}" for number in count(1))
            target = next(free for name in names if not os.path.lexists(free := folder.with_name(name)))
            folder.rename(target)
            kept.append(str(target))
    if not kept:
        return []
    return [f"An earlier profile was named {path.stem}. Its runs and log do not count for this one; see {listed(kept)}"]
