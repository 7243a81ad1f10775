"""Stores for walks through the guide."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import screens  # noqa: F401 - no app paints unless a test reads its screen
from walking import Store, sandbox_process


@pytest.fixture
def stores(clean_environment: dict[str, str]) -> Iterator[Callable[..., Store]]:
    """Starts sandboxes with settings, in processes of their own."""
    with ExitStack() as started:

        def start(*settings: str) -> Store:
            options = ["--products", "5", *(part for each in settings for part in ("--set", each))]
            return started.enter_context(sandbox_process(clean_environment, *options))

        yield start
