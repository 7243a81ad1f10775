"""The message for a user about an error, and the exit code that a command ends with for it."""

from __future__ import annotations

import pytest

from tui_connector.cli.errors import CommandFailed, Exit, exit_code
from tui_connector.client.message import Failure, InvalidRequest, LoginRefused, NoResponse, RequestFailed
from tui_connector.errors import InvalidValue, UserError


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (UserError("any", "The disk is full"), "The disk is full"),
        (UserError("any", "The disk is full", "Free some space."), "The disk is full. Free some space."),
        (UserError("any", "Is it full?", "Free some space."), "Is it full? Free some space."),
        (UserError("any", "is missing", place="acme.toml:3:1"), "acme.toml:3:1: is missing"),
        (UserError("any", "Two things:\n  - a\n  - b", "Allow them."), "Two things:\n  - a\n  - b\nAllow them."),
    ],
)
def test_an_error_says_where_what_and_what_to_do(error: UserError, text: str) -> None:
    assert str(error) == text


def test_an_invalid_value_is_found_by_the_validation_of_a_profile() -> None:
    assert isinstance(InvalidValue("uri", "It contains no host"), ValueError)


@pytest.mark.parametrize(
    ("error", "code", "exit_with"),
    [
        (UserError("profile-missing", "There is no such file"), "profile-missing", Exit.SETUP),
        (UserError("already-running", "It is being read already"), "already-running", Exit.STOPPED),
        (InvalidRequest("The URI cannot be used"), "invalid-request", Exit.SETUP),
        (LoginRefused("The store refused the login", status=401), "login-refused", Exit.REFUSED),
        (RequestFailed("The login got no response"), "request-failed", Exit.FAILED),
        (NoResponse(Failure.DNS, "There is no such host", may_have_arrived=False), "no-response", Exit.STOPPED),
        (NoResponse(Failure.TLS_EXPIRED, "It has expired", may_have_arrived=False), "no-secure-connection", Exit.SETUP),
        (CommandFailed("Some items failed"), "command-failed", Exit.FAILED),
    ],
)
def test_the_code_of_an_error_decides_the_exit_code(error: UserError, code: str, exit_with: Exit) -> None:
    assert (error.code, exit_code(error)) == (code, exit_with)
