"""Errors that are reported to a user, met in a test by their code."""

from __future__ import annotations

import pytest

from tui_connector.errors import UserError


def user_error(code: str, match: str | None = None) -> pytest.RaisesExc[UserError]:
    """The block raises a `UserError` with this code, whatever its words."""
    return pytest.raises(UserError, match=match, check=lambda error: error.code == code)
