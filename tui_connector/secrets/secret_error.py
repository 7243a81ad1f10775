"""How a secret cannot be had."""

from __future__ import annotations


class SecretError(Exception):
    """A secret that cannot be had or must not be sent; `hint` says what to do. It never holds the secret."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message


class LiteralSecret(ValueError):
    """A secret is written out where a profile is only to name it."""


class KeyringUnusable(SecretError):
    """There is no keyring, or it is locked, stuck, or loses what is put into it."""


class SecretMissing(SecretError):
    """The source has no value."""


class NotTrusted(SecretError):
    """The profile is not trusted to send this secret there, or to run this command."""


class OtherStore(SecretError):
    """A keyring entry was given for another store, so it was not replaced."""

    def __init__(self, name: str, stores: list[str]) -> None:
        given = f"The keyring entry {name} was given for {', '.join(stores)}"
        super().__init__(
            f"{given}. It was not replaced", "Name another entry in the profile, or replace it on purpose."
        )
        self.name = name
        self.stores = stores
