"""The public API for kinds of other packages: complete, and nothing by accident."""

from __future__ import annotations

from types import ModuleType

from tui_connector import api
from tui_connector.kinds import Kind


def test_it_offers_what_it_lists_and_nothing_else() -> None:
    offered = {name for name, value in vars(api).items() if not name.startswith("_") and type(value) is not ModuleType}
    assert set(api.__all__) == offered


def test_it_offers_every_family() -> None:
    assert [family.__name__ for family in Kind.__subclasses__() if family.__name__ not in api.__all__] == []
