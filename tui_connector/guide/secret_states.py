"""Whether the secrets that a profile names are available. Commands are not run, and no value is kept or returned."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from ..profile.model import ModelPath, NamedSecret, Profile
from ..profile.used_parts import ON_FAILURE, used_of
from ..secrets.backends import override_name
from ..secrets.errors import SecretError
from ..secrets.source import SecretSource
from ..secrets.vault import Vault
from ..templates import Json
from .secret_sources import SecretPlace, secret_origins, source_place, sources


@dataclass(frozen=True, slots=True)
class SecretState:
    """A secret of a profile: what it is, where it is, and whether it is there; `ok` is None where that is not known."""

    path: ModelPath
    text: str
    ok: bool | None
    for_session: bool = False
    """Whether it is there until the program exits, and missing afterwards."""

    @property
    def mark(self) -> str:
        """✔, !, ✘ or ○."""
        return "!" if self.for_session else {True: "✔", False: "✘", None: "○"}[self.ok]


_FILLED_IN = "filled in by the demo"


async def secret_states(
    data: Mapping[str, Json],
    vault: Vault,
    environ: Mapping[str, str],
    typed: Callable[[str, Collection[str]], bool],
    *,
    is_demo: bool = False,
) -> list[SecretState]:
    """The state of each secret, in the order of the profile. Commands are not run.

    `typed` tells whether a value was typed in this session for the key of a source and one of these origins; in the
    demo, this program did so.
    """
    usable = True
    found = []
    for path, source in sources(data):
        origins = secret_origins(data, path)
        match source_place(source):
            case SecretPlace.ENVIRONMENT:
                name = str(source["env"])
                there = bool(environ.get(name))
                if not there and typed(f"env:{name}", origins):
                    state = SecretState(path, f"this session only; variable {name} is not set", True, for_session=True)
                else:
                    state = SecretState(path, f"variable {name} {'is set' if there else 'is not set'}", there)
            case SecretPlace.COMMAND:
                state = SecretState(path, "from a command, when needed", None)
            case SecretPlace.ASK:
                given = " (entered for this session)" if typed(f"ask:{path[1]}/{path[-1]}", origins) else ""
                state = SecretState(path, f"prompted for when needed{given}", None)
            case SecretPlace.KEYRING:
                name = str(source["keyring"])
                if environ.get(override_name(name)):
                    state = SecretState(path, f"variable {override_name(name)} is set", True)
                else:
                    there, text = False, f"in the keyring: {name}"
                    if usable:
                        try:
                            there = vault.held(name) or await vault.origins_of(name) is not None
                            text = f"{'in' if there else 'missing in'} the keyring: {name}"
                        except SecretError as error:
                            usable, text = False, error.message
                    state = SecretState(path, text, there)
                    if not there and typed(f"keyring:{name}", origins):
                        words = f"this session only; later, set the variable {override_name(name)}"
                        state = SecretState(path, words, True, for_session=True)
        found.append(SecretState(path, _FILLED_IN, True) if is_demo and state.for_session else state)
    return found


async def missing_secrets(
    secrets: Iterable[NamedSecret], vault: Vault, environ: Mapping[str, str]
) -> list[NamedSecret]:
    """Those of the secrets that have no value.

    Commands are not run, and nothing is prompted for. Raises `SecretError` if the keyring cannot be used.
    """
    return [each for each in secrets if not await _has_value(each.source, vault, environ)]


async def _has_value(source: SecretSource, vault: Vault, environ: Mapping[str, str]) -> bool:
    """Whether there is a value, as far as that can be known in advance."""
    if source.keyring is not None:
        return bool(environ.get(override_name(source.keyring))) or await vault.origins_of(source.keyring) is not None
    return source.env is None or bool(environ.get(source.env))


def secrets_of_run(profile: Profile, name: str, direction: str = "") -> list[NamedSecret]:
    """The secrets that a headless run of this incoming or outgoing needs, also for the alert if it fails.

    `direction`: only of the incoming or the outgoing, where both have this name. Raises `UserError` if the profile has
    no such configuration.
    """
    profile.configuration(name)
    directions = [direction] if direction else ["incoming", "outgoing"]
    return [*used_of(profile, [*((each, name) for each in directions), ON_FAILURE]).secrets()]


def secret_variables(secrets: Iterable[NamedSecret]) -> list[tuple[str, str]]:
    """The environment variables that these secrets can be given in, each with the secret in words."""
    found = []
    for each in secrets:
        if each.source.keyring is not None:
            found.append((override_name(each.source.keyring), f"keyring entry {each.source.keyring}"))
        elif each.source.env is not None:
            found.append((each.source.env, each.name))
    return list(dict.fromkeys(found))
