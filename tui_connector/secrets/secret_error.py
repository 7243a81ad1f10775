"""How a secret cannot be had."""

from __future__ import annotations

from ..errors import UserError


class SecretError(UserError):
    """A secret that cannot be had or must not be sent; `hint` says what to do. It never holds the secret.

    Its codes: "secret-missing": the source has no value. "secret-untrusted": the profile is not trusted to send it
    there, or to run its command. "keyring-unusable": there is no keyring, or it is locked, stuck, or loses what is put
    into it. "other-store": a keyring entry was given for another store. "command-failed": what a command did.
    """


class LiteralSecret(ValueError):
    """A secret is written out where a profile is only to name it."""


class OtherStore(SecretError):
    """A keyring entry was given for another store, so it was not replaced."""

    def __init__(self, name: str, stores: list[str]) -> None:
        given = f"The keyring entry {name} was stored for {', '.join(stores)}"
        super().__init__(
            "other-store",
            f"{given}. It was not replaced",
            "Use another entry in the profile, or replace it explicitly.",
        )
        self.name = name
        self.stores = stores
