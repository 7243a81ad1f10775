"""Profiles are taken away, and no other profile loses a secret by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui_connector.guide.keyring_entries import own_entries
from tui_connector.profile.library import Library

ACME = 'format = 1\n[authentications.a]\nkind = "bearer"\ntoken = { keyring = "acme/a/token" }\n'


@pytest.mark.parametrize("other", [ACME, ACME + "format = 1\n", ACME + "token = \n"])
def test_what_another_profile_names_is_not_its_own_whatever_state_that_is_in(other: str, tmp_path: Path) -> None:
    (tmp_path / "acme.toml").write_text(ACME)
    assert own_entries(tmp_path / "acme.toml", Library(tmp_path)) == ["acme/a/token"]
    (tmp_path / "copy.toml").write_text(other)
    assert own_entries(tmp_path / "acme.toml", Library(tmp_path)) == []
