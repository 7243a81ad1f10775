"""Keeps what tests start out of the home directory of whoever runs them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

STRAY = "stray-home"
_XDG = {
    "XDG_CONFIG_HOME": ".config",
    "XDG_STATE_HOME": ".local/state",
    "XDG_CACHE_HOME": ".cache",
    "XDG_DATA_HOME": ".local/share",
}
_real_directories: set[str] = set()


@contextmanager
def stray_home(home: Path) -> Iterator[None]:
    """Make `home` the home directory of this process, and of each that inherits its environment.

    Nothing may write there: a file in it shows that a test started something without a home of its own. From here on, a
    process that would write into the real home is refused when it is started.
    """
    real = os.path.expanduser("~")
    _real_directories.add(real)
    _real_directories.update(os.environ.get(name) or f"{real}/{usual}" for name, usual in _XDG.items())
    sys.addaudithook(_audit)
    before = {name: os.environ.pop(name) for name in ("HOME", *_XDG) if name in os.environ}
    os.environ["HOME"] = str(home)
    try:
        yield
    finally:
        _real_directories.clear()
        os.environ.update(before)


def assert_own_home(environment: Mapping[str, str]) -> None:
    """Without an absolute HOME, the program looks up the home directory of its user."""
    assert os.path.isabs(environment.get("HOME", "")), "this process has no HOME of its own, and would use the real one"
    for name in ("HOME", *_XDG):
        assert environment.get(name) not in _real_directories, f"{name} is a real directory of the user"


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "subprocess.Popen":
        environment = arguments[3]
        assert_own_home(os.environ if environment is None else environment)
