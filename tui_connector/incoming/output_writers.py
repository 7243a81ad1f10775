"""Which configuration has written an output that is not this run's own, as the ledgers on this computer have it."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ..runs.database import LedgerError
from ..runs.ledger import last_sink, ledger_file
from ..templates import Json

_BASE_VALUES = "default"


def writer_of(is_of: Callable[[Json], bool], ledger: Path, profile: Path, output: str) -> str:
    """In words, such as "the incoming items in the environment staging"; "" where no ledger shows it. Blocks.

    `is_of` tells whether the output is that of a recorded position. `ledger` is that of the run, of this profile.
    """
    for path in sorted(ledger.parent.parent.glob("*/*.sqlite")):
        with suppress(LedgerError, OSError):
            if path != ledger and is_of(last_sink(path)):
                return _named(path, ledger, profile, output)
    return ""


def _named(path: Path, ledger: Path, profile: Path, output: str) -> str:
    """The configuration that has the ledger `path`: its folder is named after the profile and the environment."""
    if path.parent == ledger.parent:
        return f"the incoming {path.stem} of this profile"
    of, stem, state = path.parent.name.rpartition("-")[0], Path(os.path.realpath(profile)).stem, ledger.parents[2]
    environment = of.removeprefix(stem).removeprefix("-")
    if any(ledger_file(state, profile, path.stem, out, environment) == path for out in ("", output)):
        return f"the incoming {path.stem} in the environment {environment or _BASE_VALUES}"
    return f"the incoming {path.stem} of another profile ({of})"
