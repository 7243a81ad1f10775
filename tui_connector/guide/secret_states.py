"""Whether the secrets that a profile names are available. Commands are not run, and no value is kept or returned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..profile.model import ModelPath
from ..secrets.backends import override_name
from ..secrets.errors import SecretError
from ..secrets.vault import Vault
from ..templates import Json
from .secret_sources import SecretPlace, source_place, sources


@dataclass(frozen=True, slots=True)
class SecretState:
    """A secret of a profile: what it is, where it is, and whether it is there; `ok` is None where that is not known."""

    path: ModelPath
    text: str
    ok: bool | None

    @property
    def mark(self) -> str:
        """✔, ✘ or ○."""
        return {True: "✔", False: "✘", None: "○"}[self.ok]


async def secret_states(data: Mapping[str, Json], vault: Vault, environ: Mapping[str, str]) -> list[SecretState]:
    """The state of each secret, in the order of the profile. Commands are not run."""
    usable = True
    found = []
    for path, source in sources(data):
        match source_place(source):
            case SecretPlace.ENVIRONMENT:
                there = bool(environ.get(str(source["env"])))
                state = SecretState(path, f"variable {source['env']} {'is set' if there else 'is not set'}", there)
            case SecretPlace.COMMAND:
                state = SecretState(path, "from a command, when needed", None)
            case SecretPlace.ASK:
                state = SecretState(path, "prompted for when needed", None)
            case SecretPlace.KEYRING:
                name = str(source["keyring"])
                if environ.get(override_name(name)):
                    state = SecretState(path, f"variable {override_name(name)} is set", True)
                elif not usable:
                    state = SecretState(path, f"in the keyring: {name}", False)
                else:
                    try:
                        there = vault.held(name) or await vault.origins_of(name) is not None
                        state = SecretState(path, f"{'in' if there else 'missing in'} the keyring: {name}", there)
                    except SecretError as error:
                        usable = False
                        state = SecretState(path, error.message, False)
        found.append(state)
    return found
