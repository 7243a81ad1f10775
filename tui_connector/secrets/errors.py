"""Errors of secrets."""

from __future__ import annotations

from ..errors import UserError


class SecretError(UserError):
    """A secret that is not available or must not be sent; `hint` says what to do. Never contains the secret.

    Its codes: "secret-missing": the source has no value. "secret-untrusted": the profile is not trusted to send it
    there, or to run its command. "keyring-unusable": there is no keyring, or it is locked, hangs, or loses entries.
    "other-store": a keyring entry was stored for another store. "command-failed": a command failed.
    """


class LiteralSecret(ValueError):
    """A profile contains a secret itself instead of its source."""


class OtherStore(SecretError):
    """A keyring entry was stored for another store, so it was not replaced."""

    def __init__(self, name: str, stores: list[str]) -> None:
        stored = f"The keyring entry {name} was stored for {', '.join(stores)}"
        super().__init__(
            "other-store",
            f"{stored}. It was not replaced",
            "Use another entry in the profile, or replace it explicitly.",
        )
        self.name = name
        self.stores = stores
