"""How a profile names a secret: by exactly one source, never by its value."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, Field, PrivateAttr, model_validator

from ..kinds import Model
from .cleaning import SecretKind, kind_of
from .errors import LiteralSecret

ONE_SOURCE = (
    'name one source: { keyring = "name" }, { env = "NAME" }, { command = ["program", "argument"] } or { ask = true }'
)


def _given_to_commands(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(f"{name[:80]!r} is not the name of an environment variable")
    if name.upper().startswith("TUI_CONNECTOR_"):
        raise ValueError(f"{name} contains a secret of this program, which is not passed to commands")
    return name


class SecretSource(Model):
    """Where a secret comes from."""

    model_config = ConfigDict(json_schema_extra={"format": "secret"})

    keyring: Annotated[str | None, Field(title="In the keyring", min_length=1, max_length=200)] = None
    env: Annotated[str | None, Field(title="In an environment variable", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = None
    command: Annotated[list[str] | None, Field(title="Printed by a command", min_length=1)] = None
    environment: Annotated[
        list[Annotated[str, AfterValidator(_given_to_commands)]] | None,
        Field(title="Variables passed to the command", min_length=1),
    ] = None
    ask: Annotated[bool | None, Field(title="Prompted for, and kept for this session only")] = None

    _whose: str = PrivateAttr("")

    @model_validator(mode="before")
    @classmethod
    def _no_literal(cls, value: object) -> object:
        if isinstance(value, str):
            raise LiteralSecret(
                "a secret does not belong in a profile: put it into the keyring "
                f"(tui-connector secrets set) and {ONE_SOURCE}"
            )
        return value

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [name for name in ("keyring", "env", "command", "ask") if getattr(self, name) not in (None, False)]
        if len(given) != 1:
            raise ValueError(ONE_SOURCE)
        if self.environment is not None and self.command is None:
            raise ValueError("environment requires a command: it lists the variables passed to it")
        return self

    @property
    def key(self) -> str:
        """What capabilities call this secret."""
        if self.keyring is not None:
            return f"keyring:{self.keyring}"
        if self.env is not None:
            return f"env:{self.env}"
        if self.command is not None:
            return f"command:{json.dumps([self.command, sorted(self.environment or [])])}"
        return f"ask:{self._whose}"

    def belongs_to(self, whose: str) -> None:
        """Says which secret of a profile this is: one that is asked for has no other name."""
        self._whose = whose

    @property
    def kind(self) -> SecretKind:
        """What may be removed from its value."""
        return kind_of(self._whose)

    @property
    def label(self) -> str:
        """What to call this secret in a message; it never holds the secret."""
        if self.keyring is not None:
            return self.keyring
        if self.env is not None:
            return f"environment variable {self.env}"
        return f"command {self.command[0]}" if self.command else self._whose or "asked for"


def secret_field(title: str, description: str, default: Any = ...) -> Any:
    """The field of a model that names a secret."""
    return Field(default, title=title, description=description, json_schema_extra={"format": "secret"})
