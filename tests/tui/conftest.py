"""Stores for walks through the guide."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from walking import Store


@pytest.fixture
def stores(clean_environment: dict[str, str]) -> Iterator[Callable[..., Store]]:
    """Starts sandboxes with settings, in processes of their own."""
    started: list[subprocess.Popen[str]] = []

    def start(*settings: str) -> Store:
        options = ["--port", "0", "--products", "5", "--json", *(part for each in settings for part in ("--set", each))]
        command = [sys.executable, "-m", "tui_connector", "sandbox", *options]
        process = subprocess.Popen(command, env=clean_environment, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        found: Store = json.loads(process.stdout.readline())
        return found

    yield start
    for process in started:
        process.terminate()
        process.communicate()
