"""Where the versions of a profile are that were saved before this session."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

_ENDS = "Undo ends with the program"


def earlier_versions(path: Path) -> str:
    """Tells, in a sentence, where earlier versions of the profile are, or how to keep them. Blocks."""
    file = Path(os.path.realpath(path))
    if any(os.path.exists(folder / ".git") for folder in file.parents):
        command = f"git -C {shlex.quote(str(file.parent))} log -p {shlex.quote(file.name)}"
        return f"{_ENDS}; earlier versions are in git: {command}"
    return f"{_ENDS}; keep the profile in git to go back further."
