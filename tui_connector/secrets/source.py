"""The source of a secret in a profile: a keyring entry, an environment variable, a command or a prompt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, ConfigDict, Field, PrivateAttr, model_validator

from ..kinds import Model
from .cleaning import SecretKind, secret_kind
from .errors import LiteralSecret
from .names import is_secret_parameter
from .plain_text import VARIABLE, is_random, is_secret_as_variable

ONE_SOURCE = (
    'name one source: { keyring = "name" }, { env = "NAME" }, { command = ["program", "argument"] } or { ask = true }'
)


VARIABLE_PATTERN = f"^{VARIABLE.pattern}$"


def command_variable(name: str) -> str:
    """A variable that may be passed to a command. Raises ValueError."""
    if not VARIABLE.fullmatch(name):
        raise ValueError(f"{name[:80]!r} is not the name of an environment variable")
    if name.upper().startswith("TUI_CONNECTOR_"):
        raise ValueError(f"{name} contains a secret of this program, which is not passed to commands")
    return name


class SecretSource(Model):
    """The source of a secret: exactly one of keyring, env, command and ask."""

    model_config = ConfigDict(json_schema_extra={"format": "secret"})

    other_words: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("prompt", "password", "typed", "interactive"), "ask"),
        **dict.fromkeys(("environment", "environment-variable", "variable", "var"), "env"),
        **dict.fromkeys(("cmd", "exec", "run", "program", "shell", "password-manager"), "command"),
        **dict.fromkeys(("keychain", "vault"), "keyring"),
    }

    keyring: Annotated[str | None, Field(title="In the keyring", min_length=1, max_length=200)] = None
    env: Annotated[str | None, Field(title="In an environment variable", pattern=VARIABLE_PATTERN)] = None
    command: Annotated[list[str] | None, Field(title="Printed by a command", min_length=1)] = None
    environment: Annotated[
        list[Annotated[str, AfterValidator(command_variable)]] | None,
        Field(title="Variables passed to the command", min_length=1),
    ] = None
    ask: Annotated[bool | None, Field(title="Prompted for, and kept for this session only")] = None

    _path: str = PrivateAttr("")
    _title: str = PrivateAttr("")

    @model_validator(mode="before")
    @classmethod
    def _no_literal(cls, value: object) -> object:
        if isinstance(value, str) or (isinstance(value, Mapping) and cls.literal_in(value)):
            raise LiteralSecret(
                "a secret does not belong in a profile: put it into the keyring "
                f"(tui-connector secrets set) and {ONE_SOURCE}"
            )
        if isinstance(value, Mapping):
            variable, entry = value.get("env"), value.get("keyring")
            if isinstance(variable, str) and is_secret_as_variable(variable):
                raise LiteralSecret(
                    "env is the name of an environment variable; this looks like the secret itself, which does not "
                    "belong in a profile"
                )
            if isinstance(entry, str) and entry.isalnum() and is_random(entry):
                raise LiteralSecret(
                    "keyring is the name of a keyring entry; this looks like the secret itself, which does not belong "
                    "in a profile"
                )
        return value

    @classmethod
    def literal_in(cls, table: Mapping[Any, Any]) -> str:
        """The secret itself, in a table such as `{ token = "…" }`; empty if there is none."""
        other = {name: text for name, text in table.items() if name not in cls.model_fields and isinstance(text, str)}
        return next((text for name, text in other.items() if name == "value" or is_secret_parameter(name)), "")

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(each not in (None, False) for each in (self.keyring, self.env, self.command, self.ask)) != 1:
            raise ValueError(ONE_SOURCE)
        if self.environment is not None and self.command is None:
            raise ValueError("environment requires a command: it lists the variables passed to it")
        return self

    @property
    def key(self) -> str:
        """The identifier of this secret in capabilities."""
        if self.keyring is not None:
            return f"keyring:{self.keyring}"
        if self.env is not None:
            return f"env:{self.env}"
        if self.command is not None:
            return f"command:{json.dumps([self.command, sorted(self.environment or [])])}"
        return f"ask:{self._path}"

    def set_place(self, path: str, title: str) -> None:
        """Sets its path in the profile, such as "integration/access-token": a prompted secret has no other name.

        `title` is that of its field and part, such as "Access token of authentication integration".
        """
        self._path, self._title = path, title

    @property
    def described(self) -> str:
        """The source, and the field and part of the profile that it is for, if any."""
        return f"{self.label} ({self._title})" if self._title else self.label

    @property
    def field(self) -> str:
        """The name of the field in the profile, such as "access-token"; "" if it is unknown."""
        return self._path.rpartition("/")[2]

    @property
    def kind(self) -> SecretKind:
        """Determines how its value is cleaned."""
        return secret_kind(self._path)

    @property
    def label(self) -> str:
        """The name of this secret in messages; it never contains the secret."""
        if self.keyring is not None:
            return self.keyring
        if self.env is not None:
            return f"environment variable {self.env}"
        return f"command {self.command[0]}" if self.command else self._path or "prompted secret"


def secret_field(title: str, description: str, default: Any = ...) -> Any:
    """A model field whose value is a `SecretSource`."""
    return Field(default, title=title, description=description, json_schema_extra={"format": "secret"})
