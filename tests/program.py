"""The program in a new process, as tests call it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

Ended = subprocess.CompletedProcess[str]
Program = Callable[..., Ended]
"""Its arguments; `stdin` and `environ` by name."""
